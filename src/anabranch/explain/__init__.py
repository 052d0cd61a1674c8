"""Why an item ran, waited, was tried again, came from a cache, or has not run.

::

    events ──▶ Chronicle ──▶ explained(chronicle, node, item) ──▶ Explanation

| module | knows |
| --- | --- |
| `outline` | what the names in events stand for |
| `chronicle` | what happened, span by span |
| `lines` | how a chronicle is read back from an event file |
| `answer` | what of it matters to one item, and how to say it |
"""

from anabranch.explain.answer import Explanation, explained
from anabranch.explain.chronicle import Chronicle
from anabranch.explain.lines import chronicle_of

__all__ = ["Chronicle", "Explanation", "chronicle_of", "explained"]
