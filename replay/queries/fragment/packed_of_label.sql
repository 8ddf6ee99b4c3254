-- Condition on packed_wait: its labels are of match_label.
AND (:label_key IS NULL OR packed_wait.labels_id IN match_label)
