"""Retraining: new data, a new model, and whether it is better than the registered one."""
