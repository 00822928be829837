"""Makes the golden file of the paired test: statsmodels' HAC sums of squares and SciPy's Student distribution.

Run by `cargo xtask goldens forecast`; writes paired.json beside itself.
"""

import json
import math
import pathlib

import numpy
from scipy.stats import t
from statsmodels.stats.sandwich_covariance import S_hac_simple


def losses(random, days, correlation, advantage):
    """Rows of several symbols a day, some missing; the difference lasts over days."""
    first, second, day_of = [], [], []
    last = 0.0
    for day in range(days):
        last = correlation * last + random.normal(0, 0.1)
        for _ in range(int(random.integers(1, 9))):
            base = random.gamma(2.0, 0.5)
            first.append(base + last - advantage + random.normal(0, 0.05))
            second.append(base)
            # Days without rows, as a market that stands still has them.
            day_of.append(19_000 + day + day // 11)
    for index in random.integers(0, len(first), 3):
        first[index] = math.nan
    return numpy.array(first), numpy.array(second), numpy.array(day_of)


def test(first, second, days):
    """Diebold and Mariano's test of daily sums, with Bartlett weights and Harvey, Leybourne and Newbold's correction."""
    difference = first - second
    known = ~numpy.isnan(difference)
    names = numpy.unique(days[known])
    sums = numpy.array([difference[known & (days == name)].sum() for name in names])
    counts = numpy.array([(known & (days == name)).sum() for name in names])
    mean = sums.sum() / counts.sum()
    n = len(names)
    lags = int(math.floor(4 * (n / 100) ** (2 / 9)))
    variance = S_hac_simple((sums - mean * counts)[:, None], nlags=lags)[0, 0] / counts.sum() ** 2
    statistic = mean / math.sqrt(variance) * math.sqrt((n - 1) / n)
    return {
        "difference": mean,
        "statistic": statistic,
        "days": n,
        "lags": lags,
        "p_better": t.cdf(statistic, n - 1),
        "p_worse": t.sf(statistic, n - 1),
    }


def number(value):
    return None if math.isnan(value) else float(value)


def main():
    random = numpy.random.default_rng(7)
    cases = []
    for days, correlation, advantage in [(12, 0.0, 0.0), (40, 0.5, 0.05), (100, 0.3, 0.02), (200, 0.8, -0.03), (365, -0.4, 0.004)]:
        first, second, day_of = losses(random, days, correlation, advantage)
        cases.append(
            {
                "first": [number(value) for value in first],
                "second": [number(value) for value in second],
                "days": day_of.tolist(),
                "expected": test(first, second, day_of),
            }
        )
    degrees = [1, 2, 5, 30, 99, 364, 5000]
    statistics = [-40.0, -6.0, -2.5, -1.0, -0.01, 0.0, 0.3, 1.96, 4.0, 12.0]
    student = [[nu, x, float(t.cdf(x, nu))] for nu in degrees for x in statistics]
    path = pathlib.Path(__file__).with_name("paired.json")
    path.write_text(json.dumps({"cases": cases, "student": student}) + "\n")


main()
