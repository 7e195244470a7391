"""Versions of the model: registered, put into stages, taken back, fetched. No stage of the pipeline imports this."""
