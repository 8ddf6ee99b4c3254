-- Query: the objects of the wait w as a JSON array.
SELECT json_group_array(json_object(
  'kind', coalesce(kind, 'chan'), 'addr', printf('0x%llx', coalesce(addr, 0)), 'type', type, 'cap', capacity,
  'generation', generation, 'direction', direction,
  'fired', json(CASE is_fired WHEN 1 THEN 'true' WHEN 0 THEN 'false' END),
  'timer', json(CASE is_timer WHEN 1 THEN 'true' ELSE 'false' END),
  'doubt', json(CASE is_doubtful WHEN 1 THEN 'true' ELSE 'false' END)))
FROM (SELECT object.*, wait_object.direction, wait_object.is_fired FROM wait_object LEFT JOIN object ON object.id = wait_object.object_id
      WHERE wait_object.wait_id = w.id ORDER BY wait_object.ordinal)
