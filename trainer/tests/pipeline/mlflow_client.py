"""What MLflow's stock client finds: the champion's bundle, its boosters as models, and the run that made them.

    mlflow_client.py MODEL VERSION
"""

import hashlib
import json
import pathlib
import struct
import sys
import warnings

import mlflow
import mlflow.lightgbm
import mlflow.pyfunc
import mlflow.xgboost
import numpy as np
import pandas as pd
import xgboost
from mlflow import MlflowClient

MODEL, VERSION = sys.argv[1:]
LOADERS = {"lightgbm": mlflow.lightgbm.load_model, "xgboost": mlflow.xgboost.load_model}


def floats(text):
    """The numbers of a golden row: the digits of their bits."""
    return [struct.unpack(">d", bytes.fromhex(digits))[0] for digits in text.split()]


def same(found, expected, what):
    """Holds the bits of two arrays against each other; any NaN equals any other."""
    found = np.asarray(found, dtype=np.float64).reshape(expected.shape)
    equal = (found.view(np.uint64) == expected.view(np.uint64)) | (np.isnan(found) & np.isnan(expected))
    assert equal.all(), f"{what}: {found[~equal][:3]} in place of {expected[~equal][:3]}"


def main():
    warnings.simplefilter("ignore")
    client = MlflowClient()
    champion = client.get_model_version_by_alias(MODEL, "champion")
    assert champion.version == VERSION, champion
    assert (champion.tags["stage"], champion.current_stage) == ("production", "Production"), champion
    bundle = pathlib.Path(mlflow.artifacts.download_artifacts(f"models:/{MODEL}@champion"))
    digest = hashlib.sha256((bundle / "manifest.json").read_bytes()).hexdigest()
    assert champion.tags["klinecast.bundle"].endswith(digest), (champion.tags, digest)
    manifest = json.loads((bundle / "manifest.json").read_text())
    golden = json.loads((bundle / "golden.json").read_text())
    assert (bundle / "model-card.md").read_text().startswith("# Model card")
    rows = np.array([floats(row) for row in golden["rows"]])
    frame = pd.DataFrame(rows, columns=manifest["features"])

    for answers in golden["answers"]:
        task, library = answers["task"], answers["library"]
        name = f"{MODEL}-{task}-{library}"
        expected = np.array([floats(row) for row in answers["outputs"]])
        version = client.get_model_version_by_alias(name, "champion")
        assert version.tags["klinecast.bundle"] == champion.tags["klinecast.bundle"], version
        assert version.tags["klinecast.version"] == VERSION, version
        uri = f"models:/{name}@champion"
        model = LOADERS[library](uri)
        data = frame if library == "lightgbm" else xgboost.DMatrix(frame)
        same(model.predict(data), expected, name)
        same(mlflow.pyfunc.load_model(uri).predict(frame), expected, f"{name} by pyfunc")

    run = client.get_run(champion.run_id)
    assert run.info.status == "FINISHED", run.info
    assert client.get_experiment(run.info.experiment_id).name == "klinecast"
    assert run.data.tags["klinecast.data_version"] == manifest["data_version"]
    assert run.data.tags["klinecast.version"] == VERSION and run.data.tags["klinecast.code_version"]
    assert run.data.params["seed"] == str(manifest["seed"])
    assert "lightgbm.volatility_4step.rounds" in run.data.params, run.data.params
    assert "volatility_4step/ensemble/skill" in run.data.metrics, run.data.metrics
    reports = {file.path for file in client.list_artifacts(champion.run_id, "reports")}
    assert "reports/evaluation.json" in reports, reports
    runs = client.search_runs([run.info.experiment_id])
    # What was broken off is told so by whoever comes next, what was published before is not published again: none stays open.
    assert not [other for other in runs if other.info.status == "RUNNING"], runs
    print(len(golden["answers"]), "models,", len(runs), "runs")


main()
