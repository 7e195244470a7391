"""What AWS Lambda calls: `handler`. Importing this module loads the model and predicts its example."""

import gc
import logging
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

Handler = Callable[[Any, Any], dict[str, Any]]


def start() -> Handler:
    """Load the model and start the service; return the function that answers events."""
    # This one comes first: skops looks for functions in every module that is loaded, and there are few as yet.
    import_module("...objects.skops", __package__)
    from ...objects.reader import read
    from ...prediction.pipeline import PredictionPipeline
    from ..serve.app import make_app
    from ..serve.settings import key, read_settings
    from .adapter import make_handler

    params = Path("params")
    settings, data = read_settings(params), read(params / "data.yaml")[0]
    return make_handler(make_app(PredictionPipeline.load(), settings, data, key(), params))


# One line of JSON a request, as the service writes it anywhere else.
logging.basicConfig(stream=sys.stdout, format="%(message)s", level=logging.INFO, force=True)
logging.getLogger("mangum").setLevel(logging.CRITICAL)
# What a start makes stays, so to look for what can go would only take a tenth of its time.
gc.disable()
handler = start()
gc.freeze()
gc.enable()
