-- CTE part: how the goroutine of each row of asked (id, goid, from_ns, to_ns) spent this time. Not by the view interval: SQLite would
-- make all of its rows. Rows of a goroutine follow each other, and none reaches beyond its neighbours.
-- Ids of waits ascend with their ends: from the last one before the first block that reaches so far, to the first one that begins later.
near_ids (id, goid, from_ns, to_ns, first_id) AS MATERIALIZED (
  SELECT asked.id, goid, from_ns, to_ns,
         coalesce((SELECT max(w.id) FROM packed_wait AS w WHERE w.goid = asked.goid
                   AND w.id < 1024 * coalesce((SELECT b.id FROM wait_block AS b WHERE b.last_ns >= from_ns ORDER BY b.id LIMIT 1), 1000000000000)), 0)
  FROM asked
),
near_wait AS MATERIALIZED (
  SELECT asked.id AS asked_id, asked.from_ns, asked.to_ns, w.id, w.start_ns, w.start_ns - w.before_ns AS before_ns, w.facts,
         w.start_ns + CASE WHEN w.facts & 1 THEN w.wait_ns ELSE w.run_after_ns END AS wake_ns, w.start_ns + w.wait_ns + w.run_after_ns AS run_ns
  FROM near_ids AS asked CROSS JOIN packed_wait AS w ON w.goid = asked.goid AND w.id >= first_id
    AND w.id <= coalesce((SELECT a.id FROM packed_wait AS a WHERE a.goid = asked.goid AND a.id >= first_id AND a.start_ns >= asked.to_ns
                          ORDER BY a.id LIMIT 1), 9223372036854775807)
),
near_turn AS MATERIALIZED (
  SELECT asked.id AS asked_id, asked.from_ns, asked.to_ns, t.start_ns, t.start_ns - t.before_ns AS before_ns, t.start_ns + t.run_after_ns AS run_ns
  FROM asked CROSS JOIN packed_turn AS t ON t.goid = asked.goid
    AND t.start_ns >= coalesce((SELECT max(b.start_ns) FROM packed_turn AS b WHERE b.goid = asked.goid AND b.start_ns <= asked.from_ns), asked.from_ns)
    AND t.start_ns <= coalesce((SELECT min(a.start_ns) FROM packed_turn AS a WHERE a.goid = asked.goid AND a.start_ns >= asked.to_ns), asked.to_ns)
),
near_stretch (id, from_ns, to_ns, state, wait_id, start_ns, end_ns) AS (
  SELECT asked_id, from_ns, to_ns, 2, NULL, before_ns, start_ns FROM near_wait WHERE facts & 266240
  UNION ALL SELECT asked_id, from_ns, to_ns, 3, id, start_ns, wake_ns FROM near_wait WHERE facts & 528384
  UNION ALL SELECT asked_id, from_ns, to_ns, 1, NULL, wake_ns, run_ns FROM near_wait WHERE facts & 1052672
  UNION ALL SELECT asked_id, from_ns, to_ns, 2, NULL, before_ns, start_ns FROM near_turn WHERE before_ns IS NOT NULL
  UNION ALL SELECT asked_id, from_ns, to_ns, 1, NULL, start_ns, run_ns FROM near_turn
  UNION ALL
  SELECT asked.id, asked.from_ns, asked.to_ns, 1, NULL, g.first_ns + g.created_after_ns,
         g.first_ns + g.created_after_ns + g.runnable_ns - g.later_runnable_ns
  FROM asked CROSS JOIN packed_goroutine AS g ON g.goid = asked.goid AND g.facts & 32
  UNION ALL
  SELECT asked.id, asked.from_ns, asked.to_ns, 2, NULL, coalesce(g.told_end_ns, g.first_ns + g.life_ns - g.ended_before_ns) - g.running_ns + g.earlier_running_ns,
         coalesce(g.told_end_ns, g.first_ns + g.life_ns - g.ended_before_ns)
  FROM asked CROSS JOIN packed_goroutine AS g ON g.goid = asked.goid AND g.facts & 128
  UNION ALL
  SELECT asked.id, asked.from_ns, asked.to_ns, i.state, i.wait_id, i.start_ns, i.end_ns
  FROM asked CROSS JOIN plain_interval AS i ON i.goid = asked.goid AND i.start_ns < asked.to_ns
    AND i.start_ns >= coalesce((SELECT max(b.start_ns) FROM plain_interval AS b WHERE b.goid = asked.goid AND b.start_ns <= asked.from_ns), asked.from_ns)
),
part AS MATERIALIZED (
  SELECT id, state, wait_id, min(coalesce(end_ns, to_ns), to_ns) - max(start_ns, from_ns) AS ns
  FROM near_stretch WHERE start_ns < to_ns AND coalesce(end_ns, to_ns) > from_ns
),
