"""Feast applies the repository that `features --feast` wrote, and get_historical_features answers the rows of
`features --parquet` to the bit: at the bar's end, between two bars, and nothing in a hole."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

repository, rows = Path(sys.argv[1]), Path(sys.argv[2])
subprocess.run([Path(sys.executable).parent / "feast", "apply"], cwd=repository, check=True, stdout=subprocess.DEVNULL)
os.chdir(repository)

from feast import FeatureStore  # noqa: E402

store = FeatureStore(repo_path=".")
views = store.list_feature_views()
fields = [field for view in views for field in view.features]
ours = pd.read_parquet(rows)
features = [name for name in ours.columns if name not in ("symbol", "bar_time") and not name.startswith("outcome_")]
assert sorted(field.name for field in fields) == sorted(features), "the views have other features than the rows"
assert all(field.description and field.tags["unit"] for field in fields)
assert [entity.name for entity in store.list_entities() if entity.name == "symbol"] == ["symbol"]

references = [f"{view.name}:{field.name}" for view in views for field in view.features]
# Feast joins every moment with all rows of its symbol before it picks one: a few say as much as many.
sample = ours.iloc[:: max(1, len(ours) // 20)].reset_index(drop=True)


def ask(symbols, milliseconds):
    """What Feast says about symbols at moments, in their order."""
    asked = pd.DataFrame({"symbol": symbols, "event_timestamp": pd.to_datetime(milliseconds, unit="ms", utc=True)})
    asked["place"] = range(len(asked))
    found = store.get_historical_features(entity_df=asked, features=references).to_df()
    found = found.sort_values("place")
    assert len(found) == len(asked), "rows were lost or doubled"
    return found[features].to_numpy(dtype="float64")


def same(found, expected):
    missing = np.isnan(expected)
    return (np.isnan(found) == missing).all() and (found.view("u8") == expected.view("u8"))[~missing].all()


laters = (0, 1, 450_000)
symbols = list(sample["symbol"]) * len(laters)
moments = [time + later for later in laters for time in sample["bar_time"]]
answers = ask(symbols, moments)
expected = np.ascontiguousarray(sample[features].to_numpy(dtype="float64"))
for place, later in enumerate(laters):
    found = np.ascontiguousarray(answers[place * len(sample) : (place + 1) * len(sample)])
    assert same(found, expected), f"{later} ms after the bars other values come"

# In the hole no old row is taken for a new one: Feast leaves such a moment out, or has no value for it. The symbol with the
# hole has no rows behind it for a while (its outcomes' scale is not yet known), the others go on.
stored = pd.read_parquet(repository / "data/features.parquet", columns=["symbol", "event_timestamp"])
last = stored.groupby("symbol")["event_timestamp"].max().sort_values()
assert last.iloc[1] - last.iloc[0] > pd.Timedelta("1d"), last
inside = last.iloc[0] + pd.Timedelta("10h")
asked = pd.DataFrame({"symbol": list(last.index[:2]), "event_timestamp": [inside] * 2})
one = [f"{views[0].name}:{field.name}" for field in views[0].features]
found = store.get_historical_features(entity_df=asked, features=one).to_df()
known = found.set_index("symbol")[[field.name for field in views[0].features]].notna().any(axis=1)
assert known[last.index[1]] and not known.get(last.index[0], False), found
print(f"{len(views)} feature views, {len(references)} features, {3 * len(sample)} rows to the bit")
