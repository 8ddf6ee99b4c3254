-- Whether a description of channels describes anything in this trace: one row.
--
-- Parameters:
--   :chan, :chan_addr, :chan_type, :chan_function, :chan_file, :chan_line   as in who_blocked
-- Columns:
--   objects        1: objects have this address or element type
--   sites          1: channel waits happened there
--   other_reason   a reason of other waits there, or NULL
WITH
-- include: match_chan
site (is_found) AS MATERIALIZED (
  -- CASE, because AND evaluates both of its sides.
  SELECT CASE WHEN EXISTS (SELECT 1 FROM match_stack)
              THEN EXISTS (SELECT 1 FROM wait_sum WHERE stack_id IN match_stack AND reason IN chan_reason) ELSE 0 END
)
SELECT EXISTS (SELECT 1 FROM match_object) AS objects, is_found AS sites,
       CASE WHEN is_found THEN NULL WHEN EXISTS (SELECT 1 FROM match_stack) THEN (
         SELECT reason.name FROM wait_sum JOIN reason ON reason.number = wait_sum.reason
         WHERE wait_sum.stack_id IN match_stack LIMIT 1) END AS other_reason
FROM site;
