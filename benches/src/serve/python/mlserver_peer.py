"""MLServer with every booster of a bundle behind one model: a call asks them all about one row of features.

Usage: mlserver_peer.py BUNDLE_FOLDER. Prints the port of gRPC and serves until it is killed.
"""

import asyncio
import pathlib
import socket
import sys

import numpy
from boosters import answer, boosters
from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import NumpyCodec
from mlserver.settings import ModelParameters
from mlserver.types import InferenceResponse


class Ensemble(MLModel):
    async def load(self):
        self.boosters = boosters(pathlib.Path(self.settings.parameters.uri))
        return True

    async def predict(self, payload):
        row = NumpyCodec.decode_input(payload.inputs[0])
        said = {name: numpy.atleast_1d(answer(model, row)) for name, model in self.boosters.items()}
        outputs = [NumpyCodec.encode_output("_".join(name), values) for name, values in said.items()]
        return InferenceResponse(model_name=self.name, outputs=outputs)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def main():
    http, grpc, metrics = free_port(), free_port(), free_port()
    settings = Settings(
        host="127.0.0.1", http_port=http, grpc_port=grpc, metrics_port=metrics, parallel_workers=0, debug=False
    )
    model = ModelSettings(name="all", implementation=Ensemble, parameters=ModelParameters(uri=sys.argv[1]))
    server = MLServer(settings)

    async def tell():
        while True:
            await asyncio.sleep(0.1)
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", grpc)) == 0 and await server._model_registry.get_models():
                    print(grpc, flush=True)
                    return

    await asyncio.gather(server.start([model]), tell())


asyncio.run(main())
