"""Classes, metrics and charts that the project came with and that the params can name; yours belong in `custom/`."""
