"""The whole model as one of MLflow's."""
