"""A run as one page: what it did, where its time went, what it waited for, what failed.

::

    events ──▶ Record ──▶ lanes, path, durations ──▶ charts ──▶ page

| module | knows |
| --- | --- |
| `record` | what a run did, call by call |
| `lanes` | where each worker's time went |
| `path` | the chain of calls that nothing could have shortened but itself |
| `durations` | how long items took |
| `failures` | which failures are one and the same |
| `charts` | all of that as SVG |
| `page` | the page |
"""

from anabranch.see.report.page import RunReport
from anabranch.see.report.record import Record

__all__ = ["Record", "RunReport"]
