"""Makes the golden file of block lengths: those of the package arch for the circular block bootstrap.

Run by `cargo xtask goldens forecast`; writes blocks.json beside itself.
"""

import json
import pathlib

import numpy
from arch.bootstrap import optimal_block_length


def series(random, days, memory, moving):
    """An autoregressive series with a moving average on top."""
    shocks = random.normal(size=days + 8)
    values = numpy.zeros(days + 8)
    for day in range(1, days + 8):
        values[day] = memory * values[day - 1] + shocks[day] + moving * shocks[day - 1]
    return values[8:]


def main():
    random = numpy.random.default_rng(5)
    cases = []
    for days, memory, moving in [
        (16, 0.0, 0.0),
        (40, 0.4, 0.0),
        (99, 0.0, 0.0),
        (99, 0.8, 0.3),
        (240, 0.6, -0.2),
        (365, -0.5, 0.0),
        (365, 0.95, 0.0),
    ]:
        values = series(random, days, memory, moving)
        cases.append({"series": values.tolist(), "expected": float(optimal_block_length(values)["circular"].iloc[0])})
    pathlib.Path(__file__).with_name("blocks.json").write_text(json.dumps(cases) + "\n")


main()
