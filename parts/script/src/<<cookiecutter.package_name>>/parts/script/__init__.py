"""The final model as a script that needs scikit-learn and nothing of this project."""
