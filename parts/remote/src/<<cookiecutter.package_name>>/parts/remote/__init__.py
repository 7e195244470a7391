"""Runs of the pipeline on another machine: the working tree goes there, what the run made comes home.

`params` reads params/remote.yaml, `job` is a run and its folder, `pack` makes what is sent, `work` is what the
machine does, `kept` is what DVC's remote holds of it, `home` takes over what it made, `command` is what the commands
do; `components` gets the machines.
"""
