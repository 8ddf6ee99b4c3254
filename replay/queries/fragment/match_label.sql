-- CTE match_label: the sets of labels that :label_key and :label_value describe.
match_label (id) AS MATERIALIZED (
  SELECT labels.id FROM labels
  WHERE :label_key IS NOT NULL
    AND EXISTS (SELECT 1 FROM json_each(labels.json) WHERE key = :label_key AND (:label_value IS NULL OR value = :label_value))
),
