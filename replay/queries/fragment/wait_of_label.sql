-- Condition on wait: its labels are of match_label.
AND (:label_key IS NULL OR wait.labels_id IN match_label)
