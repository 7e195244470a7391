"""Nested cross-validation."""
