-- How many wait reasons of this Go version have a name or class: one row.
--
-- Parameters:
--   :reason   the runtime's string or the class, in any case
-- Columns:
--   reasons   how many
SELECT count(*) AS reasons FROM reason WHERE lower(name) = lower(:reason) OR class = lower(:reason);
