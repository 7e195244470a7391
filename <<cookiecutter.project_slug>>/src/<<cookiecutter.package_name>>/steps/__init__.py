"""The steps of the pipeline as functions from data to data: no files, no params, no DVC."""
