"""A machine-learning project whose every part is an object in `params/`."""
