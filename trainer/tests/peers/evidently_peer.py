"""Evidently reads what `drift` wrote and computes the drift of every column; scipy the statistics beside."""

import json
import sys
from pathlib import Path

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset
from scipy.stats import ks_2samp

folder = Path(sys.argv[1])
drift = json.loads((folder / "drift.json").read_text())
settings = json.loads((folder / "evidently.json").read_text())
reference, current = (pd.read_parquet(folder / f"{name}.parquet") for name in ("reference", "current"))
assert str(reference["event_timestamp"].dtype).startswith("datetime64")

definition = DataDefinition(**settings["data_definition"])
data = [Dataset.from_pandas(frame, data_definition=definition) for frame in (current, reference)]
result = Report([DataDriftPreset(**settings["data_drift"])]).run(*data).dict()

theirs = {m["config"]["column"]: m["value"] for m in result["metrics"] if m["config"]["type"].endswith("ValueDrift")}
ours = {column["column"]: column for column in drift["columns"] if column["distance"] is not None}
assert theirs.keys() == ours.keys() and len(ours) > 100, theirs.keys() ^ ours.keys()
bound = drift["distance_max"]
for name, column in ours.items():
    assert abs(theirs[name] - column["distance"]) <= 1e-9 * max(1, abs(theirs[name])), (name, theirs[name], column)
    assert (theirs[name] >= bound) == column["drifted"], name
    ks = ks_2samp(reference[name].dropna(), current[name].dropna()).statistic
    assert abs(ks - column["ks"]) < 1e-12, (name, ks, column["ks"])
count = next(m["value"] for m in result["metrics"] if m["config"]["type"].endswith("DriftedColumnsCount"))
assert count["count"] == drift["drifted"], (count, drift["drifted"])

flow = [name for name in ours if "taker" in name or "imbalance" in name or "flow" in name]
assert flow and any(ours[name]["drifted"] and ours[name]["psi"] > 0.25 for name in flow), flow
page = (folder / "drift.html").read_text()
assert page.count("<svg") == 2 * len(drift["columns"]) and "<script" not in page and "http" not in page
print(f"{len(ours)} columns at our distances, {drift['drifted']} drifted")
