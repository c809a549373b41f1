"""Loads JSON reports of Quintain into pandas.

    from quintain import report
    study = report.load("eta.json")
    study.scores.query("of == 'terminal'").pivot(index="workload", columns="estimator", values="crps_s")

`load()` reads what `--report` of `run`, `conform`, `explore` and `study` and `--json` of `capacity`
write. `load_cells()` reads the kept cells of a study, which have the scores of each replication.

Each table is a DataFrame. The name of a column with a unit ends with it: `_s` is seconds, `_ns`
nanoseconds. Shares are from 0 to 1. A number that the report does not have (`null`) is NaN, a text
that it does not have is None. A file that is not what it should be raises ReportError, whose message
says which file, where in it, and what is wrong.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from typing import Any, Callable, Iterable, Iterator, Union

import pandas as pd

__all__ = ["CapacityReport", "Cells", "ReportError", "RunReport", "StudyReport", "load", "load_cells"]

_SCHEMA_VERSION = 1
_Path = Union[str, "os.PathLike[str]"]


class ReportError(ValueError):
    """A file is no report, is damaged, or has a version that this module does not know."""


@dataclass(frozen=True)
class RunReport:
    """A report of `quintain run`, `conform` or `explore`."""

    command: str
    version: str
    verdict: str
    #: Why the run ended early, or None.
    incomplete: str | None
    #: What was judged: its address and what it declares. Empty where there is no target.
    target: dict[str, Any]
    #: Time, machine and build: what differs between two runs of one command.
    wall_clock: dict[str, Any]
    #: A row for each case and seed: name, family, seed, verdict, known_failure, reason (why it was
    #: skipped or not judged, or the harness's error), checks, failed_checks, events, virtual_time_s,
    #: history_digest, file, reproduce.
    cases: pd.DataFrame
    #: A row for each check of a case: case, seed, check, kind, verdict, expected, observed, file, line.
    checks: pd.DataFrame
    #: A row for each metric of a case: case, seed, metric, value, unit.
    metrics: pd.DataFrame
    #: A row for each execution of a case with a timeline: case, seed, execution, function, accepted_s,
    #: deadline_s, eta_p50_s and eta_p90_s (the end that was estimated), ended_s, outcome, attempts,
    #: cold_starts. Times are since the start of the run.
    executions: pd.DataFrame

    def metric_table(self) -> pd.DataFrame:
        """A row for each case and seed (the index), a column for each metric. A metric whose name does
        not contain its unit gets it at the end."""
        names = [_with_unit(name, unit) for name, unit in zip(self.metrics["metric"], self.metrics["unit"])]
        keys = ["case", "seed", "metric"]
        table = self.metrics.assign(metric=names).drop_duplicates(keys).pivot(
            index=["case", "seed"], columns="metric", values="value")
        cases = pd.MultiIndex.from_frame(self.cases[["name", "seed"]], names=["case", "seed"])
        table = table.reindex(index=cases, columns=list(dict.fromkeys(names)))
        table.columns.name = None
        return table


@dataclass(frozen=True)
class StudyReport:
    """A report of `quintain study`. Scores are pooled over the replications; load_cells() has those of
    each. `of` is `terminal` (every end) or `success` (cut-short executions are censored)."""

    command: str
    version: str
    verdict: str
    name: str
    default_estimator: str
    wall_clock: dict[str, Any]
    #: A row for each workload: workload, about, replications, the calls by outcome, the reason why the
    #: replications stopped, no_oracle.
    workloads: pd.DataFrame
    #: A row for each workload, estimator and `of`. A score with a 95 % interval has the columns
    #: NAME, NAME_low and NAME_high before the unit: crps_s, crps_low_s, crps_high_s. `flagged` is None
    #: but for controls, which have to be.
    scores: pd.DataFrame
    #: A row for each workload, estimator, `of` and level: coverage (with interval) and pinball_s.
    levels: pd.DataFrame
    #: A row for each workload, estimator and other estimator: ratio of the pinball losses (with
    #: interval); `relation` is oracle, reference, baseline or best-baseline.
    ratios: pd.DataFrame
    #: A row for each workload, estimator and stratum: executions, and the coverage at four levels.
    strata: pd.DataFrame
    #: A row for each workload, estimator and range of the queue at acceptance (depth_from, depth_to; no
    #: depth_to: any): executions, pinball_s (of each, time to terminal), share of the whole loss.
    depths: pd.DataFrame
    #: A row for each workload with changes of regime and estimator: after_change_ratio (to the oracle's
    #: loss, with interval), completions_until_recovered, worst_window (coverage error).
    adaptation: pd.DataFrame
    #: A row for each workload, estimator and bin of the PIT histogram: low, high, share.
    pit: pd.DataFrame
    #: A row for each workload, estimator and flag: holds (True, False or None), expected, observed.
    flags: pd.DataFrame
    #: A row for each workload, estimator, curve and point: x, y (docs/studies.md says of what).
    curves: pd.DataFrame
    #: A row for each closed form of a workload: model, quantity, reference, measured, z, holds.
    closed_forms: pd.DataFrame
    #: A row for each workload and estimator whose predictions were timed: p50_ns, p99_ns.
    costs: pd.DataFrame


@dataclass(frozen=True)
class CapacityReport:
    """What `quintain capacity --json` writes."""

    command: str
    trace: str
    functions: int
    #: The mean number of slots that the calls keep busy where nothing waits.
    load: float
    goals: list[str]
    #: The fewest slots that meet the goals, or None.
    fewest_slots: int | None
    #: A row for each number of slots: slots, calls, refused, busy, waited, wait_p95_s and the like,
    #: response_p95_s and the like, estimate_error_s, after_p90, slot_hours.
    points: pd.DataFrame


@dataclass(frozen=True)
class Cells:
    """The kept cells of a study. A cell is one workload under one seed: one replication."""

    #: A row for each cell: workload, seed, the calls by outcome, warm_up, file.
    cells: pd.DataFrame
    #: A row for each cell, estimator and `of`, with the scores of this replication alone.
    scores: pd.DataFrame
    #: A row for each cell, estimator, `of` and level: coverage, pinball_s.
    levels: pd.DataFrame


def load(path: _Path) -> RunReport | StudyReport | CapacityReport:
    """Reads a report.

    Raises ReportError if it is none, and OSError if the file cannot be read.
    """
    document = _read(path)
    if document.has("workloads"):
        return _study(document)
    if document.has("totals") and document.has("cases"):
        return _run(document)
    if document.has("points") and "fewest_slots" in document.dict():
        return _capacity(document)
    if document.has("cells"):
        raise document.error("is a part of a study: `quintain merge` makes the report of all parts; "
                             "load_cells() reads the cells of this one")
    raise document.error("is no report of Quintain: write one with --report of run, conform, explore or "
                         "study, or with --json of capacity")


def load_cells(path: _Path) -> Cells:
    """Reads the cells of a study: the folder of `--keep` (REPORT.cells if only `--report` was given), or
    the report of a part (`--shard`).

    A folder may have cells of several studies and programs: see the column `file`.
    Raises ReportError for a file that is no cell, and OSError if one cannot be read.
    """
    if os.path.isdir(path):
        files = sorted(name for name in os.listdir(path) if name.endswith(".json"))
        if not files:
            raise ReportError(f"{os.fspath(path)}: this folder has no cells, which are files "
                              "WORKLOAD-seed-N-DIGEST.json")
        return _cells((name, _read(os.path.join(path, name), versioned=False)) for name in files)
    document = _read(path)
    if not document.has("cells"):
        raise document.error("has no cells: give the folder of kept cells, or the report of a part of a "
                             "study")
    return _cells((name, _parse(f"{document.file}: {name}", text.text().encode(), versioned=False))
                  for name, text in document.at("cells").items())


# ---- Reading -------------------------------------------------------------------------------------


class _Value:
    """A JSON value that knows where it is, so that every fault of a file names its place."""

    __slots__ = ("file", "place", "value")

    def __init__(self, file: str, place: str, value: Any):
        self.file, self.place, self.value = file, place, value

    def error(self, what: str) -> ReportError:
        return ReportError(f"{self.file}: {self.place + ': ' if self.place else ''}{what}")

    def _of(self, kind: type, expected: str) -> Any:
        if not isinstance(self.value, kind):
            raise self.error(f"{_shown(self.value)} is not {expected}")
        return self.value

    def has(self, key: str) -> bool:
        return isinstance(self.value, dict) and self.value.get(key) is not None

    def at(self, key: str) -> "_Value":
        value = self._of(dict, "an object")
        if key not in value:
            raise self.error(f"there is no {key!r}")
        return _Value(self.file, f"{self.place}/{key}", value[key])

    def get(self, key: str) -> "_Value | None":
        return self.at(key) if self.has(key) else None

    def items(self) -> Iterator[tuple[str, "_Value"]]:
        for key in self._of(dict, "an object"):
            yield key, self.at(key)

    def list(self) -> Iterator["_Value"]:
        for i, value in enumerate(self._of(list, "a list")):
            yield _Value(self.file, f"{self.place}/{i}", value)

    def text(self) -> str:
        return self._of(str, "a text")

    def dict(self) -> dict[str, Any]:
        return self._of(dict, "an object")

    def count(self) -> int:
        if isinstance(self.value, bool) or not isinstance(self.value, int) or not 0 <= self.value < 2**64:
            raise self.error(f"{_shown(self.value)} is not a whole number from 0 to 2^64 - 1")
        return self.value

    def number(self) -> float:
        if self.value is None:
            return float("nan")
        if isinstance(self.value, bool) or not isinstance(self.value, (int, float)):
            raise self.error(f"{_shown(self.value)} is not a number")
        try:
            return float(self.value)
        except OverflowError:
            raise self.error("the number is too large") from None

    def flag(self) -> bool | None:
        if self.value is not None and not isinstance(self.value, bool):
            raise self.error(f"{_shown(self.value)} is not true, false or null")
        return self.value


def _shown(value: Any) -> str:
    text = "null" if value is None else repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _parse(file: str, data: bytes, versioned: bool = True) -> _Value:
    try:
        value = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        what = "is nested too deeply" if isinstance(error, RecursionError) else f"is no JSON: {error}"
        raise ReportError(f"{file}: {what}") from None
    document = _Value(file, "", value)
    if not isinstance(value, dict):
        raise document.error("is no report of Quintain: it is JSON, but no object")
    if versioned:
        if not document.has("schema_version"):
            raise document.error("is no report of Quintain: it has no schema_version")
        version = document.at("schema_version").count()
        if version != _SCHEMA_VERSION:
            raise document.error(f"its format has version {version}, and this module reads version "
                                 f"{_SCHEMA_VERSION}: use the package of the program that wrote it")
    return document


def _read(path: _Path, versioned: bool = True) -> _Value:
    with open(path, "rb") as stream:
        return _parse(os.fspath(path), stream.read(), versioned)


# ---- Tables --------------------------------------------------------------------------------------

_WHOLE = {"seed": "uint64", "replications": "int64", "checks": "int64", "failed_checks": "int64",
          "attempts": "int64", "cold_starts": "int64"}


def _table(columns: Iterable[str], rows: list[dict[str, Any]]) -> pd.DataFrame:
    """A DataFrame that has these columns even if there are no rows."""
    table = pd.DataFrame(rows, columns=list(columns))
    return table.astype({name: kind for name, kind in _WHOLE.items() if name in table.columns})


def _with_unit(name: str, unit: str) -> str:
    ending = {"": "", "1": "", "share": "", "1/s": "per_s"}.get(unit, unit)
    words = {"s": ("s", "seconds")}.get(ending, (ending,))
    parts = re.split(r"[._]", name)
    return name if not ending or any(word in parts for word in words) else f"{name}_{ending}"


def _interval(name: str, interval: _Value, unit: str = "") -> dict[str, float]:
    return {f"{name}{suffix}{unit}": interval.at(key).number()
            for suffix, key in (("", "value"), ("_low", "low"), ("_high", "high"))}


def _interval_columns(name: str, unit: str = "") -> list[str]:
    return [f"{name}{suffix}{unit}" for suffix in ("", "_low", "_high")]


# ---- run, conform, explore -----------------------------------------------------------------------

_CASE = ["name", "family", "seed", "verdict", "known_failure", "reason", "checks", "failed_checks",
         "events", "virtual_time_s", "history_digest", "file", "reproduce"]
_CHECK = ["case", "seed", "check", "kind", "verdict", "expected", "observed", "file", "line"]
_METRIC = ["case", "seed", "metric", "value", "unit"]
_EXECUTION = ["case", "seed", "execution", "function", "accepted_s", "deadline_s", "eta_p50_s", "eta_p90_s",
              "ended_s", "outcome", "attempts", "cold_starts"]


def _optional_text(value: _Value, *keys: str) -> str | None:
    for key in keys:
        if value.has(key):
            return value.at(key).text()
    return None


def _execution(lane: _Value) -> dict[str, Any]:
    times = {}
    for name in ("accepted", "deadline", "eta_p50", "eta_p90", "ended"):
        time = lane.get(f"{name}_ns")
        times[f"{name}_s"] = time.number() / 1e9 if time else float("nan")
    attempts = list(lane.at("attempts").list())
    return {"execution": lane.at("name").text(), "function": _optional_text(lane, "function"), **times,
            "outcome": _optional_text(lane, "outcome"), "attempts": len(attempts),
            "cold_starts": sum(attempt.at("cold_start").flag() is True for attempt in attempts)}


def _run(document: _Value) -> RunReport:
    cases, checks, metrics, executions = [], [], [], []
    for case in document.at("cases").list():
        name, seed = case.at("name").text(), case.at("seed").count()
        failed = total = 0
        for check in case.at("checks").list():
            verdict = check.at("verdict").text()
            total += 1
            failed += verdict == "failed"
            where = check.get("where")
            checks.append({
                "case": name, "seed": seed, "check": check.at("name").text(),
                "kind": check.at("kind").text(), "verdict": verdict,
                "expected": check.at("expected").text(), "observed": check.at("observed").text(),
                "file": where.at("file").text() if where else None,
                "line": where.at("line").count() if where else None})
        for metric in case.at("metrics").list():
            metrics.append({"case": name, "seed": seed, "metric": metric.at("name").text(),
                            "value": metric.at("value").number(), "unit": metric.at("unit").text()})
        timeline = case.get("timeline")
        for lane in timeline.at("executions").list() if timeline else ():
            executions.append({"case": name, "seed": seed, **_execution(lane)})
        cases.append({
            "name": name, "family": name.partition("/")[0], "seed": seed,
            "verdict": case.at("verdict").text(), "known_failure": _optional_text(case, "known_failure"),
            "reason": _optional_text(case, "skip_reason", "not_judged_reason", "error_message"),
            "checks": total, "failed_checks": failed, "events": case.at("events").count(),
            "virtual_time_s": case.at("virtual_time_ns").number() / 1e9,
            "history_digest": _optional_text(case, "history_digest"), "file": case.at("file").text(),
            "reproduce": case.at("reproduce").text()})
    target = document.get("target")
    check_table = _table(_CHECK, checks)
    return RunReport(
        command=document.at("command").text(), version=document.at("tool").at("version").text(),
        verdict=document.at("verdict").text(), incomplete=_optional_text(document, "incomplete"),
        target=target.dict() if target else {}, wall_clock=document.at("wall_clock").dict(),
        cases=_table(_CASE, cases), checks=check_table.astype({"line": "Int64"}),
        metrics=_table(_METRIC, metrics).astype({"value": "float64"}),
        executions=_table(_EXECUTION, executions).astype({name: "float64" for name in _EXECUTION
                                                          if name.endswith("_s")}))


# ---- study ---------------------------------------------------------------------------------------

_ESTIMATOR = ["workload", "estimator"]
# Scores with an interval, and scores without one: the key in the report, and the name and unit here.
_INTERVALS = [("pinball", "pinball", "_s"), ("crps", "crps", "_s"), ("bias", "bias", "_s")]
_NUMBERS = {"interval_score_80": "interval_score_80_s", "interval_score_90": "interval_score_90_s",
            "mean_absolute_error": "mean_absolute_error_s",
            "mean_absolute_percentage_error": "mean_absolute_percentage_error"}
_WIDTHS = {f"width_{level}": f"width_{level}_s" for level in (50, 80, 90)}
_SCORE = [*_ESTIMATOR, "role", "of", "scored", "censored",
          *(column for _, name, unit in _INTERVALS for column in _interval_columns(name, unit)),
          *_NUMBERS.values(), *_WIDTHS.values(), *_interval_columns("worst_coverage_error"),
          "worst_stratum_error", "memory_bytes", "bytes_per_function", "flagged"]
_COUNTS = ["predicted", "completed", "failed", "timed_out", "cancelled", "unfinished", "dropped", "refused"]
_WORKLOAD = ["workload", "about", "replications", *_COUNTS, "censored", "scored", "stopped", "no_oracle"]
_STRATUM = [*_ESTIMATOR, "depth_quintile", "cold", "popularity_tercile", "executions",
            *(f"coverage_{level}" for level in (50, 80, 90, 95))]


def _scores(estimator: _Value, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    common = {name: estimator.at(key).number() for key, name in _WIDTHS.items()}
    common.update(_interval("worst_coverage_error", estimator.at("worst_coverage_error")))
    common["worst_stratum_error"] = estimator.at("worst_stratum_error").number()
    common["memory_bytes"] = estimator.at("bytes").count()
    common["bytes_per_function"] = estimator.at("bytes_per_function").number()
    flagged = estimator.get("flagged")
    common["flagged"] = flagged.flag() if flagged else None
    for of in ("terminal", "success"):
        scores = estimator.at(of)
        result = {**row, "role": estimator.at("role").text(), "of": of,
                  "scored": scores.at("scored").count(), "censored": scores.at("censored").count()}
        for key, name, unit in _INTERVALS:
            result.update(_interval(name, scores.at(key), unit))
        result.update({name: scores.at(key).number() for key, name in _NUMBERS.items()})
        yield {**result, **common}


def _levels(scores: _Value, row: dict[str, Any], levels: list[float],
            coverage_of: Callable[[_Value], dict[str, float]]) -> Iterator[dict[str, Any]]:
    coverage, pinball = list(scores.at("coverage").list()), list(scores.at("pinball_by_level").list())
    if len(coverage) != len(levels) or len(pinball) != len(levels):
        raise scores.error(f"it has {len(coverage)} coverages and {len(pinball)} losses for {len(levels)} "
                           "levels")
    for level, covered, loss in zip(levels, coverage, pinball):
        yield {**row, "level": level, **coverage_of(covered), "pinball_s": loss.number()}


def _ratios(estimator: _Value, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    found = [(relation, estimator.get(key)) for key, relation in (
        ("to_oracle", "oracle"), ("to_reference", "reference"), ("to_best_baseline", "best-baseline"))]
    found += [("baseline", ratio) for ratio in estimator.at("to_baselines").list()]
    for relation, ratio in found:
        if ratio is not None:
            yield {**row, "relation": relation, "other": ratio.at("to").text(),
                   **_interval("ratio", ratio.at("ratio"))}


def _strata(estimator: _Value, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for stratum in estimator.at("strata").list():
        coverage = [value.number() for value in stratum.at("coverage").list()]
        if len(coverage) != 4:
            raise stratum.at("coverage").error("there are not four levels")
        yield {**row, "depth_quintile": stratum.at("depth_quintile").count(),
               "cold": stratum.at("cold").flag(),
               "popularity_tercile": stratum.at("popularity_tercile").count(),
               "executions": stratum.at("executions").count(), **dict(zip(_STRATUM[-4:], coverage))}


def _depths(estimator: _Value, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for depth in estimator.at("by_depth").list():
        to = depth.get("to")
        yield {**row, "depth_from": depth.at("from").number(), "depth_to": to.number() if to else None,
               "executions": depth.at("executions").count(), "pinball_s": depth.at("pinball").number(),
               "share": depth.at("share").number()}


def _adaptation(estimator: _Value, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if adaptation := estimator.get("adaptation"):
        recovered = adaptation.get("completions_until_recovered")
        yield {**row, **_interval("after_change_ratio", adaptation.at("after_change")),
               "completions_until_recovered": recovered.number() if recovered else None,
               "worst_window": adaptation.at("worst_window").number()}


def _pit(estimator: _Value, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    bins = list(estimator.at("pit").at("bins").list())
    for i, share in enumerate(bins):
        yield {**row, "low": i / len(bins), "high": (i + 1) / len(bins), "share": share.number()}


def _flags(estimator: _Value, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for flag in estimator.at("flags").list():
        yield {**row, "flag": flag.at("name").text(), "holds": flag.at("holds").flag(),
               "expected": flag.at("expected").text(), "observed": flag.at("observed").text()}


def _curves(estimator: _Value, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name, curve in estimator.at("curves").items():
        for point in curve.list():
            values = [value.number() for value in point.list()]
            if len(values) != 2:
                raise point.error("a point has two numbers, x and y")
            yield {**row, "curve": name, "x": values[0], "y": values[1]}


def _study(document: _Value) -> StudyReport:
    levels = [level.number() for level in document.at("levels").list()]
    workloads, scores, by_level, ratios, strata, forms = ([] for _ in range(6))
    depths, adaptation, pit, flags, curves = ([] for _ in range(5))
    for workload in document.at("workloads").list():
        name = workload.at("name").text()
        counts = workload.at("counts")
        workloads.append({
            "workload": name, "about": workload.at("about").text(),
            "replications": len(list(workload.at("seeds").list())),
            **{key: counts.at(key).count() for key in (*_COUNTS, "censored", "scored")},
            "stopped": workload.at("stopped").at("reason").text(),
            "no_oracle": workload.at("no_oracle").text() or None})
        for form in workload.at("analytic").list():
            forms.append({"workload": name, "model": form.at("model").text(),
                          "quantity": form.at("quantity").text(),
                          "reference": form.at("reference").number(),
                          **_interval("measured", form.at("measured")), "z": form.at("z").number(),
                          "holds": form.at("holds").flag()})
        for estimator in workload.at("estimators").list():
            row = {"workload": name, "estimator": estimator.at("name").text()}
            scores += _scores(estimator, row)
            for of in ("terminal", "success"):
                by_level += _levels(estimator.at(of), {**row, "of": of}, levels,
                                    lambda covered: _interval("coverage", covered))
            ratios += _ratios(estimator, row)
            strata += _strata(estimator, row)
            depths += _depths(estimator, row)
            adaptation += _adaptation(estimator, row)
            pit += _pit(estimator, row)
            flags += _flags(estimator, row)
            curves += _curves(estimator, row)
    costs = [{"workload": cost.at("workload").text(), "estimator": cost.at("estimator").text(),
              "p50_ns": cost.at("p50_ns").number(), "p99_ns": cost.at("p99_ns").number()}
             for cost in document.at("costs").list()]
    return StudyReport(
        command=document.at("command").text(), version=document.at("tool").at("version").text(),
        verdict=document.at("verdict").text(), name=document.at("study").at("name").text(),
        default_estimator=document.at("default_estimator").text(),
        wall_clock=document.at("wall_clock").dict(), workloads=_table(_WORKLOAD, workloads),
        scores=_table(_SCORE, scores),
        levels=_table([*_ESTIMATOR, "of", "level", *_interval_columns("coverage"), "pinball_s"], by_level),
        ratios=_table([*_ESTIMATOR, "relation", "other", *_interval_columns("ratio")], ratios),
        strata=_table(_STRATUM, strata),
        depths=_table([*_ESTIMATOR, "depth_from", "depth_to", "executions", "pinball_s", "share"], depths),
        adaptation=_table([*_ESTIMATOR, *_interval_columns("after_change_ratio"),
                           "completions_until_recovered", "worst_window"], adaptation),
        pit=_table([*_ESTIMATOR, "low", "high", "share"], pit),
        flags=_table([*_ESTIMATOR, "flag", "holds", "expected", "observed"], flags),
        curves=_table([*_ESTIMATOR, "curve", "x", "y"], curves),
        closed_forms=_table(["workload", "model", "quantity", "reference", *_interval_columns("measured"),
                             "z", "holds"], forms),
        costs=_table([*_ESTIMATOR, "p50_ns", "p99_ns"], costs))


# ---- capacity ------------------------------------------------------------------------------------

_STATISTICS = ["mean", "p50", "p90", "p95", "p99", "max"]
_POINT = ["slots", "calls", "refused", "busy", "waited",
          *(f"{time}_{statistic}_s" for time in ("wait", "response") for statistic in _STATISTICS),
          "estimate_error_s", "after_p90", "slot_hours"]


def _capacity(document: _Value) -> CapacityReport:
    points = []
    for point in document.at("points").list():
        row: dict[str, Any] = {key: point.at(key).count() for key in ("slots", "calls", "refused")}
        for key in ("busy", "waited", "estimate_error_s", "after_p90", "slot_hours"):
            row[key] = point.at(key).number()
        for time in ("wait", "response"):
            for statistic in _STATISTICS:
                row[f"{time}_{statistic}_s"] = point.at(f"{time}_s").at(statistic).number()
        points.append(row)
    fewest = document.get("fewest_slots")
    return CapacityReport(
        command=document.at("command").text(), trace=document.at("trace").text(),
        functions=document.at("functions").count(), load=document.at("load").number(),
        goals=[goal.text() for goal in document.at("goals").list()],
        fewest_slots=fewest.count() if fewest else None, points=_table(_POINT, points))


# ---- cells ---------------------------------------------------------------------------------------

_CELL_NAME = re.compile(r"(?P<workload>.+)-seed-(?P<seed>\d+)-[0-9a-f]{16}\.json")
_CELL_SCORES = {"pinball": "pinball_s", "crps": "crps_s", "interval_score_80": "interval_score_80_s",
                "interval_score_90": "interval_score_90_s", "absolute_error": "mean_absolute_error_s",
                "percentage_error": "mean_absolute_percentage_error", "error": "bias_s"}
_CELL = ["workload", "seed"]
# Of every study that runs workloads: 5 %, 10 %, ..., 95 % (docs/studies.md).
_CELL_LEVELS = [i / 20 for i in range(1, 20)]


def _cells(files: Iterable[tuple[str, _Value]]) -> Cells:
    cells, scores, by_level = [], [], []
    for name, document in files:
        match = _CELL_NAME.fullmatch(name)
        if not match or not document.has("cell"):
            raise document.error("is no cell of a study: it is not named WORKLOAD-seed-N-DIGEST.json, or "
                                 "has no 'cell'")
        cell = document.at("cell")
        row = {"workload": match["workload"], "seed": cell.at("seed").count()}
        counts = cell.at("counts")
        cells.append({**row, **{key: counts.at(key).count() for key in _COUNTS},
                      "warm_up": cell.at("warm_up_cut").number(), "file": name})
        for estimator in cell.at("estimators").list():
            for of in ("terminal", "success"):
                found = estimator.at(of)
                entry = {**row, "estimator": estimator.at("estimator").text(), "of": of}
                scores.append({
                    **entry, "scored": found.at("scored").count(), "censored": found.at("censored").count(),
                    **{column: found.at(key).number() for key, column in _CELL_SCORES.items()},
                    **{column: estimator.at(key).number() for key, column in _WIDTHS.items()}})
                by_level += _levels(found, entry, _CELL_LEVELS, lambda covered: {"coverage": covered.number()})
    return Cells(
        cells=_table([*_CELL, *_COUNTS, "warm_up", "file"], cells),
        scores=_table([*_CELL, "estimator", "of", "scored", "censored", *_CELL_SCORES.values(),
                       *_WIDTHS.values()], scores),
        levels=_table([*_CELL, "estimator", "of", "level", "coverage", "pinball_s"], by_level))
