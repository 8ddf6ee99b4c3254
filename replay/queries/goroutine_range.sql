-- How many goroutines were seen, and their numbers: one row.
--
-- Parameters:
--   :goid   a goroutine
-- Columns:
--   goroutines        how many there are
--   lowest, highest   goids known
--   is_known          1: :goid is one of them
SELECT count(*) AS goroutines, min(CASE WHEN goid > 0 THEN goid END) AS lowest, max(goid) AS highest,
       EXISTS (SELECT 1 FROM goroutine WHERE goid = :goid) AS is_known
FROM goroutine;
