"""Registries of models, which `registry` in `params/releases.yaml` can name."""
