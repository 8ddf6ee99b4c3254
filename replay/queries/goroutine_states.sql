-- How many goroutines there were in each state at the end of the recording, the program's own and the runtime's.
--
-- Parameters: none
-- Columns:
--   state        name
--   own, system  goroutines of the program, of the runtime
SELECT state.name AS state, sum(is_system = 0) AS own, sum(is_system <> 0) AS system
FROM goroutine JOIN state ON state.id = goroutine.state
GROUP BY state.id ORDER BY state.id;
