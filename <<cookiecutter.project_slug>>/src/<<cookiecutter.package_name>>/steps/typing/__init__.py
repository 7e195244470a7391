"""Typing: turn the cells of a table into typed columns, by the schema alone and never by the other rows."""
