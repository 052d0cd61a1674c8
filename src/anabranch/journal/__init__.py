"""The journal: what a run did, in a file that survives it.

Another process reads it while the run lives, and a later run goes on from it.

    run ──▶ Journal (one writer) ──▶ runs/<run id>/journal ──▶ read ──▶ Story: what is done, what failed, how it stands

See `anabranch.journal.lines` for the file, `anabranch.journal.records` for what is in it.
"""

from anabranch.journal.folder import Peek, Runs, State
from anabranch.journal.records import Began, Done, Ended, Failed, Given, Listed, Noted, Record, Resumed
from anabranch.journal.spans import Spans
from anabranch.journal.story import Follower, Story
from anabranch.journal.writer import Journal

__all__ = [
    "Began",
    "Done",
    "Ended",
    "Failed",
    "Follower",
    "Given",
    "Journal",
    "Listed",
    "Noted",
    "Peek",
    "Record",
    "Resumed",
    "Runs",
    "Spans",
    "State",
    "Story",
]
