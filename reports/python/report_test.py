#!/usr/bin/env python3
"""report_test.py PROGRAM: tests quintain.report with reports that PROGRAM writes."""

import copy
import json
import math
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

import pandas as pd
from quintain import report

PROGRAM = ""
SCENARIO = {
    "functions": {"work": {"service": "100ms"}},
    "for": {"mode": ["sync", "async"]},
    "steps": [{"invoke": "work", "mode": "${mode}", "as": "a"}],
    "expect": [{"execution": "a", "ended": "100ms"}, {"execution": "a", "ended": "90ms"}],
}
STUDY = {
    "about": "a small one",
    "node": {"slots": 2},
    "estimators": ["best", "ewma", "queue-length"],
    "replications": 3,
    "arrivals": 2000,
    "warm_up": 200,
    "workloads": [{
        "name": "changing", "about": "a node that gets slower",
        "node": {"slots": 2, "slowdowns": [{"from": "60s", "until": "100s", "factor": 1.3}]},
        "functions": {"work": {"service": {"exponential": "100ms"}}},
        "traffic": {"arrivals": {"poisson": 12}},
    }, {
        "name": "steady", "about": "one function",
        "functions": {"work": {"service": {"exponential": "100ms"}}},
        "traffic": {"arrivals": {"poisson": 14}},
        "goals": [{"coverage_error": 0.5}],
        "closed_forms": [{"model": "M/M/2", "quantity": "mean-wait", "reference": 0.0960784}],
    }],
}


def quintain(*arguments):
    """Runs the program. Exit code 1 means that something that it judged failed."""
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode > 1:
        raise AssertionError(f"{arguments}: {done.stdout}{done.stderr}")


class ReportTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = folder = pathlib.Path(cls.temporary.name)
        (folder / "cases").mkdir()
        (folder / "cases" / "one.json").write_text(json.dumps({"about": "x", **SCENARIO}))
        (folder / "s.study.json").write_text(json.dumps(STUDY))
        lines = [f"{i / 4},{0.3 + 0.1 * (i % 5)},f{i % 2}" for i in range(200)]
        (folder / "calls.csv").write_text("\n".join(["arrival,duration,function", *lines]) + "\n")
        cls.files = {name: folder / f"{name}.json" for name in
                     ("run", "conform", "explore", "study", "capacity", "part")}
        quintain("run", folder / "cases", "--seeds", f"{2**64 - 3}..{2**64 - 2}", "--report", cls.files["run"])
        quintain("conform", "--transport", "sim", "--only", "sync/*", "--report", cls.files["conform"])
        quintain("explore", "--seeds", "5", "--out", folder / "out", "--report", cls.files["explore"])
        study = ("study", folder / "s.study.json")
        quintain(*study, "--report", cls.files["study"])
        quintain(*study, "--shard", "1/2", "--report", cls.files["part"])
        quintain("capacity", folder / "calls.csv", "--want", "response.p95=1s", "--json",
                 cls.files["capacity"])
        cls.documents = {name: json.loads(path.read_text()) for name, path in cls.files.items()}

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def write(self, document):
        path = self.folder / "written.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return path

    def assert_refused(self, expected, path, read=report.load):
        with self.assertRaises(report.ReportError) as caught:
            read(path)
        self.assertIn(str(path), str(caught.exception))
        self.assertIn(expected, str(caught.exception))

    def test_run(self):
        run = report.load(self.files["run"])
        document = self.documents["run"]
        self.assertEqual(run.verdict, "failed")
        self.assertEqual(list(run.cases["name"]), [case["name"] for case in document["cases"]])
        self.assertEqual(sorted(set(run.cases["seed"])), [2**64 - 3, 2**64 - 2])
        self.assertEqual(list(run.cases["failed_checks"]), [1] * 4)
        self.assertEqual(len(run.checks), sum(len(case["checks"]) for case in document["cases"]))
        failed = run.checks[run.checks["verdict"] == "failed"]
        self.assertEqual(set(failed["check"]), {"expect/2"})
        self.assertEqual(set(failed["line"]), {1})
        self.assertTrue((run.cases["virtual_time_s"] >= 0.1).all())

        table = run.metric_table()
        self.assertEqual(len(table), 4)
        self.assertEqual(list(table["response_ms.p50"]), [100] * 4)
        values = {(case["name"], case["seed"], metric["name"]): metric["value"]
                  for case in document["cases"] for metric in case["metrics"]}
        for row in run.metrics.itertuples():
            expected = values[row.case, row.seed, row.metric]
            self.assertTrue(row.value == expected or expected is None and math.isnan(row.value))

    def test_executions(self):
        executions = report.load(self.files["run"]).executions
        self.assertEqual(list(executions["execution"]), ["#1 'a'"] * 4)
        self.assertEqual(set(executions["function"]), {"work"})
        self.assertEqual(set(executions["outcome"]), {"COMPLETED"})
        self.assertEqual(list(executions["ended_s"]), [0.1] * 4)
        self.assertEqual(list(executions["attempts"]), [1] * 4)
        # Only an ASYNC execution is estimated at its acceptance.
        estimated = executions["case"].str.contains("mode=async")
        self.assertEqual(list(executions["eta_p50_s"].notna()), list(estimated))

    def test_a_metric_gets_its_unit(self):
        document = copy.deepcopy(self.documents["run"])
        names = [("found_after", "s"), ("calls", "1/s"), ("a_ms.p50", "ms"), ("virtual_seconds", "s"),
                 ("share.x", "share"), ("plain", "")]
        document["cases"] = document["cases"][:1]
        document["cases"][0]["metrics"] = [{"name": name, "value": None, "unit": unit} for name, unit in names]
        table = report.load(self.write(document)).metric_table()
        self.assertEqual(list(table.columns), ["found_after_s", "calls_per_s", "a_ms.p50", "virtual_seconds",
                                               "share.x", "plain"])
        self.assertTrue(table.isna().all(axis=None))
        document["cases"] = []
        self.assertEqual(len(report.load(self.write(document)).metric_table()), 0)

    def test_conform_and_explore(self):
        conform = report.load(self.files["conform"])
        self.assertEqual(conform.verdict, "passed")
        self.assertEqual(conform.target["transport"], "sim")
        self.assertEqual(set(conform.cases["family"]), {"sync"})
        self.assertIn("SYNC-1", set(conform.checks["check"]))
        self.assertEqual(report.load(self.files["explore"]).metric_table()["worlds"].iloc[0], 5)

    def test_study(self):
        study = report.load(self.files["study"])
        changing, workload = self.documents["study"]["workloads"]
        self.assertEqual(list(study.workloads["replications"]), [3, 3])
        self.assertEqual(len(study.scores), 4 * len(workload["estimators"]))
        of_workload = study.scores[study.scores["workload"] == "steady"]
        for estimator in workload["estimators"]:
            scores = of_workload[of_workload["estimator"] == estimator["name"]].set_index("of")
            self.assertEqual(scores["crps_low_s"]["terminal"], estimator["terminal"]["crps"]["low"])
            self.assertEqual(scores["mean_absolute_error_s"]["success"],
                             estimator["success"]["mean_absolute_error"])
        best = study.levels.query("workload == 'steady' and estimator == 'best' and of == 'terminal'")
        self.assertEqual(list(best["level"]), self.documents["study"]["levels"])
        self.assertTrue(best["coverage"].is_monotonic_increasing)
        self.assertEqual(set(study.ratios["relation"]), {"oracle", "baseline", "best-baseline"})
        self.assertAlmostEqual(study.pit.query("estimator == 'best'")["share"].sum(), 2)
        self.assertIn("goal/coverage-error", set(study.flags["flag"]))
        self.assertEqual(list(study.closed_forms["model"]), ["M/M/2"])
        self.assertIn("coverage_90_by_depth", set(study.curves["curve"]))
        controls = study.scores.query("role == 'control'")
        self.assertGreater(len(controls), 0)
        self.assertFalse(controls["flagged"].isna().any())
        self.assertTrue(study.scores.query("role != 'control'")["flagged"].isna().all())
        shares = study.depths.groupby(["workload", "estimator"])["share"].sum()
        self.assertTrue(((shares - 1).abs() < 1e-9).all())
        self.assertEqual(len(study.depths), sum(len(estimator["by_depth"]) for workload in (changing, workload)
                                                for estimator in workload["estimators"]))
        self.assertEqual(set(study.adaptation["workload"]), {"changing"})
        self.assertEqual(list(study.adaptation["after_change_ratio"]),
                         [estimator["adaptation"]["after_change"]["value"] for estimator in changing["estimators"]])
        self.assertEqual(len(study.costs), 0)
        self.assertIn("p50_ns", study.costs.columns)

    def test_the_module_knows_everything_that_an_estimator_has(self):
        known = {"name", "role", "flagged", "flags", "terminal", "success", "to_oracle", "to_reference",
                 "to_baselines", "to_best_baseline", "worst_coverage_error", "worst_stratum_error", "strata",
                 "by_depth", "width_50", "width_80", "width_90", "pit", "adaptation", "bytes",
                 "bytes_per_function", "curves"}
        for workload in self.documents["study"]["workloads"]:
            for estimator in workload["estimators"]:
                self.assertLessEqual(set(estimator), known, "give quintain.report a table for what is new")

    def test_the_scores_of_a_study_are_the_means_of_its_cells(self):
        study = report.load(self.files["study"])
        cells = report.load_cells(f"{self.files['study']}.cells")
        self.assertEqual(sorted(cells.cells["seed"]), [1, 1, 2, 2, 3, 3])
        key = ["workload", "estimator", "of"]
        columns = ["pinball_s", "crps_s", "bias_s"]
        means = cells.scores.groupby(key)[columns].mean()
        pooled = study.scores.set_index(key)[columns]
        pd.testing.assert_frame_equal(means, pooled.reindex(means.index))
        key.append("level")
        by_level = cells.levels.query("of == 'terminal'").groupby(key)["coverage"].mean()
        pd.testing.assert_series_equal(by_level, study.levels.set_index(key)["coverage"].reindex(by_level.index))

    def test_the_cells_of_a_part(self):
        cells = report.load_cells(self.files["part"])
        whole = report.load_cells(f"{self.files['study']}.cells")
        self.assertEqual(len(cells.cells), len(self.documents["part"]["cells"]))
        mine = pd.MultiIndex.from_frame(cells.cells[["workload", "seed"]])
        all_cells = pd.MultiIndex.from_frame(whole.scores[["workload", "seed"]])
        expected = whole.scores[all_cells.isin(mine)].reset_index(drop=True)
        pd.testing.assert_frame_equal(cells.scores, expected)

    def test_capacity(self):
        capacity = report.load(self.files["capacity"])
        document = self.documents["capacity"]
        self.assertEqual(capacity.fewest_slots, document["fewest_slots"])
        self.assertEqual(list(capacity.points["response_p95_s"]),
                         [point["response_s"]["p95"] for point in document["points"]])
        document = {**document, "fewest_slots": None}
        self.assertIsNone(report.load(self.write(document)).fewest_slots)

    def test_wrong_files(self):
        with self.assertRaises(FileNotFoundError):
            report.load(self.folder / "missing.json")
        refused = self.assert_refused
        refused("is no JSON", self.write('{"schema_version": 1'))
        refused("is no JSON", self.write(""))
        refused("nested too deeply", self.write("[" * 1_000_000))
        refused("no object", self.write("[1]"))
        refused("no schema_version", self.folder / "cases" / "one.json")
        refused("is no report of Quintain", self.write({"schema_version": 1}))
        refused("version 2", self.write({**self.documents["run"], "schema_version": 2}))
        refused("quintain merge", self.files["part"])
        refused("has no cells", self.files["run"], report.load_cells)
        (self.folder / "empty").mkdir()
        refused("has no cells", self.folder / "empty", report.load_cells)
        refused("cases/one.json: is no cell", self.folder / "cases", report.load_cells)
        document = copy.deepcopy(self.documents["run"])
        document["cases"][2]["metrics"][1]["value"] = "fast"
        refused("/cases/2/metrics/1/value: 'fast' is not a number", self.write(document))
        del document["cases"][1]["seed"]
        refused("/cases/1: there is no 'seed'", self.write(document))

    def test_damaged_reports_are_refused_or_read(self):
        """Replaces random values. Nothing but ReportError is raised, and what is read is a table."""
        values = [None, True, -1, 0, 2**70, 10**400, 1e300, "", "x", [], {}, [[]], {"value": 1}]
        draw = random.Random(1)
        refused = 0
        for name, document in self.documents.items():
            read = report.load_cells if name == "part" else report.load
            if name == "study":
                document = {**document, "workloads": [{**document["workloads"][0], "estimators":
                                                       document["workloads"][0]["estimators"][:2]}]}
            for _ in range(150):
                damaged = copy.deepcopy(document)
                parent = damaged
                while True:
                    key = draw.choice(list(parent)) if isinstance(parent, dict) else draw.randrange(len(parent))
                    child = parent[key]
                    if not isinstance(child, (dict, list)) or not child or draw.random() < 0.1:
                        break
                    parent = child
                parent[key] = draw.choice(values)
                try:
                    read(self.write(damaged))
                except report.ReportError:
                    refused += 1
        self.assertGreater(refused, 100)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
