"""Ask a service by KServe's own client, in an environment that has `kserve`; it wants an older pandas than ours.

python kserve_client.py http://127.0.0.1:8000 name key table.json
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.rest import v2_datamodels as models


async def main(address: str, name: str, key: str, rows: list[dict[str, Any]]) -> None:
    """Print what the client has understood, as JSON."""
    headers = {"X-API-Key": key}
    second, first = (InferenceRESTClient(RESTConfig(protocol=protocol)) for protocol in ("v2", "v1"))
    async with httpx.AsyncClient(base_url=address, headers=headers) as plain:
        about = models.ModelMetadataResponse.model_validate((await plain.get(f"/v2/models/{name}")).json())
        models.ServerMetadataResponse.model_validate((await plain.get("/v2")).json())
        models.ListModelsResponse.model_validate((await plain.get("/v2/models")).json())
        models.ModelReadyResponse.model_validate((await plain.get(f"/v2/models/{name}/ready")).json())
        asked = request(about, rows)
        said = (await plain.post(f"/v2/models/{name}/infer", json=asked.to_rest()[0])).json()
        models.InferenceResponse.model_validate(said)
    answer = await second.infer(address, asked, model_name=name, headers=headers)
    try:
        await second.infer(address, request(about, rows, binary=True), model_name=name, headers=dict(headers))
        binary = "understood"
    except httpx.HTTPStatusError as error:
        binary = str(error)
    found = {
        "live": await second.is_server_live(address),
        "ready": await second.is_server_ready(address),
        "model_ready": await second.is_model_ready(address, name, headers=headers),
        "first_ready": await first.is_model_ready(address, name, headers=headers),
        "request": asked.to_rest()[0],
        "id": answer.id,
        "outputs": {output.name: output.as_numpy().tolist() for output in answer.outputs},
        "first": await first.infer(address, {"instances": rows}, model_name=name, headers=headers),
        "binary": binary,
    }
    print(json.dumps(found, default=lambda value: value.decode()))


def request(about: Any, rows: list[dict[str, Any]], binary: bool = False) -> InferRequest:
    """Make a request from NumPy arrays, one for each column of the rows."""
    inputs = []
    for tensor in about.inputs:
        values = [row.get(tensor.name) for row in rows]
        kind = {"FP64": np.float64, "BOOL": np.bool_}.get(tensor.datatype, np.object_)
        cells = np.array([str(value) for value in values] if kind is np.object_ else values, dtype=kind)
        made = InferInput(name=tensor.name, shape=list(cells.shape), datatype=tensor.datatype)
        made.set_data_from_numpy(cells, binary_data=binary)
        inputs.append(made)
    return InferRequest(model_name=about.name, infer_inputs=inputs, request_id="7")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4], json.loads(Path(sys.argv[4]).read_text())))
