-- Whether a description of channels describes anything in this trace: one row.
--
-- Parameters:
--   :chan, :chan_addr, :chan_type, :chan_function, :chan_file, :chan_line   as in who_blocked
-- Columns:
--   objects        1: objects have this address or element type
--   sites          1: channel waits happened there
--   other_reason   a reason of other waits there, or NULL
WITH
match_object (id) AS MATERIALIZED (
  SELECT id FROM object
  WHERE :chan IS NOT NULL
    AND (addr = :chan_addr OR (kind = 'chan' AND replace(type, ' ', '') = replace(:chan_type, ' ', '')))
),
match_stack (id) AS MATERIALIZED (
  SELECT stack.id FROM function JOIN stack ON stack.site_function_id = function.id
  WHERE :chan IS NOT NULL AND function.name = :chan_function
  UNION
  SELECT stack.id FROM file JOIN stack ON stack.site_file_id = file.id
  WHERE :chan IS NOT NULL AND (file.path = :chan_file OR substr(file.path, -length(:chan_file) - 1) = '/' || :chan_file)
    AND (:chan_line IS NULL OR stack.site_line = :chan_line)
),
chan_reason (number) AS MATERIALIZED (
  SELECT number FROM reason WHERE class IN ('chan_recv', 'chan_send', 'select')
),
site (is_found) AS MATERIALIZED (
  -- CASE, because AND evaluates both of its sides.
  SELECT CASE WHEN EXISTS (SELECT 1 FROM match_stack)
              THEN EXISTS (SELECT 1 FROM wait WHERE stack_id IN match_stack AND reason IN chan_reason) ELSE 0 END
)
SELECT EXISTS (SELECT 1 FROM match_object) AS objects, is_found AS sites,
       CASE WHEN is_found THEN NULL WHEN EXISTS (SELECT 1 FROM match_stack) THEN (
         SELECT reason.name FROM wait JOIN reason ON reason.number = wait.reason
         WHERE wait.stack_id IN match_stack LIMIT 1) END AS other_reason
FROM site;
