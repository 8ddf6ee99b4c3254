-- How many sets of pprof labels of this trace have a label: one row.
--
-- Parameters:
--   :label_key, :label_value   key; value, or NULL: any
-- Columns:
--   sets   how many
WITH
-- include: match_label
one (n) AS (SELECT 1)
SELECT count(*) AS sets FROM match_label;
