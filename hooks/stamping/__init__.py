"""What the hooks do, as modules that tests can import: only the standard library and PyYAML are needed."""
