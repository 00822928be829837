"""The models that the seed's users have: a pair each, raw targets, the libraries' default parameters, no early stopping.

Reads Parquet rows as `klinecast-trainer features --parquet` writes them, learns from what lies before the test window, and
scores the mean of both libraries on it by klinecast's rules. Arguments: the file, the last bar to learn from and the first
and last bar to test on in Unix milliseconds, the number of threads. Prints one JSON line.
"""

import json
import sys

import lightgbm as lgb
import numpy as np
import pyarrow.parquet as pq
import xgboost as xgb
from scipy.stats import rankdata

CLASSES = {"direction_multi_4step": 5, "vol_regime_4step": 3}
RETURNS = ("return_1step", "return_4step", "return_16step")


def models(task, threads):
    quiet = {"verbosity": -1, "n_jobs": threads}
    if task in RETURNS or task == "volatility_4step":
        return lgb.LGBMRegressor(**quiet), xgb.XGBRegressor(n_jobs=threads)
    return lgb.LGBMClassifier(**quiet), xgb.XGBClassifier(n_jobs=threads)


def answers(task, model, rows, known):
    if task in RETURNS or task == "volatility_4step":
        return model.predict(rows)
    found = np.zeros((len(rows), CLASSES.get(task, 2)))
    found[:, known] = model.predict_proba(rows)
    return found


def auc(scores, came):
    ranks, up = rankdata(scores), came == 1
    return (ranks[up].sum() - up.sum() * (up.sum() + 1) / 2) / (up.sum() * (~up).sum())


def spearman(a, b):
    return np.corrcoef(rankdata(a), rankdata(b))[0, 1]


def log_loss(probabilities, classes):
    return -np.log(np.clip(probabilities[np.arange(len(classes)), classes.astype(int)], 1e-12, 1)).mean()


def figures(task, found, truth):
    if task in RETURNS:
        return {"loss": ((truth - found) ** 2).mean(), "r2": 1 - ((truth - found) ** 2).sum() / (truth**2).sum(), "ic": spearman(found, truth)}
    if task == "volatility_4step":
        log = np.log(np.maximum(truth, 1e-5))
        error = log - np.log(np.maximum(found, 1e-5))
        ratio = np.exp(2 * error)
        scaled = ratio / ratio.mean()  # by the factor that turns out best on the test window: ours is the walk's
        qlike = {"qlike": (ratio - np.log(ratio) - 1).mean(), "qlike_scaled": -np.log(scaled).mean()}
        return {"loss": (error**2).mean(), "r2_log": 1 - (error**2).sum() / ((log - log.mean()) ** 2).sum(), **qlike}
    stated = found / found.sum(axis=1, keepdims=True)
    out = {"loss": log_loss(stated, truth), "accuracy": (stated.argmax(axis=1) == truth).mean()}
    if task == "direction_4step":
        out["auc"] = auc(stated[:, 1], truth)
    return out


def main():
    path, until, first, last, threads = sys.argv[1], *map(int, sys.argv[2:6])
    table = pq.read_table(path)
    bars, symbols = table["bar_time"].to_numpy(), np.array(table["symbol"].to_pylist())
    names = [name for name in table.column_names if name not in ("symbol", "bar_time") and not name.startswith("outcome_")]
    rows = np.column_stack([table[name].to_numpy().astype(np.float32) for name in names])
    out = {}
    for name in table.column_names:
        if not name.startswith("outcome_"):
            continue
        task, truth = name.removeprefix("outcome_"), table[name].to_numpy()
        found = np.zeros((len(truth), CLASSES.get(task, 2))) if task in CLASSES or task == "direction_4step" else np.zeros(len(truth))
        scored = np.zeros(len(truth), bool)
        for symbol in np.unique(symbols):
            known = (symbols == symbol) & np.isfinite(truth)
            learn = np.flatnonzero(known & (bars <= until))
            test = np.flatnonzero(known & (bars >= first) & (bars <= last))
            if not len(learn) or not len(test):
                continue
            for model in models(task, threads):
                label = truth[learn]
                classes = np.unique(label).astype(int) if found.ndim == 2 else None
                model.fit(rows[learn], np.searchsorted(classes, label) if classes is not None else label)
                found[test] += answers(task, model, rows[test], classes) / 2
            scored[test] = True
        out[task] = {key: float(value) for key, value in figures(task, found[scored], truth[scored]).items()}
    print(json.dumps(out))


main()
