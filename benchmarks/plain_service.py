"""What one writes by hand: a FastAPI endpoint that makes a table of the rows and calls `model.predict`.

python plain_service.py PORT MODEL: a file of joblib with the fitted model, its features and their types.
"""

import sys
from typing import Any

import joblib
import pandas as pd
import uvicorn
from fastapi import FastAPI

app = FastAPI()
kept = joblib.load(sys.argv[2])


@app.post("/predict")
def predict(rows: list[dict[str, Any]]) -> list[Any]:
    """Predictions of rows."""
    frame = pd.DataFrame(rows, columns=list(kept["types"])).astype(kept["types"])
    return kept["model"].predict(frame).tolist()


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), access_log=False, log_level="warning")
