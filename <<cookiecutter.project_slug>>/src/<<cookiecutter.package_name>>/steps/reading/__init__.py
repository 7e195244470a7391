"""Find out how a file is written: its encoding, separator, header and sheet.

These modules need the standard library of Python 3.10 alone.
"""
