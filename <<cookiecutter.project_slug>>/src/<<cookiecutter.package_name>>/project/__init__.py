"""The working copy: its outputs, what may be written where, and the programs that are run in it."""
