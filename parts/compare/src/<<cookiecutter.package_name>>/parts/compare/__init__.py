"""What a change did to data, parameters, metrics and charts: the working tree compared with a git revision."""
