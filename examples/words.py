"""The words of a folder of text files: an associative collector, a stream that stops early, and items that are skipped.

    anabranch run examples/words.py most_common files_until -i folder=docs -x threads

`total` may be collected in parts, so the parts are added up where they were made and only sums travel. `files_until` gets the
counts while files are still being read; asked for alone, it leaves unread what it does not need.
"""

import re
from collections import Counter
from pathlib import Path

from anabranch import Collect, Parallelizable, Skip, Stream, associative


def text_file(folder: str, pattern: str = "*.md") -> Parallelizable[Path]:
    yield from sorted(Path(folder).glob(pattern))


def text(text_file: Path) -> str:
    try:
        return text_file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Skip from None


def counts(text: str) -> Counter[str]:
    return Counter(re.findall(r"[a-z]{4,}", text.lower()))


@associative
def total(counts: Collect[Counter[str]]) -> Counter[str]:
    together: Counter[str] = Counter()
    for each in counts:
        together.update(each)
    return together


def most_common(total: Counter[str], top: int = 10) -> list[tuple[str, int]]:
    """By count; words of the same count by name."""
    return sorted(total.items(), key=lambda pair: (-pair[1], pair[0]))[:top]


def files_until(counts: Stream[Counter[str]], wanted: int = 500) -> int:
    """How many files it takes to have seen so many words."""
    seen = files = 0
    for each in counts:
        seen += each.total()
        files += 1
        if seen >= wanted:
            break
    return files
