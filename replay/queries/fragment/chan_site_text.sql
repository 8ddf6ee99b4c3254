-- Query: where the channel picked was waited for longest, and how many more places there are.
SELECT text FROM (
  SELECT coalesce(site.name, '?') || coalesce(' ' || replace(path, rtrim(path, replace(path, '/', '')), ''), '')
         || coalesce(':' || stack.site_line, '') || coalesce(' (' || used.direction || ')', '')
         || CASE count(*) OVER () WHEN 1 THEN '' ELSE ' +' || (count(*) OVER () - 1) END AS text
  FROM place_sum AS used
  LEFT JOIN stack ON stack.id = used.stack_id
  LEFT JOIN function AS site ON site.id = stack.site_function_id
  LEFT JOIN file ON file.id = stack.site_file_id
  WHERE used.object_id = picked.id
  GROUP BY stack.site_function_id, stack.site_file_id, stack.site_line, used.direction
  ORDER BY sum(used.wait_ns) DESC LIMIT 1)
