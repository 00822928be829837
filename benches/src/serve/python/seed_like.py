"""A server as people glue one together: FastAPI, TA-Lib over 500 bars and every booster of a bundle on each request.

Usage: seed_like.py BUNDLE_FOLDER. Prints its port and serves until it is killed.
"""

import pathlib
import socket
import sys

import numpy
import talib
import uvicorn
from boosters import answer, boosters
from fastapi import FastAPI

BARS = 500
WINDOWS = (7, 14, 21, 50)


def market():
    random = numpy.random.default_rng(7)
    close = 100 * numpy.exp(numpy.cumsum(random.normal(0, 0.002, BARS)))
    high, low = close * 1.001, close * 0.999
    volume = random.uniform(1, 2, BARS)
    return numpy.roll(close, 1), high, low, close, volume


def features(open_, high, low, close, volume, width):
    values = [close[-1], volume[-1]]
    for n in WINDOWS:
        values += [talib.SMA(close, n)[-1], talib.EMA(close, n)[-1], talib.RSI(close, n)[-1], talib.ATR(high, low, close, n)[-1]]
        values += [talib.ADX(high, low, close, n)[-1], talib.CCI(high, low, close, n)[-1], talib.MFI(high, low, close, volume, n)[-1]]
        values += [talib.WILLR(high, low, close, n)[-1], talib.ROC(close, n)[-1], talib.STDDEV(close, n)[-1]]
    values += [band[-1] for band in talib.BBANDS(close, 20)]
    values += [line[-1] for line in talib.MACD(close)]
    values += [line[-1] for line in talib.STOCH(high, low, close)]
    values += [talib.OBV(close, volume)[-1], talib.SAR(high, low)[-1], talib.ULTOSC(high, low, close)[-1]]
    return numpy.resize(numpy.array(values, dtype=numpy.float64), (1, width))


def main():
    models = boosters(pathlib.Path(sys.argv[1]))
    width = next(model.num_feature() for (_, library), model in models.items() if library == "lightgbm")
    bars = market()
    app = FastAPI()

    @app.post("/predict/{symbol}")
    def predict(symbol: str):
        row = features(*bars, width)
        answers = {}
        for (task, library), model in models.items():
            said = numpy.asarray(answer(model, row)).ravel()
            answers.setdefault(task, {})[library] = said.tolist()
        return {"symbol": symbol, "predictions": answers}

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    print(listener.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


main()
