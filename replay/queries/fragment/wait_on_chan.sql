-- Condition on wait: on the channels of match_chan.
AND (:chan IS NULL OR (stack_id IN match_stack AND reason IN chan_reason)
   OR (EXISTS (SELECT 1 FROM match_object) AND EXISTS (
     SELECT 1 FROM wait_object WHERE wait_object.wait_id = wait.id AND +wait_object.object_id IN match_object)))
