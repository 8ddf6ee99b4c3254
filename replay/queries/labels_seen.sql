-- The pprof labels of this trace, those of most goroutines first.
--
-- Parameters: none
-- Columns:
--   label        key=value
--   goroutines   how many have it at their end
SELECT key || '=' || value AS label, count(*) AS goroutines
FROM goroutine JOIN labels ON labels.id = goroutine.labels_id, json_each(labels.json)
GROUP BY 1 ORDER BY 2 DESC, 1;
