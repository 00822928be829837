"""The same work as `klinecast-trainer run` with what Python users have: pandas, TA-Lib, the two libraries.

Reads a plan (JSON on standard input): the folder of klines, the windows, the folds and every booster's parameters as
klinecast-trainer left them; makes about as many features, walks over the same folds, fits as many rounds of every
booster, and scores the test window. Prints one JSON line.
"""

import json
import resource
import sys
import time
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
import talib
import xgboost as xgb

STARTED = time.monotonic()
WINDOWS = [4, 8, 16, 24, 48, 96, 192, 288, 672]
CLASSES = {"direction_multi_4step": 5, "vol_regime_4step": 3}
# As many bins as klinecast's.
BINS = {"max_bin": 63, "min_data_in_bin": 20, "feature_pre_filter": False}
HORIZONS = {"return_1step": 1, "return_4step": 4, "return_16step": 16}


def features(frame):
    close, high, low, volume = frame.close, frame.high, frame.low, frame.volume
    returns = np.log(close).diff()
    out = {"log_return_1": returns}
    for window in WINDOWS:
        rolled = returns.rolling(window)
        out[f"return_{window}"] = np.log(close).diff(window)
        out[f"volatility_{window}"] = np.sqrt((returns**2).rolling(window).mean())
        out[f"skew_{window}"] = rolled.skew()
        out[f"kurtosis_{window}"] = rolled.kurt()
        out[f"distance_{window}"] = close / close.rolling(window).mean() - 1
        out[f"position_{window}"] = (close - low.rolling(window).min()) / (
            high.rolling(window).max() - low.rolling(window).min()
        )
        out[f"volume_{window}"] = volume / volume.rolling(window).mean()
        out[f"correlation_{window}"] = returns.rolling(window).corr(volume.pct_change())
    for lag in range(1, 9):
        out[f"lag_{lag}"] = returns.shift(lag)
    for span in (0.94, 0.99):
        out[f"ewma_{span}"] = np.sqrt((returns**2).ewm(alpha=1 - span, adjust=False).mean())
    arrays = [series.to_numpy(float) for series in (high, low, close, volume)]
    h, l, c, v = arrays
    o = frame.open.to_numpy(float)
    for period in (7, 14, 28):
        out[f"rsi_{period}"] = talib.RSI(c, period)
        out[f"atr_{period}"] = talib.ATR(h, l, c, period) / c
        out[f"adx_{period}"] = talib.ADX(h, l, c, period)
        out[f"plus_di_{period}"] = talib.PLUS_DI(h, l, c, period)
        out[f"minus_di_{period}"] = talib.MINUS_DI(h, l, c, period)
        out[f"cci_{period}"] = talib.CCI(h, l, c, period)
        out[f"mfi_{period}"] = talib.MFI(h, l, c, v, period)
        out[f"willr_{period}"] = talib.WILLR(h, l, c, period)
        out[f"aroon_{period}"] = talib.AROONOSC(h, l, period)
        out[f"cmo_{period}"] = talib.CMO(c, period)
        out[f"roc_{period}"] = talib.ROC(c, period)
        out[f"trix_{period}"] = talib.TRIX(c, period)
        out[f"kama_{period}"] = c / talib.KAMA(c, period) - 1
        upper, middle, lower = talib.BBANDS(c, period)
        out[f"band_width_{period}"] = (upper - lower) / middle
        out[f"band_place_{period}"] = (c - lower) / (upper - lower)
        fast, slow = talib.STOCH(h, l, c, period)
        out[f"stoch_k_{period}"], out[f"stoch_d_{period}"] = fast, slow
    for number, line in enumerate(talib.MACD(c)):
        out[f"macd_{number}"] = line / c
    out["obv"] = pd.Series(talib.OBV(c, v), index=frame.index).diff(96)
    out["ultosc"], out["sar"] = talib.ULTOSC(h, l, c), c / talib.SAR(h, l) - 1
    out["body"], out["range"] = (c - o) / o, (h - l) / c
    stamp = pd.DatetimeIndex(frame.index)
    for name, phase in (("day", (stamp.hour * 60 + stamp.minute) / 1440), ("week", stamp.dayofweek / 7)):
        out[f"sin_{name}"], out[f"cos_{name}"] = np.sin(2 * np.pi * phase), np.cos(2 * np.pi * phase)
    return pd.DataFrame(out, index=frame.index).replace([np.inf, -np.inf], np.nan)


def outcomes(frame, sigma):
    close, log = frame.close, np.log(frame.close)
    out = pd.DataFrame(index=frame.index)
    for name, steps in HORIZONS.items():
        out[name] = (close.shift(-steps) / close - 1) / (sigma * np.sqrt(steps))
    four = log.shift(-4) - log
    out["direction_4step"] = (four > 0).astype(float).where(four.notna())
    scaled = four / (sigma * 2)
    out["direction_multi_4step"] = sum((scaled > cut).astype(float) for cut in (-1, -0.25, 0.25, 1)).where(scaled.notna())
    volatility = np.sqrt((log.diff() ** 2).rolling(4).sum())
    ahead = volatility.shift(-4)
    out["volatility_4step"] = np.log(ahead.clip(lower=1e-5))
    low, high = (volatility.rolling(2880, min_periods=1440).quantile(share) for share in (1 / 3, 2 / 3))
    out["vol_regime_4step"] = ((ahead > low).astype(float) + (ahead > high)).where(ahead.notna() & low.notna())
    return out.assign(**{name: out[name].clip(-4, 4) for name in HORIZONS})


def read(folder):
    rows, targets = [], []
    for path in sorted(Path(folder).glob("*-15m.csv.gz")):
        frame = pd.read_csv(path)
        stamp = pd.to_datetime(frame.iloc[:, 0], unit="ms", utc=True)
        frame = frame.set_axis([str(name).lower() for name in frame.columns], axis=1).set_index(stamp)
        frame = frame[["open", "high", "low", "close", "volume"]].astype(float)
        made = features(frame)
        made["symbol"] = path.name.split("-")[0]
        rows.append(made)
        targets.append(outcomes(frame, made["ewma_0.94"]))
    rows, targets = pd.concat(rows), pd.concat(targets)
    market = rows.groupby(level=0)
    for name in ("log_return_1", "return_4", "return_16", "volatility_96", "volume_96"):
        rows[f"market_{name}"] = market[name].transform("mean")
        rows[f"rank_{name}"] = market[name].rank(pct=True)
    order = np.argsort(rows.index.to_numpy(), kind="stable")
    return rows.iloc[order], targets.iloc[order]


class Clock:
    seconds = 0.0

    def __enter__(self):
        self.begin = time.monotonic()

    def __exit__(self, *_):
        Clock.seconds += time.monotonic() - self.begin


def objective(task, library):
    if task in CLASSES:
        names = {"lightgbm": ("multiclass", "multi_logloss"), "xgboost": ("multi:softprob", "mlogloss")}
        return {"objective": names[library][0], "metric" if library == "lightgbm" else "eval_metric": names[library][1], "num_class": CLASSES[task]}
    if task == "direction_4step":
        return {"objective": "binary", "metric": "binary_logloss"} if library == "lightgbm" else {"objective": "binary:logistic", "eval_metric": "logloss"}
    return {"objective": "regression", "metric": "l2"} if library == "lightgbm" else {"objective": "reg:squarederror", "eval_metric": "rmse"}


def fit(plan, values, targets, learned, followed, rounds):
    """All boosters on some rows; with `followed` their loss is reckoned after every round, as an early stop needs it."""
    names = list(targets.columns)
    train, tune = values[learned], values[followed] if followed is not None else None
    models = {}
    with Clock():
        data = lgb.Dataset(train, params={**BINS, "verbosity": -1}, free_raw_data=False).construct()
        other = lgb.Dataset(tune, reference=data, free_raw_data=False).construct() if tune is not None else None
    for task in names:
        label = targets[task].to_numpy()
        weight = np.isfinite(label)
        clean = np.where(weight, label, 0)
        parameters = {**BINS, **plan["boosters"][task]["lightgbm"], **objective(task, "lightgbm"), "num_threads": plan["threads"]}
        # A round of klinecast's learns from every other bar; here from as many rows of all, by the library's own sample.
        parameters["bagging_fraction"] = float(parameters["bagging_fraction"]) / 2
        with Clock():
            data.set_label(clean[learned]).set_weight(weight[learned].astype(float))
            sets = []
            if other is not None:
                other.set_label(clean[followed]).set_weight(weight[followed].astype(float))
                sets = [other]
            models[task, "lightgbm"] = lgb.train(parameters, data, rounds[task][0], valid_sets=sets, callbacks=[lgb.log_evaluation(0)])
    with Clock():
        data = xgb.QuantileDMatrix(train, max_bin=64)
        other = xgb.QuantileDMatrix(tune, max_bin=64, ref=data) if tune is not None else None
    for task in names:
        label = targets[task].to_numpy()
        weight = np.isfinite(label)
        clean = np.where(weight, label, 0)
        parameters = {**plan["boosters"][task]["xgboost"], **objective(task, "xgboost"), "nthread": plan["threads"]}
        parameters["subsample"] = float(parameters["subsample"]) / 2
        with Clock():
            data.set_label(clean[learned])
            data.set_weight(weight[learned].astype(float))
            extra = {}
            if other is not None:
                other.set_label(clean[followed])
                other.set_weight(weight[followed].astype(float))
                extra = {"evals": [(other, "tune")], "verbose_eval": False}
            models[task, "xgboost"] = xgb.train(parameters, data, rounds[task][1], **extra)
    return models


def main():
    plan = json.load(sys.stdin)
    rows, targets = read(plan["klines"])
    stamps = rows.index
    values = rows.drop(columns="symbol").to_numpy(np.float64)

    def between(window):
        first, last = (pd.Timestamp(at, unit="ms", tz="UTC") for at in window)
        inside = (stamps > first - pd.Timedelta(minutes=15)) & (stamps < last)
        return np.flatnonzero(inside & np.isfinite(values[:, 0]))

    for fold in plan["folds"]:
        learned, answered = between(fold["learned"]), between(fold["answered"])
        models = fit(plan, values, targets, learned, answered, fold["rounds"])
        for (task, library), model in models.items():
            data = values[answered] if library == "lightgbm" else xgb.DMatrix(values[answered])
            model.predict(data)
    final = fit(plan, values, targets, between(plan["final"]), None, plan["rounds"])
    test = between(plan["test"])
    for (task, library), model in final.items():
        model.predict(values[test] if library == "lightgbm" else xgb.DMatrix(values[test]))
    print(
        json.dumps(
            {
                "wall_seconds": time.monotonic() - STARTED,
                "training_seconds": Clock.seconds,
                "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                "features": values.shape[1],
                "rows": values.shape[0],
            }
        )
    )


main()
