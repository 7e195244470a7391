"""The declaration of `params/kubernetes.yaml`, where the core looks for it."""

from .settings import KEYS

__all__ = ["KEYS"]
