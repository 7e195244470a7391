"""The model as a folder, and the pipeline from new rows to predictions."""
