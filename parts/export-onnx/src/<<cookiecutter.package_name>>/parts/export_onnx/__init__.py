"""The fitted estimators of a model as ONNX graphs."""
