-- The channels that the program's own goroutines waited for most, with little about each: for the summary.
--
-- Parameters:
--   :limit           rows; NULL: all
-- Columns:
--   addr, generation       the channel; an address may be reused by another channel
--   type, cap              element type and capacity
--   waits, total_wait_ns   waits on it (a select counts for each of its channels)
--   site_text              the first site, and how many more, for the table
WITH used AS MATERIALIZED (
  SELECT +wait_object.object_id AS object_id, count(*) AS waits, coalesce(sum(wait.wait_ns), 0) AS total_wait_ns
  FROM wait CROSS JOIN wait_object ON wait_object.wait_id = wait.id
  WHERE wait.is_system = 0 AND +wait_object.object_id IN (SELECT id FROM object WHERE kind = 'chan')
  GROUP BY 1
),
picked AS MATERIALIZED (
  SELECT object.*, waits, total_wait_ns FROM used JOIN object ON object.id = used.object_id
  ORDER BY total_wait_ns DESC, waits DESC, object.id LIMIT coalesce(:limit, -1)
)
SELECT printf('0x%llx', addr) AS addr, generation, type, capacity AS cap, waits, total_wait_ns,
       (
          -- include: chan_site_text
       ) AS "site_text:table"
FROM picked
ORDER BY total_wait_ns DESC, waits DESC, id;
