"""The service as a function of AWS Lambda."""
