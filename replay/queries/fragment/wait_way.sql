-- CTE wait_way (way): the quickest way to the waits that were asked for: see found_wait. An index leads to waits all over the table, which is slower than going through it when there are many. That of objects knows channels only.
wait_way (way) AS MATERIALIZED (
  SELECT CASE WHEN :goid IS NOT NULL THEN 'goroutine'
              WHEN :chan IS NOT NULL AND NOT EXISTS (SELECT 1 FROM match_stack)
                   AND NOT EXISTS (SELECT 1 FROM match_object JOIN object ON object.id = match_object.id WHERE kind <> 'chan')
                   AND (SELECT count(*) FROM (SELECT 1 FROM match_packed CROSS JOIN packed_wait INDEXED BY packed_wait_object
                                                ON packed_wait.object = match_packed.object AND (packed_wait.object < 0 OR packed_wait.facts & 3072)
                                              LIMIT (SELECT 20000 + max(id) / 30 FROM packed_wait)))
                       < (SELECT 20000 + max(id) / 30 FROM packed_wait) THEN 'object'
              WHEN :since IS NOT NULL OR :until IS NOT NULL THEN 'time'
              ELSE 'all' END
),
