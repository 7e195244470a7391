"""Notebooks and the stages of the pipeline from Python.

`interactive` runs single stages and returns what they made, `pages` runs notebooks and pairs them with the files of
Jupyter, `badges` writes links that open them elsewhere.
"""
