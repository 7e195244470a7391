"""The service in Kubernetes: the Open Inference Protocol, images of versions, and what the cluster takes from git."""
