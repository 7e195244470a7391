"""What Azure's worker gets: the service as a function app. `function_app.py` calls `make_function_app`."""

import logging
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from ..serve.settings import key

# Who may ask: those who have a key of the function app, or everybody whom the service itself lets (API_KEY).
ACCESS = {"function": "FUNCTION", "service": "ANONYMOUS"}


def make_function_app(folder: Path) -> Any:
    """Load the model and return the function app, which answers each request with the service.

    Azure's library starts the service with the first request; it predicts its example then.

    Parameters
    ----------
    folder : the one with params/ and models/package, in which the worker is from now on.

    Returns
    -------
    Azure's `AsgiFunctionApp`, which has one function for all routes and methods.

    Raises
    ------
    SystemExit
        If SERVE_ACCESS is no known word, or lets everybody in while no API_KEY is set.
    """
    os.chdir(folder)
    access = _access()
    # This one comes first: skops looks for functions in every module that is loaded, and there are few as yet.
    import_module("...objects.skops", __package__)
    import azure.functions as azure

    from ...objects.reader import read
    from ...prediction.pipeline import PredictionPipeline
    from ..serve.app import make_app
    from ..serve.settings import read_settings

    # One line of JSON a request, as the service writes it anywhere else; the worker sends it to Application Insights.
    logging.getLogger(__name__.partition(".")[0]).setLevel(logging.INFO)
    settings, data = read_settings(Path("params")), read(Path("params/data.yaml"))[0]
    app = make_app(PredictionPipeline.load(), settings, data, key())
    return azure.AsgiFunctionApp(app=app, http_auth_level=azure.AuthLevel[access], function_name="serve")


def _access() -> str:
    """Return what Azure calls the access that the environment names."""
    access = os.environ.get("SERVE_ACCESS", "function")
    if access not in ACCESS:
        sys.exit(f"SERVE_ACCESS takes function or service, not {access!r}")
    if access == "service" and not key():
        sys.exit("SERVE_ACCESS is service, and no API_KEY is set: everybody could ask")
    return ACCESS[access]
