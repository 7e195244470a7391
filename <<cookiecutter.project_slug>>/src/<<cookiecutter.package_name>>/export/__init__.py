"""The model in the formats of other programs, for the flavors of `components/flavors.py`."""
