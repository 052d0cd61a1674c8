"""A run on workers that do not exist: the same state machine under a virtual clock.

Theory: `Run` never knows time, threads or values, so all of them can be made up. A call that is submitted gets a worker and
a time at which its outcome arrives; a heap gives the outcomes back in that order, and the clock jumps from one to the next.
Lists are hollow: they have a length and no contents. So a hundred million items on ten thousand workers cost as many
steps as there are calls, and what is measured is the scheduler and nothing else.

::

    Run.next ──▶ Submit ──▶ driver's clock + dispatch ──▶ first worker that is free ──▶ heap ──▶ Run.handle

What is modelled: the driver does one thing at a time, and each call costs it `dispatch` seconds; calls and outcomes are
`latency` seconds on their way; calls queue at the executor, first come, first served; a worker spends `overhead` seconds
on a call besides its items; a source takes its time to yield; a stream reader reads as fast as its function is said to.
What is not: bytes, failures, and references (columns are said to be in the driver).

How long an item takes depends on the seed and on its place, never on the span it travels in; so two schedules of one
simulated flow can be compared.

| module | knows |
| --- | --- |
| `model` | how wide fan-outs are, how long calls take, what they give |
| `cluster` | what there is to run on |
| `simulator` | the driver and its workers, under the virtual clock |
| `simulation` | one run from end to end |
"""

from anabranch.simulation.cluster import Cluster
from anabranch.simulation.model import Axis, Durations, Seconds, Where, Width
from anabranch.simulation.simulation import Simulation, simulate

__all__ = ["Axis", "Cluster", "Durations", "Seconds", "Simulation", "Where", "Width", "simulate"]
