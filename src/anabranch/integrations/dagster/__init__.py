"""A driver's outputs as software-defined assets of Dagster: lineage, versions, metadata, checks, partitions, retries.

Theory. What Dagster plans and stores are *assets*: things that are worth keeping, a handful of them. What anabranch runs are
functions, many and small, inside of fan-outs or not. So the user names the outputs that are assets; the functions between them
stay anabranch's. All assets of a driver are one step of Dagster: whichever of them are materialized, they are one run of the
driver, which has values in memory, fans out on its own executor, and computes what they share once.

::

    outline.py     which functions belong to which asset, and what lies between      (knows no Dagster)
    definition.py  assets and checks as Dagster wants them declared
    inputs.py      where the run's inputs come from: run config, partitions, assets of others
    step.py        one run: what was selected, out of what is there, becomes events
    facts.py       values, saved files, checks and failures as Dagster's metadata

Who is responsible for what: Dagster decides when and which assets, keeps the record, and retries the step; anabranch decides
how they are computed. Nothing here changes a dataflow or a driver.
"""

from __future__ import annotations

from anabranch.libraries import library

library("dagster", "anabranch.integrations.dagster")

from anabranch.integrations.dagster.definition import driver_assets  # noqa: E402  after it is known to be there
from anabranch.integrations.dagster.inputs import Partition  # noqa: E402

__all__ = ["Partition", "driver_assets"]
