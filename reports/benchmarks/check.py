#!/usr/bin/env python3
"""Counts the instructions of fixed workloads and compares them with the recorded numbers.

`check.py PROGRAM [--record]`. PROGRAM is counted_workloads. Each workload runs under valgrind twice, with
COUNT and with 2 * COUNT operations; the difference divided by COUNT is the cost of one operation, without
start-up and set-up. The result does not depend on the clock, on other processes or on memory addresses,
except for the hash seeds that Abseil's containers derive from addresses.

A workload that needs 5 % more than recorded fails the check, so that 10 % more cannot be missed. One that
needs less passes; record it with --record, so that the gain is kept.

The check is not flaky: valgrind presents the same processor on any host with AVX2, so the C library
chooses the same functions; the compiler and the libraries are those of one Debian release; and twenty
runs in a row agreed within 1.4 %, most workloads to the last digit.
"""
import concurrent.futures
import json
import pathlib
import re
import subprocess
import sys

RECORD = pathlib.Path(__file__).with_name("instructions.json")
COUNTS = {"queue": 20_000, "kernel": 20_000, "core": 10_000, "core-judged": 10_000, "prediction": 2_000,
          "prediction-by-state": 200}
WORST = 1.05
BETTER = 0.95


def instructions(program, workload, count):
    command = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null",
               program, workload, str(count)]
    # The environment is on the stack and changes its alignment, on which memory functions depend.
    run = subprocess.run(command, capture_output=True, text=True, env={"LC_ALL": "C"}, check=False)
    counted = re.search(r"I\s+refs:\s+([\d,]+)", run.stderr)
    if run.returncode != 0 or counted is None:
        sys.exit(f"check.py: {' '.join(command)} failed:\n{run.stderr}")
    return int(counted.group(1).replace(",", ""))


def measure(program):
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        jobs = {(name, times): pool.submit(instructions, program, name, times * count)
                for name, count in COUNTS.items() for times in (1, 2)}
    return {name: round((jobs[name, 2].result() - jobs[name, 1].result()) / count, 1)
            for name, count in COUNTS.items()}


def main(program, record):
    measured = measure(program)
    if record:
        RECORD.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    recorded = json.loads(RECORD.read_text(encoding="utf-8"))
    failed = False
    print(f"{'instructions per operation':26}  {'recorded':>10}  {'now':>10}  ratio")
    for name, now in measured.items():
        before = recorded.get(name)
        if before is None:
            print(f"{name:26}  {'none':>10}  {now:10.1f}  FAILED: record it")
            failed = True
            continue
        ratio = now / before
        verdict = "FAILED" if ratio > WORST else "better: record it" if ratio < BETTER else ""
        failed |= ratio > WORST
        print(f"{name:26}  {before:10.1f}  {now:10.1f}  {ratio:.3f} {verdict}".rstrip())
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[2:] not in ([], ["--record"]):
        sys.exit("check.py PROGRAM [--record]")
    sys.exit(main(sys.argv[1], "--record" in sys.argv))
