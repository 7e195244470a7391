"""The whole model as one of MLEM's."""
