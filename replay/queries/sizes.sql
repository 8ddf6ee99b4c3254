-- What the bytes of a recording are for: of the file, and of the database.
--
-- include: sizes_columns
WITH btree (tbl, name, bytes) AS MATERIALIZED (
  SELECT coalesce(s.tbl_name, dbstat.name), dbstat.name, dbstat.pgsize
  FROM dbstat LEFT JOIN sqlite_schema AS s ON s.name = dbstat.name WHERE aggregate = 1
),
sized (ordinal, what, part, bytes, count) AS MATERIALIZED (
  SELECT 1, json_extract(value, '$.what'), json_extract(value, '$.part'), json_extract(value, '$.bytes'), json_extract(value, '$.count')
  FROM json_each(coalesce(:file, '[]'))
  UNION ALL
  SELECT 2, tbl, NULL, sum(bytes), NULL FROM btree GROUP BY tbl
  UNION ALL
  SELECT 2, tbl, CASE name WHEN tbl THEN 'rows' ELSE name END, bytes, NULL FROM btree
),
-- include: sizes_shown
