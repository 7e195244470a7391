"""From YAML to Python and back: the grammar, the registry and the search spaces."""
