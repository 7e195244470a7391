"""The service by Azure Functions."""
