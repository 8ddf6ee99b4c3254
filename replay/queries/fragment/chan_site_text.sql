-- Query: where the channel picked was waited for longest, and how many more places there are.
SELECT text FROM (
  SELECT coalesce(site.name, '?') || coalesce(' ' || replace(path, rtrim(path, replace(path, '/', '')), ''), '')
         || coalesce(':' || stack.site_line, '') || coalesce(' (' || wait_object.direction || ')', '')
         || CASE count(*) OVER () WHEN 1 THEN '' ELSE ' +' || (count(*) OVER () - 1) END AS text
  FROM wait_object CROSS JOIN wait ON wait.id = wait_object.wait_id
  LEFT JOIN stack ON stack.id = wait.stack_id
  LEFT JOIN function AS site ON site.id = stack.site_function_id
  LEFT JOIN file ON file.id = stack.site_file_id
  WHERE wait_object.object_id = picked.id
  GROUP BY stack.site_function_id, stack.site_file_id, stack.site_line, wait_object.direction
  ORDER BY sum(wait.wait_ns) DESC LIMIT 1)
