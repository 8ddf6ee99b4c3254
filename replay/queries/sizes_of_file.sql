-- What the bytes of the file are for, where SQLite cannot tell about the database.
--
-- include: sizes_columns
WITH sized (ordinal, what, part, bytes, count) AS MATERIALIZED (
  SELECT 1, json_extract(value, '$.what'), json_extract(value, '$.part'), json_extract(value, '$.bytes'), json_extract(value, '$.count')
  FROM json_each(coalesce(:file, '[]'))
),
-- include: sizes_shown
