"""The model as a service: `python -m <package> serve`."""
