-- CTE picked_sum: the sums over waits for the channels of picked, a select's for each of its channels. Not by the view
-- object_wait_sum: SQLite would make all of its rows for each channel.
picked_sum AS MATERIALIZED (
  SELECT picked.id AS object_id, CASE reason.class WHEN 'chan_send' THEN 'send' WHEN 'chan_recv' THEN 'recv' END AS direction,
         wait_sum.stack_id, wait_sum.waits, wait_sum.wait_ns
  FROM picked CROSS JOIN wait_sum INDEXED BY wait_sum_object ON wait_sum.object = picked.id
  CROSS JOIN reason ON reason.number = wait_sum.reason
  UNION ALL
  SELECT picked.id, CASE direction WHEN 1 THEN 'send' WHEN 2 THEN 'recv' END, wait_sum.stack_id, wait_sum.waits, wait_sum.wait_ns
  FROM picked CROSS JOIN object_set ON object_set.object_id = picked.id
  CROSS JOIN wait_sum INDEXED BY wait_sum_object ON wait_sum.object = -object_set.set_id
),
