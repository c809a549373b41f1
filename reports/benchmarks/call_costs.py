#!/usr/bin/env python3
"""Checks that no call takes longer the more a node keeps.

`call_costs.py PROGRAM`. PROGRAM is call_costs, which makes each call on a full node. Valgrind counts the
instructions of the calls on a node with 30,000 and with 100,000 records. A call that looks at all of them
needs 3.3 times as many on the larger one; O(log n) allows 1.12 times. What runs in later turns of the
serial context is not counted: other calls are answered before it.
"""
import re
import subprocess
import sys
import tempfile

SIZES = (30_000, 100_000)
WORST = 1.5


def instructions(program, records):
    with tempfile.NamedTemporaryFile() as out:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out.name}", program, str(records)]
        run = subprocess.run(command, capture_output=True, text=True, env={"LC_ALL": "C"}, check=False)
        if run.returncode != 0:
            sys.exit(f"call_costs.py: {' '.join(command)} failed:\n{run.stderr}")
        table = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", out.name],
                               capture_output=True, text=True, check=True).stdout
    counted = {}
    for line in table.splitlines():
        found = re.match(r"\s*([\d,]+).*:call_([A-Z]\w*)", line)
        if found:
            counted.setdefault(found[2], int(found[1].replace(",", "")) // 20)
    return counted


def main(program):
    small, large = (instructions(program, size) for size in SIZES)
    if len(small) != 10 or small.keys() != large.keys():
        sys.exit(f"call_costs.py: found {sorted(small)} and {sorted(large)}")
    failed = False
    print(f"{'instructions of a call':22}  {SIZES[0]:>10,}  {SIZES[1]:>10,}  ratio")
    for name in small:
        ratio = large[name] / small[name]
        failed |= ratio > WORST
        print(f"{name:22}  {small[name]:10,}  {large[name]:10,}  {ratio:.2f}"
              f"{' FAILED' if ratio > WORST else ''}")
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("call_costs.py PROGRAM")
    sys.exit(main(sys.argv[1]))
