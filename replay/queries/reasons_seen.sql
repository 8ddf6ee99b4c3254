-- The wait reasons of this trace, most frequent first.
--
-- Parameters: none
-- Columns:
--   reason, reason_class   name and class
--   waits                  how many waits began for it
SELECT reason.name AS reason, reason.class AS reason_class, sum(waits) AS waits
FROM wait_sum JOIN reason ON reason.number = wait_sum.reason
GROUP BY reason.number ORDER BY waits DESC, reason.number;
