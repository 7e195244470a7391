"""Your own classes, metrics and charts: what a module here defines can be named in the params by its name alone.

`example.py` shows how. Nothing needs to be registered; `make list` shows what was found. The classes that the project
came with are in `components/`.
"""
