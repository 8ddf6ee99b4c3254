-- Expression: one object of a wait for people, NULL columns being a nil channel.
CASE WHEN object.id IS NULL THEN 'nil chan'
ELSE CASE kind WHEN 'chan' THEN CASE is_timer WHEN 1 THEN 'timer chan ' ELSE 'chan ' END || coalesce(type, '?')
               WHEN 'unknown' THEN '' ELSE kind END
  || CASE WHEN capacity > 0 THEN ' cap ' || capacity ELSE '' END || printf(' 0x%llx', addr)
  || CASE WHEN generation > 1 THEN '#' || generation ELSE '' END
  || CASE is_doubtful WHEN 1 THEN '?' ELSE '' END END
