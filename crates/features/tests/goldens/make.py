#!/usr/bin/env python3
"""Makes the golden files of the features with the original TA-Lib.

    python3 -m venv venv && venv/bin/pip install 'TA-Lib==0.8.2' 'numpy>=2'
    venv/bin/python crates/features/tests/goldens/make.py

Writes beside itself, the same bytes on every run:
  klines.csv   a seeded synthetic series of 15-minute klines (no market data), the input of all goldens
  features.csv what TA-Lib answers for the catalogue's columns, at every seventh bar and around the change of generations
  seeds.csv    what TA-Lib answers from a series' first bar on, for the seeds of the recursive indicators

A recursive column is TA-Lib run over the bars from the generation's anchor (a bar index that is a multiple of 512) on,
read at ages 512 to 1023. Everything is TA-Lib's output, or TA-Lib's outputs combined by single numpy operations.
"""

import csv
import pathlib
import random

import numpy as np
import talib

HERE = pathlib.Path(__file__).parent
STEP = 900_000
BLOCK = 512
BARS = 1_700
# Not on an anchor, so that the first generation is one that was not seen from its beginning.
START_INDEX = BLOCK * 3_800 - 60
EXACT = 17


def make_klines():
    rng = random.Random(20_240_229)
    rows, close, volatility = [], 1.25, 0.002
    for bar in range(BARS):
        volatility = 0.0002 + 0.85 * volatility + 0.15 * abs(rng.gauss(0, 0.003))
        opened = round(close * (1 + rng.gauss(0, 0.0001)), 4)
        close = max(round(opened * (1 + rng.gauss(0, 1) * volatility * (4 if rng.random() < 0.01 else 1)), 4), 0.01)
        high = round(max(opened, close) * (1 + abs(rng.gauss(0, volatility / 2))), 4)
        low = round(min(opened, close) * (1 - abs(rng.gauss(0, volatility / 2))), 4)
        high, low = max(high, opened, close), min(low, opened, close)
        volume = round(rng.lognormvariate(7, 0.8) * (1 + 200 * volatility), 2)
        trades = max(1, int(volume / rng.lognormvariate(3, 0.3)))
        taker = round(volume * min(max(rng.gauss(0.5, 0.12), 0), 1), 2)
        open_time = (START_INDEX + bar) * STEP
        rows.append([open_time, opened, high, low, close, volume, trades, min(taker, volume)])
    with open(HERE / "klines.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["open_time", "open", "high", "low", "close", "volume", "trades", "taker_base"])
        writer.writerows(rows)
    columns = np.array([row[1:] for row in rows], dtype=float).T
    return [np.ascontiguousarray(column) for column in columns]


def recursive(high, low, close):
    """The recursive indicators over one series, from its first bar on."""
    line, signal, histogram = talib.MACD(close, 12, 26, 9)
    kama = talib.KAMA(close, 10)
    kama_before = np.concatenate([[np.nan], kama[:-1]])
    return {
        "rsi_14": talib.RSI(close, 14),
        "rsi_56": talib.RSI(close, 56),
        "cmo_28": talib.CMO(close, 28),
        "macd_12_26": line / close,
        "macd_signal_12_26_9": signal / close,
        "macd_histogram_12_26_9": histogram / close,
        "adx_14": talib.ADX(high, low, close, 14),
        "plus_di_14": talib.PLUS_DI(high, low, close, 14),
        "minus_di_14": talib.MINUS_DI(high, low, close, 14),
        "trix_15": talib.TRIX(close, 15),
        "natr_14": talib.NATR(high, low, close, 14),
        "ema_distance_20": close / talib.EMA(close, 20) - 1,
        "ema_distance_96": close / talib.EMA(close, 96) - 1,
        "ema_distance_200": close / talib.EMA(close, 200) - 1,
        "keltner_position_20": (close - talib.EMA(close, 20)) / (2 * talib.ATR(high, low, close, 10)),
        "keltner_width_20": 2 * (2 * talib.ATR(high, low, close, 10)) / talib.EMA(close, 20),
        "stochastic_rsi_14": talib.STOCHRSI(close, 14, 14, 1, 0)[0],
        "kama_distance_10": close / kama - 1,
        "kama_slope_10": talib.LN(kama / kama_before),
    }


def windowed(high, low, close, volume):
    """The indicators over a window, over the whole series at once."""
    up, middle, down = talib.BBANDS(close, 20, 2, 2)
    k, d = talib.STOCH(high, low, close, 14, 3, 0, 3, 0)
    aroon_down, aroon_up = talib.AROON(high, low, 25)
    log_return = np.concatenate([[np.nan], talib.LN(close[1:] / close[:-1])])
    correlation = np.full(len(close), np.nan)
    correlation[1:] = talib.CORREL(volume[1:], log_return[1:], 96)
    obv, ad = talib.OBV(close, volume), talib.AD(high, low, close, volume)
    number = np.arange(len(close), dtype=float)
    goldens = {
        "log_return_1": log_return,
        "roc_12": talib.ROC(close, 12),
        "stochastic_k_14_3": k,
        "stochastic_d_14_3_3": d,
        "williams_r_28": talib.WILLR(high, low, close, 28),
        "cci_20": talib.CCI(high, low, close, 20),
        "aroon_up_25": aroon_up,
        "aroon_down_25": aroon_down,
        "aroon_oscillator_25": talib.AROONOSC(high, low, 25),
        "ultimate_oscillator_7_14_28": talib.ULTOSC(high, low, close, 7, 14, 28),
        "linear_regression_slope_16": talib.LINEARREG_SLOPE(close, 16) / close,
        "linear_regression_slope_96": talib.LINEARREG_SLOPE(close, 96) / close,
        "linear_regression_r_squared_96": talib.CORREL(close, number, 96) ** 2,
        "sma_distance_50": close / talib.SMA(close, 50) - 1,
        "wma_distance_16": close / talib.WMA(close, 16) - 1,
        "bollinger_position_20": (close - middle) / (up - middle),
        "bollinger_width_20": (up - down) / middle,
        "volume_return_correlation_96": correlation,
        "mfi_14": talib.MFI(high, low, close, volume, 14),
    }
    for window in (20, 96):
        top, bottom = talib.MAX(high, window), talib.MIN(low, window)
        goldens[f"donchian_position_{window}"] = ((close - bottom) - (top - close)) / (top - bottom)
        goldens[f"donchian_width_{window}"] = talib.LN(top / bottom)
    for window in (16, 96):
        goldens[f"obv_slope_{window}"] = talib.LINEARREG_SLOPE(obv, window) / talib.SMA(volume, window)
    flow = np.full(len(close), np.nan)
    flow[20:] = ad[20:] - ad[:-20]
    goldens["chaikin_money_flow_20"] = flow / talib.SUM(volume, 20)
    return goldens


def write(name, goldens, rows):
    with open(HERE / name, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["bar", *goldens])
        for row in rows:
            writer.writerow([row, *(repr(float(values[row])) for values in goldens.values())])


def main():
    _, high, low, close, volume, _, _ = make_klines()
    goldens = windowed(high, low, close, volume)
    for name in recursive(high, low, close):
        goldens[name] = np.full(BARS, np.nan)
    for anchor in range(-START_INDEX % BLOCK, BARS, BLOCK):
        block = slice(anchor, anchor + 2 * BLOCK)
        for name, values in recursive(high[block], low[block], close[block]).items():
            goldens[name][anchor + BLOCK : anchor + 2 * BLOCK] = values[BLOCK:]
    change = 60 + 2 * BLOCK
    rows = sorted({*range(700, BARS, 7), *range(change - 2, change + 3), *range(change + 510, change + 515)})
    write("features.csv", goldens, rows)
    write("seeds.csv", recursive(high, low, close), range(260))


if __name__ == "__main__":
    main()
