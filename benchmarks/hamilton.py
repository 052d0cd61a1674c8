"""``python -m benchmarks.hamilton``: the same unchanged script under Hamilton and under anabranch's shim.

Each side is a process of its own, for both are called `hamilton`. What is timed is `Driver.execute`, the first time, with the
start of its workers; and, for anabranch, the second time as well, whose workers are warm. Hamilton starts its workers for each
`execute`, and its time grows with the square of the items: 10,000 take it minutes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

__all__ = ["measured"]

ROOT = Path(__file__).parents[1]
SIDES = {"hamilton": (), "anabranch": ("-m", "anabranch.compat.hamilton")}


def measured(side: str, kind: str, items: int, repeats: int = 1) -> dict:
    """What the script says of itself on one side: `seconds` of each time, `total`, and where the driver's class is from."""
    line = [sys.executable, "-W", "ignore", *SIDES[side], "-m", "benchmarks.flows.hamilton_parallel"]
    done = subprocess.run([*line, kind, str(items), str(repeats)], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--kinds", nargs="*", default=["threads", "processes"])
    options = parser.parse_args()
    print(f"| {options.items} items | Hamilton | anabranch, cold | ratio | anabranch, warm | ratio |")
    print("| --- | --- | --- | --- | --- | --- |")
    for kind in options.kinds:
        ours = measured("anabranch", kind, options.items, 2)
        theirs = measured("hamilton", kind, options.items)
        if ours["total"] != theirs["total"]:
            raise RuntimeError(f"the totals differ: {ours['total']} and {theirs['total']}")
        (reference,), (cold, warm) = theirs["seconds"], ours["seconds"]
        ratios = [f"{reference / mine:.0f} ×" for mine in (cold, warm)]
        print(f"| {kind} | {reference:.1f} s | {cold:.3f} s | {ratios[0]} | {warm:.3f} s | {ratios[1]} |", flush=True)


if __name__ == "__main__":
    main()
