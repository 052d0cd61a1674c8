"""What a run would take on another number of workers, from a recording of it.

::

    event file, tracked run ──▶ Recording ──▶ plan of the same shape, widths, durations, costs ──▶ simulation ──▶ Prediction

| module | knows |
| --- | --- |
| `recording` | what a run did, as plain data |
| `places` | how long each item took, and how wide each fan-out was, by place |
| `replay` | which durations belong to which node of the plan |
| `costs` | what it costs to hand a call over |
| `prediction` | one run on so many workers, and what would bind |

The schedule is made by the state machine that makes real ones (`anabranch.run`), under a virtual clock
(`anabranch.simulation`).
"""

from anabranch.predict.costs import Costs, costs_of
from anabranch.predict.prediction import Prediction, predict
from anabranch.predict.recording import Recording, read_recording, recording_of

__all__ = ["Costs", "Prediction", "Recording", "costs_of", "predict", "read_recording", "recording_of"]
