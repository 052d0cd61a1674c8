"""Prefect: a flow with one driver call. Its state is the run's, the files are an artifact.

python prefect_flow.py 2024-02-29 /srv/news
"""

import os
import sys

from hackernews_nightly import nightly
from prefect import flow
from prefect.artifacts import create_table_artifact


@flow(retries=2, retry_delay_seconds=float(os.environ.get("NEWS_RETRY_DELAY", "300")))
def hackernews_daily(day: str, folder: str, address: str | None = None) -> dict[str, str]:
    """Saves one day; a retry goes on where the first attempt stopped."""
    saved = nightly(day, folder, address)
    create_table_artifact([{"what": what, "file": file} for what, file in saved.items()], key="hackernews")
    return saved


if __name__ == "__main__":
    print(hackernews_daily(*sys.argv[1:]))
