"""Send what the pipeline left on disk to the trackers of `params/tracking.yaml`; no stage depends on this."""
