"""Find out how a file is written: its encoding, separator, header and sheet.

The template's hooks import these modules as well, under the Python of cookiecutter: standard library only, Python 3.10.
"""
