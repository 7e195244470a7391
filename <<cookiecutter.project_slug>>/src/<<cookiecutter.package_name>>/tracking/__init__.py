"""Tracking: what the pipeline left on disk is sent to the trackers of `params/tracking.yaml`; no stage imports this."""
