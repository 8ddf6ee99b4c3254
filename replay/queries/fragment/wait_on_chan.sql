-- Condition on packed_wait or wait_sum: on the channels of match_chan.
AND (:chan IS NULL OR object IN match_packed OR (stack_id IN match_stack AND reason IN chan_reason))
