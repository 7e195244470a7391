"""From YAML to Python and back: the grammar, discovery of classes, search spaces, params and the plan."""
