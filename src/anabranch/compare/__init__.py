"""A dataflow of the user's own on several executors and numbers of workers: which of them to take, and why.

::

    settings ──▶ measured (rounds that take turns) ──▶ Samples ──▶ Figures ──▶ Advice
                                                                     └──────────▶ page

| module | knows |
| --- | --- |
| `settings` | what can be compared: an executor and a number of workers |
| `measuring` | how to run a flow on each of them by turns |
| `processes` | what a process and its children use: processor time, memory |
| `figures` | what the samples come to |
| `advice` | which setting to take, and the reason in words |
| `charts`, `page` | all of it as a page |

Nothing here is imported before it is used.
"""

from anabranch.compare.advice import Advice, advice_on
from anabranch.compare.figures import Comparison, Figures
from anabranch.compare.measuring import measured
from anabranch.compare.settings import Setting, settings_of

__all__ = ["Advice", "Comparison", "Figures", "Setting", "advice_on", "measured", "settings_of"]
