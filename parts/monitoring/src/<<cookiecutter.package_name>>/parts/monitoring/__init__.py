"""Monitoring: a log of predictions, metrics of them for Prometheus, and drift."""
