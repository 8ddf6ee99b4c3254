-- CTE match_reason: the wait reasons that :reason or :all allow.
match_reason (number) AS MATERIALIZED (
  SELECT number FROM reason
  WHERE CASE WHEN :reason IS NOT NULL THEN lower(name) = lower(:reason) OR class = lower(:reason)
             ELSE :all IS NOT NULL OR class IN ('chan_recv', 'chan_send', 'select', 'mutex', 'rwmutex', 'cond', 'waitgroup') END
),
