"""Airflow: a task that runs a driver. Put it into the folder of DAGs, with `examples` on the import path."""

import os
import re
from datetime import datetime, timedelta

from airflow.sdk import dag, get_current_context, task


@dag(schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False)  # noqa: DTZ001  in Airflow's own time zone
def hackernews_daily():  # noqa: ANN201
    @task(retries=2, retry_delay=timedelta(seconds=float(os.environ.get("NEWS_RETRY_DELAY", "300"))))
    def save(folder: str, address: str | None = None) -> dict[str, str]:
        """The files go to XCom by what they hold; a retry goes on where the first attempt stopped."""
        from hackernews_nightly import nightly  # Airflow reads this file often; the flow is imported when it is run

        name = re.sub(r"[^\w.-]", "-", get_current_context()["run_id"])
        return nightly(name, folder, address)

    save(os.environ.get("NEWS", "/srv/news"), os.environ.get("NEWS_ADDRESS"))


hackernews = hackernews_daily()

if __name__ == "__main__":
    print(hackernews.test().state)  # in this process, without a scheduler
