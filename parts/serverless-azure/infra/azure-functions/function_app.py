"""What Azure Functions runs: the service of this project. `app` is the name that its worker looks for."""

from pathlib import Path

from << cookiecutter.package_name >>.parts.serverless_azure.handler import make_function_app

app = make_function_app(Path(__file__).resolve().parent)
