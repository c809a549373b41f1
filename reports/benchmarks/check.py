#!/usr/bin/env python3
"""Counts instructions of fixed workloads and compares them with what is on record.

`check.py PROGRAM [--record]`. PROGRAM is counted_workloads. Each workload runs under valgrind twice, with
COUNT and with 2 * COUNT operations; the difference by COUNT is what one operation costs, start-up and
set-up not included. Nothing of it depends on the clock, on other processes or on where memory lies, so
two runs agree to the last digit but for the hash seeds that Abseil's containers take from addresses.

A workload that needs 5 % more than on record fails the check; so 10 % more can't slip through. One that
needs less passes, and should be put on record with --record, so that what was won is kept.

Why it does not flake: on any host with AVX2 valgrind shows the program one and the same processor, so
that the C library chooses the same functions; the compiler and the libraries are Debian's of one
release; and twenty runs in a row agreed within 1.4 %, most workloads to the last digit.
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
    # The environment lies on the stack, and memory functions care for alignment.
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
    print(f"{'instructions an operation':26}  {'on record':>10}  {'now':>10}  ratio")
    for name, now in measured.items():
        before = recorded.get(name)
        if before is None:
            print(f"{name:26}  {'none':>10}  {now:10.1f}  FAILED: put it on record")
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
