-- CTEs match_object, match_packed, match_stack, chan_reason: what :chan and its companions describe; match_packed as it stands in
-- packed_wait.object.
match_object (id) AS MATERIALIZED (
  SELECT id FROM object
  WHERE :chan IS NOT NULL
    AND (addr = :chan_addr OR (kind = 'chan' AND replace(type, ' ', '') = replace(:chan_type, ' ', '')))
),
match_packed (object) AS MATERIALIZED (
  SELECT id FROM match_object UNION SELECT -object_set.set_id FROM match_object CROSS JOIN object_set ON object_set.object_id = match_object.id
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
