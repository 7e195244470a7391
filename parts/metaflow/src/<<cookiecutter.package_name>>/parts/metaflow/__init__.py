"""The pipeline as a flow of Metaflow: write it, run a stage as one of its tasks, take over what a run made."""
