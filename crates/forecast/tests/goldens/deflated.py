"""Makes the golden file of deflation: SciPy's normal distribution and moments, statsmodels' corrections for many tests.

Run by `cargo xtask goldens forecast`; writes deflated.json beside itself.
"""

import json
import math
import pathlib

import numpy
from scipy.stats import kurtosis, norm, skew
from statsmodels.stats.multitest import multipletests


def maximum(trials):
    """Bailey and Lopez de Prado's expected maximum of so many standard normal values."""
    if trials < 2:
        return 0.0
    return float((1 - numpy.euler_gamma) * norm.isf(1 / trials) + numpy.euler_gamma * norm.isf(1 / (trials * math.e)))


def deflated(daily, trials, variance):
    """Their deflated Sharpe ratio of daily values, with SciPy's biased skewness and kurtosis."""
    sharpe = daily.mean() / daily.std(ddof=1)
    skewness, fourth = skew(daily), kurtosis(daily, fisher=False)
    hurdle = math.sqrt(variance) * maximum(trials)
    error = math.sqrt(1 - skewness * sharpe + (fourth - 1) / 4 * sharpe**2)
    probability = norm.cdf((sharpe - hurdle) * math.sqrt(len(daily) - 1) / error)
    return {
        "daily": daily.tolist(),
        "moments": {"days": len(daily), "sharpe": sharpe, "skewness": skewness, "kurtosis": fourth},
        "trials": trials,
        "variance": variance,
        "deflated": {"trials": trials, "hurdle": hurdle, "probability": probability},
    }


def main():
    random = numpy.random.default_rng(11)
    sharpe = [
        deflated(random.normal(0.05, 1.0, 90), 1, 1 / 89),
        deflated(random.normal(0.2, 1.0, 250), 40, 1 / 249),
        deflated(random.standard_t(3, 365) * 0.01 + 0.002, 500, 0.004),
        deflated(0.3 - random.gamma(1.5, 0.2, 120), 12, 1 / 119),
        deflated(random.normal(-0.1, 0.5, 40), 100, 0.02),
    ]
    sidak = [
        [p, trials, float(multipletests([p] + [1.0] * (trials - 1), method="sidak")[1][0])]
        for p in (1e-12, 1e-5, 0.004, 0.05, 0.6)
        for trials in (1, 7, 41, 1000)
    ]
    families = [[0.01, 0.04, 0.03], [0.5, 1e-9, 0.02, 0.021, 0.2, 0.9, 0.011], [0.03]]
    holm = [[family, multipletests(family, method="holm")[1].tolist()] for family in families]
    golden = {"maxima": [[n, maximum(n)] for n in (1, 2, 3, 7, 46, 100, 1000, 1000000)], "sharpe": sharpe, "sidak": sidak, "holm": holm}
    pathlib.Path(__file__).with_name("deflated.json").write_text(json.dumps(golden) + "\n")


main()
