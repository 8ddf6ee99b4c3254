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
  SELECT object_id, sum(waits) AS waits, sum(wait_ns) AS total_wait_ns
  FROM object_sum WHERE is_system = 0 AND object_id IN (SELECT id FROM object WHERE kind = 'chan')
  GROUP BY object_id
),
picked AS MATERIALIZED (
  SELECT object.*, waits, total_wait_ns FROM used JOIN object ON object.id = used.object_id
  ORDER BY total_wait_ns DESC, waits DESC, object.id LIMIT coalesce(:limit, -1)
),
-- include: chan_sums
place_sum AS (SELECT * FROM picked_sum),
shown AS (SELECT * FROM picked)
SELECT printf('0x%llx', addr) AS addr, generation, type, capacity AS cap, waits, total_wait_ns,
       (
          -- include: chan_site_text
       ) AS "site_text:table"
FROM shown AS picked
ORDER BY total_wait_ns DESC, waits DESC, id;
