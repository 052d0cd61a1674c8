"""What Hacker News talks about, saved for one night: what a scheduler calls, again and again until it has succeeded.

    python examples/hackernews_nightly.py 2024-02-29 news -x threads

The run has a name. Under that name it begins, goes on where an earlier attempt stopped (failed, killed, out of time), or finds
everything done; stories that were fetched are not fetched again. `orchestrators/` has it in cron, Slurm, Airflow and Prefect.
"""

import argparse
from pathlib import Path

import hackernews

from anabranch import Builder


def nightly(name: str, folder: str, address: str | None = None, executor: str = "threads", workers: int = 8) -> dict[str, str]:
    """Saves everything under `folder`/`name`; returns the files by what they hold."""
    builder = Builder().with_modules(hackernews).with_materializers(*hackernews.savers(f"{folder}/{name}"))
    options = {} if executor == "sequential" else {"workers": workers}
    with builder.with_runs(Path(folder, "runs")).with_executor(executor, **options).build() as driver:
        savers = [one.id for one in builder.materializers if hasattr(one, "id")]
        found = driver.execute(savers, {"address": address}, run_id=f"hackernews-{name}", resume=True, on_error="finish")
    return {saver: facts["file_metadata"]["path"] for saver, facts in found.items()}


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="Saves what Hacker News talks about.")
    parser.add_argument("name", help="of the run: the day, say")
    parser.add_argument("folder")
    parser.add_argument("-x", "--executor", default="threads")
    parser.add_argument("-w", "--workers", type=int, default=8)
    parser.add_argument("-a", "--address", help="of the site; without it, one of this example's own")
    given = parser.parse_args()
    for saver, path in nightly(given.name, given.folder, given.address, given.executor, given.workers).items():
        print(f"{saver}: {path}")


if __name__ == "__main__":
    main()
