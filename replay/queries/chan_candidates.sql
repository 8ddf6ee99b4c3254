-- What may be given to who-blocked --chan: types, addresses, functions and lines of the channels that were waited for.
--
-- Parameters: none
-- Columns:
--   kind        type, address, function, line
--   candidate   the text to give
WITH chan_stack AS MATERIALIZED (
  SELECT DISTINCT site_function_id, site_file_id, site_line FROM stack
  WHERE id IN (SELECT DISTINCT stack_id FROM wait_sum WHERE reason IN
                 (SELECT number FROM reason WHERE class IN ('chan_recv', 'chan_send', 'select')))
)
SELECT 'type' AS kind, 'chan ' || type AS candidate
FROM (SELECT DISTINCT type FROM object WHERE kind = 'chan' AND type IS NOT NULL LIMIT 5000)
UNION ALL
SELECT 'address', printf('0x%llx', addr) FROM (SELECT DISTINCT addr FROM object WHERE kind = 'chan' LIMIT 20000)
UNION ALL
SELECT 'function', function.name
FROM (SELECT DISTINCT site_function_id AS id FROM chan_stack) JOIN function USING (id)
UNION ALL
SELECT 'line', replace(path, rtrim(path, replace(path, '/', '')), '') || ':' || site_line
FROM chan_stack JOIN file ON file.id = chan_stack.site_file_id WHERE site_line IS NOT NULL;
