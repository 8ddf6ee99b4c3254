-- The rest of a query whose CTE sized (ordinal, what, part, bytes, count) tells of the file (ordinal 1) and the database (2).
whole AS MATERIALIZED (SELECT ordinal, sum(bytes) AS bytes FROM sized WHERE part IS NULL GROUP BY ordinal),
top AS MATERIALIZED (SELECT ordinal, what, bytes FROM sized WHERE part IS NULL)
SELECT CASE sized.ordinal WHEN 1 THEN 'file' ELSE 'database' END AS of, sized.what, sized.part, CAST(round(sized.bytes) AS INTEGER) AS bytes,
       sized.bytes * 1.0 / nullif(whole.bytes, 0) AS share, sized.count,
       sized.bytes * 1.0 / nullif((SELECT event_count FROM recording), 0) AS bytes_per_event
FROM sized JOIN whole ON whole.ordinal = sized.ordinal JOIN top ON top.ordinal = sized.ordinal AND top.what = sized.what
-- The only part of something says no more than the whole of it.
WHERE :least IS NULL OR (sized.bytes >= whole.bytes * CAST(:least AS REAL) AND (sized.part IS NULL OR sized.bytes < top.bytes))
ORDER BY sized.ordinal, top.bytes DESC, sized.what, sized.part IS NOT NULL, sized.bytes DESC, sized.part;
