"""What Hacker News talks about: its top stories, the words of their titles, a plot of these; and who signed up.

    anabranch run examples/hackernews.py most_frequent_words earliest_signup latest_signup -x threads
    python examples/hackernews.py news -x processes          # the same, saved as json, csv and png in the folder news

It fans out over the stories: each is fetched by itself, again if the site is busy, and left out if it was deleted. Without
`-i address=URL` the stories come from a site of its own on this machine (`hackernews_site.py`), so that nothing leaves it.

`hackernews_dagster.py` has the same functions as assets of Dagster.
"""

import argparse
import json
import re
import urllib.request
from collections import Counter
from typing import Any
from urllib.error import HTTPError

import hackernews_site
import pandas as pd
from matplotlib.figure import Figure

from anabranch import Builder, Collect, Parallelizable, Skip, associative, retry
from anabranch.function_modifiers import cache, check_output, exclude, tag
from anabranch.io import to

COMMON = frozenset(
    re.findall(r"\w+", "a an and after at for guide hard hn i in is my of on our stopped the to way why without ten")
)

Story = dict[str, Any]


def _fetched(url: str) -> Any:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)
    except HTTPError as error:
        with error:  # it holds the connection
            raise ConnectionError(f"{url}: {error.code} {error.reason}") from None


@cache(behavior="ignore")
def site(address: str | None = None) -> str:
    """Where the stories are: that is asked for anew in each run, and where it was does not matter for what came from there."""
    return address or hackernews_site.stand_in()


def top_story_ids(site: str, stories_wanted: int = 100) -> list[int]:
    """The numbers of the stories that are on top now."""
    found: list[int] = _fetched(f"{site}/v0/topstories.json")
    return found[:stories_wanted]


def story_id(top_story_ids: list[int]) -> Parallelizable[int]:
    return top_story_ids


@retry(attempts=4, delay=0.05, on=OSError)
def story(site: str, story_id: int) -> Story:
    """One story, as the site tells it."""
    found: Story | None = _fetched(f"{site}/v0/item/{story_id}.json")
    if found is None:
        raise Skip
    return found


@tag(owner="news")
def top_stories(story: Collect[Story]) -> pd.DataFrame:
    """The stories that are on top now: number, author, points, title and address."""
    return pd.DataFrame(story, columns=["id", "by", "score", "title", "url"])


@check_output(does_not_contain=["<", ">"])
def title(story: Story) -> str:
    return str(story["title"])


def title_words(title: str) -> Counter[str]:
    return Counter(word for word in re.findall(r"[a-z]+", title.lower()) if word not in COMMON)


@associative
def word_counts(title_words: Collect[Counter[str]]) -> Counter[str]:
    """How often each word stands in a title."""
    together: Counter[str] = Counter()
    for each in title_words:
        together.update(each)
    return together


@tag(owner="news")
def most_frequent_words(word_counts: Counter[str], words_wanted: int = 25) -> pd.DataFrame:
    """The words that stand in most titles, the most frequent first; of two that are equally frequent, by name."""
    ranked = sorted(word_counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return pd.DataFrame(ranked[:words_wanted], columns=["word", "count"])


def top_words_plot(most_frequent_words: pd.DataFrame) -> Figure:
    """The most frequent words as bars."""
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    axes.bar(most_frequent_words["word"], most_frequent_words["count"], color="#2f6f8f")
    axes.tick_params(axis="x", labelrotation=60)
    axes.set_title("Words in the titles of top stories")
    return figure


@tag(owner="growth")
def signups(site: str) -> pd.DataFrame:
    """Everybody who signed up."""
    found = pd.DataFrame(_fetched(f"{site}/signups.json"))
    return found.assign(registered_at=pd.to_datetime(found["registered_at"]))


@check_output(allow_nans=False, importance="fail")
def registered_at(signups: pd.DataFrame) -> pd.Series:
    return signups["registered_at"]


def earliest_signup(signups: pd.DataFrame, registered_at: pd.Series) -> dict[str, str]:
    """Who signed up first."""
    return _facts(signups, int(registered_at.argmin()))


def latest_signup(signups: pd.DataFrame, registered_at: pd.Series) -> dict[str, str]:
    """Who signed up last."""
    return _facts(signups, int(registered_at.argmax()))


def _facts(signups: pd.DataFrame, row: int) -> dict[str, str]:
    return {name: str(value) for name, value in signups.iloc[row].items()}


@exclude
def savers(folder: str) -> list[Any]:
    """What is to be saved where: declared beside the functions, which know nothing of files."""
    return [
        to.json(id="stories_json", dependencies=[top_stories], path=f"{folder}/stories.json", orient="records"),
        to.csv(id="words_csv", dependencies=[most_frequent_words], path=f"{folder}/words.csv", index=False),
        to.plt(id="words_png", dependencies=[top_words_plot], path=f"{folder}/words.png", dpi=80),
        to.json(id="earliest_json", dependencies=[earliest_signup], path=f"{folder}/earliest.json"),
        to.json(id="latest_json", dependencies=[latest_signup], path=f"{folder}/latest.json"),
    ]


@exclude
def main() -> None:
    import hackernews  # this module, by the name under which workers can import it

    parser = argparse.ArgumentParser(description="Saves what Hacker News talks about.")
    parser.add_argument("folder")
    parser.add_argument("-x", "--executor", default="sequential")
    parser.add_argument("-a", "--address", help="of the site; without it, one of this example's own")
    given = parser.parse_args()
    with Builder().with_modules(hackernews).with_executor(given.executor).build() as driver:
        saved, values = driver.materialize(
            *savers(given.folder), additional_vars=["most_frequent_words"], inputs={"address": given.address}
        )
    for facts in saved.values():
        print(f"{facts['file_metadata']['path']}: {facts['file_metadata']['size']} bytes")
    print(values["most_frequent_words"].head(5).to_string(index=False))


if __name__ == "__main__":
    main()
