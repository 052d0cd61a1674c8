"""The Hacker News flow as software-defined assets of Dagster.

    pip install 'anabranch[dagster,pandas]' dagster-webserver matplotlib
    dagster dev -d examples -f examples/hackernews_dagster.py

Six functions are assets; those between them are not, and stories are still fetched side by side, on threads. What the driver
saves as json, csv and png is in the assets' metadata; its checks are the assets' checks.
"""

import os

import dagster
import hackernews

from anabranch import Builder
from anabranch.integrations.dagster import driver_assets

driver = (
    Builder()
    .with_modules(hackernews)
    .with_executor("threads", workers=8)
    .with_materializers(*hackernews.savers(os.environ.get("HACKERNEWS_FOLDER", "news")))
    .build()
)

news = driver_assets(
    driver,
    [
        hackernews.top_stories,
        hackernews.most_frequent_words,
        hackernews.top_words_plot,
        hackernews.signups,
        hackernews.earliest_signup,
        hackernews.latest_signup,
    ],
    name="hackernews",
    retry_policy=dagster.RetryPolicy(max_retries=2, delay=1),
)

definitions = dagster.Definitions(assets=[news])
