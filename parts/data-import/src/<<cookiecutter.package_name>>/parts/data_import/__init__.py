"""Data that is kept in a git repository of its own."""
