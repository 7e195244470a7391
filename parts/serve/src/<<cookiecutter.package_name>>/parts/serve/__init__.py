"""The model as a service over HTTP."""
