#!/usr/bin/env python3
"""Prints the ratios that benchmarks measure: `table.py FILE...`, files written by --benchmark_out.

Times of different machines are not comparable, so this compares pairs that ran on the same machine:

- by name: two benchmarks of one program whose names differ in one part, which is `reference` in one of
  them, as in hold/ladder/1000 and hold/reference/1000. The ratio is the reference's processor time
  divided by the other's: above 1 is faster than the reference.
- by counter: a benchmark that runs both sides itself sets counters called `ratio:...`.

Each figure is the median over the repetitions, with the smallest and the largest.
"""
import json
import statistics
import sys


class Sample:
    """The values of one quantity over the repetitions of a benchmark."""

    def __init__(self, values):
        self.values = list(values)

    def median(self):
        return statistics.median(self.values)

    def __str__(self):
        return f"{self.median():8.3g}  [{min(self.values):.3g} .. {max(self.values):.3g}]"


def plain_name(name):
    """The name without the parts that Google Benchmark adds about the run."""
    added = ("iterations:", "repeats:", "min_time:", "min_warmup_time:", "manual_time", "real_time")
    return "/".join(part for part in name.split("/") if not part.startswith(added))


def runs_by_name(files):
    runs = {}
    for file in files:
        with open(file, encoding="utf-8") as text:
            document = json.load(text)
        for run in document["benchmarks"]:
            if run["run_type"] != "iteration":
                continue
            if run.get("error_occurred"):
                sys.exit(f"{run['name']}: {run['error_message']}")
            runs.setdefault(plain_name(run["run_name"]), []).append(run)
    return runs


def reference_of(name, runs):
    parts = name.split("/")
    if "reference" in parts:
        return None
    for i in range(len(parts)):
        other = "/".join(parts[:i] + ["reference"] + parts[i + 1:])
        if other in runs:
            return other
    return None


def ratios(runs):
    for name, its_runs in runs.items():
        reference = reference_of(name, runs)
        if reference is not None:
            times = [run["cpu_time"] for run in its_runs]
            theirs = statistics.median(run["cpu_time"] for run in runs[reference])
            yield name, "reference's time / its own", Sample(theirs / time for time in times)
        for counter in its_runs[0]:
            if counter.startswith("ratio:"):
                yield name, counter.removeprefix("ratio:"), Sample(run[counter] for run in its_runs)


def main(files):
    if not files:
        sys.exit("table.py FILE...")
    rows = list(ratios(runs_by_name(files)))
    if not rows:
        print("no two of these benchmarks form a pair")
        return
    width = max(len(name) for name, _, _ in rows)
    kind_width = max(len(kind) for _, kind, _ in rows)
    for name, kind, sample in rows:
        print(f"{name:{width}}  {kind:{kind_width}}  {sample}")


main(sys.argv[1:])
