#!/usr/bin/env python3
"""Writes reference_values.json: what scipy, lifelines and scoringrules compute for seeded inputs.

Run it again only to add values: `pip install scipy lifelines scoringrules`, then this script. The
tests read the JSON and need no Python.
"""

import json
import pathlib
import platform
from importlib.metadata import version

import numpy
import scoringrules
from lifelines import KaplanMeierFitter
from scipy import stats

random = numpy.random.default_rng(15)
# At the middles of equal parts, where equal weights and the nearest level are the same rule.
LEVELS = [(i + 0.5) / 20 for i in range(20)]


def numbers(values):
    return [float(v) for v in values]


def quantile_scores():
    rows = []
    for _ in range(20):
        level = float(random.uniform(0.01, 0.99))
        quantile, observation = numbers(random.lognormal(0, 2, 2))
        loss = scoringrules.quantile_score(observation, quantile, level)
        rows.append({"level": level, "quantile": quantile, "observation": observation, "loss": float(loss)})
    return rows


def interval_scores():
    rows = []
    for _ in range(20):
        coverage = float(random.uniform(0.1, 0.98))
        low, high = numbers(sorted(random.lognormal(0, 1, 2)))
        observation = float(random.lognormal(0, 1.5))
        score = scoringrules.interval_score(observation, low, high, 1 - coverage)
        rows.append({"coverage": coverage, "low": low, "high": high, "observation": observation, "score": float(score)})
    return rows


def crps():
    rows = []
    for _ in range(10):
        quantiles = numbers(sorted(random.lognormal(0, 1, len(LEVELS))))
        observation = float(random.lognormal(0, 1.5))
        score = scoringrules.crps_quantile(observation, numpy.array(quantiles), numpy.array(LEVELS))
        rows.append({"quantiles": quantiles, "observation": observation, "crps": float(score)})
    return rows


def kaplan_meier():
    rows = []
    for size, ties in [(5, False), (40, False), (200, True)]:
        values = random.exponential(1, size)
        if ties:
            values = numpy.round(values, 1)
        censored = random.random(size) < 0.4
        fit = KaplanMeierFitter().fit(values, ~censored)
        at = numbers(random.uniform(0, values.max(), 15))
        rows.append({
            "values": numbers(values),
            "censored": [bool(c) for c in censored],
            "at": at,
            "survival": numbers(fit.survival_function_at_times(at)),
        })
    return rows


def student_intervals():
    rows = []
    for size in [2, 3, 10, 100]:
        values = random.normal(3, 2, size)
        for confidence in [0.5, 0.95, 0.99]:
            low, high = stats.t.interval(confidence, size - 1, values.mean(), stats.sem(values))
            rows.append({"values": numbers(values), "confidence": confidence, "low": float(low), "high": float(high)})
    return rows


def geometric_mean_ratios():
    rows = []
    for size in [2, 10, 30]:
        a, b = random.lognormal(0, 1, size), random.lognormal(0.5, 1, size)
        logs = numpy.log(a / b)
        low, high = stats.t.interval(0.95, size - 1, logs.mean(), stats.sem(logs))
        rows.append({
            "a": numbers(a), "b": numbers(b), "ratio": float(stats.gmean(a / b)),
            "low": float(numpy.exp(low)), "high": float(numpy.exp(high)),
        })
    return rows


def distributions():
    rows = []
    for _ in range(15):
        p = float(random.uniform(0.001, 0.999))
        freedom = int(random.integers(1, 200))
        x = float(random.uniform(0, 200))
        trials = int(random.integers(1, 5000))
        successes = int(random.integers(0, trials + 1))
        rows.append({
            "p": p, "freedom": freedom, "x": x, "trials": trials, "successes": successes,
            "normal_quantile": float(stats.norm.ppf(p)),
            "student_quantile": float(stats.t.ppf(p, freedom)),
            "student_tail": float(stats.t.sf(x / 20, freedom)),
            "chi_squared_tail": float(stats.chi2.sf(x, freedom)),
            "binomial_cdf": float(stats.binom.cdf(successes, trials, p)),
            "binomial_quantile": float(stats.binom.ppf(p, trials, p)),
        })
    return rows


def uniformity():
    rows = []
    for size, power in [(200, 1.0), (1000, 1.1), (5000, 0.95)]:
        counts, _ = numpy.histogram(random.random(size) ** power, bins=20, range=(0, 1))
        test = stats.chisquare(counts)
        rows.append({
            "counts": [int(c) for c in counts],
            "statistic": float(test.statistic), "p_value": float(test.pvalue),
        })
    return rows


document = {
    "made_with": {
        "python": platform.python_version(),
        **{name: version(name) for name in ["numpy", "scipy", "lifelines", "scoringrules"]},
    },
    "levels": LEVELS,
    "quantile_scores": quantile_scores(),
    "interval_scores": interval_scores(),
    "crps": crps(),
    "kaplan_meier": kaplan_meier(),
    "student_intervals": student_intervals(),
    "geometric_mean_ratios": geometric_mean_ratios(),
    "distributions": distributions(),
    "uniformity": uniformity(),
}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(document, indent=1) + "\n")
