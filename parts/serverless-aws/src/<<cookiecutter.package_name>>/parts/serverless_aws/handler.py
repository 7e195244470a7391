"""What AWS Lambda calls: `handler`. Importing this module loads the model in `models/package` and predicts its example."""

import logging
import sys
from pathlib import Path

from ...objects.reader import read
from ...prediction.pipeline import PredictionPipeline
from ..serve.app import make_app
from ..serve.settings import key, read_settings
from .adapter import make_handler

# One line of JSON a request, as the service writes it anywhere else.
logging.basicConfig(stream=sys.stdout, format="%(message)s", level=logging.INFO, force=True)
logging.getLogger("mangum").setLevel(logging.CRITICAL)

handler = make_handler(
    make_app(PredictionPipeline.load(), read_settings(Path("params")), read(Path("params/data.yaml"))[0], key())
)
