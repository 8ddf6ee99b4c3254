-- Query: the objects of the wait w for people; the cases of a select with their directions, and which one ended it.
SELECT group_concat(text, ', ') FROM (
  SELECT coalesce(object_named.text, 'nil chan')
         || CASE WHEN (SELECT class FROM reason WHERE number = w.reason) = 'select' AND wait_object.direction IS NOT NULL
                 THEN ' (' || wait_object.direction || CASE wait_object.is_fired WHEN 1 THEN ', fired)' ELSE ')' END
                 ELSE '' END AS text
  FROM wait_object LEFT JOIN object_named ON object_named.id = wait_object.object_id
  WHERE wait_object.wait_id = w.id ORDER BY wait_object.ordinal)
