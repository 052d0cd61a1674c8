"""What of Hamilton there is not, and what to use instead.

Theory: a name that is not here must be missed where it is imported, not where it is used. ``from hamilton.x import y`` asks the
module for ``y`` and replaces whatever `AttributeError` says by words of its own; only an `ImportError` gets through. But
`hasattr` and `getattr` with a default expect an `AttributeError`. So the two are told apart by the instruction that asks.
"""

from __future__ import annotations

import opcode
import sys
from types import FrameType, ModuleType
from typing import Any, Final

__all__ = ["instead_of", "refuse_absent"]

_IMPORTING: Final = opcode.opmap["IMPORT_FROM"]

_SPARK = "anabranch has no Spark executor; keep the Spark part outside of the dataflow, or use pandas, polars or dask frames"
_VAEX = "vaex is no longer maintained; use polars' lazy frames (hamilton.plugins.h_polars_lazyframe)"
_STATE = "runs keep their state to themselves; look at a run with Driver.run(…).report, or with anabranch.see"
_GROUPS = "anabranch cuts runs into tasks by itself; hooks see them (TaskSubmissionHook), Driver.plan(…) shows them"

INSTEAD: Final = {
    "hamilton.execution.executors.TaskFuture": "give a concurrent.futures.Executor to anabranch.Builder.with_executor",
    "hamilton.execution.state": _STATE,
    "hamilton.execution.debugging_utils": _GROUPS,
    "hamilton.execution.grouping": _GROUPS,
    "hamilton.experimental.databackend": "compare types with hamilton.registry.get_registered_dataframe_types()",
    "hamilton.experimental.h_databackends": "compare types with hamilton.registry.get_registered_dataframe_types()",
    "hamilton.experimental.h_spark": _SPARK,
    "hamilton.plugins.h_spark": _SPARK,
    "hamilton.plugins.spark_extensions": _SPARK,
    "hamilton.plugins.pyspark_pandas_extensions": _SPARK,
    "hamilton.plugins.h_vaex": _VAEX,
    "hamilton.plugins.vaex_extensions": _VAEX,
    "hamilton.plugins.h_kedro": "call module_from_functions(…) with the functions of the Kedro nodes",
    "hamilton.plugins.h_experiments": "runs keep themselves: see Driver.run(…) and 'anabranch runs'",
    "hamilton.plugins.h_mcp": "use anabranch's command line with --json",
    "hamilton.plugins.h_ray.RayWorkflowGraphAdapter": "Ray has no workflows any more; use the journal (docs/durable.md)",
    "hamilton.dataflows": "anabranch fetches no code from the network; install or copy the dataflow and import it",
    "hamilton.contrib": "anabranch fetches no code from the network; install or copy the dataflow and import it",
    "hamilton.plugins.dlt_extensions": "read and write them in functions of your own with @dataloader and @datasaver",
    "hamilton.plugins.kedro_extensions": "wrap the Kedro data set in functions with @dataloader and @datasaver",
    "hamilton.plugins.huggingface_extensions": "wrap datasets.load_dataset in a function with @dataloader",
    "hamilton.plugins.ibis_extensions": "let functions take and return ibis tables; check_output_custom takes your validator",
    "hamilton.plugins.sklearn_plot_extensions": "save the display's figure_: to.plt(…)",
}
"""What to use instead of modules and names, by the longest prefix."""


def instead_of(name: str) -> str:
    """The message for a module or name that is not here."""
    known = name
    while known and known not in INSTEAD:
        known = known.rpartition(".")[0]
    advice = INSTEAD.get(known, "see docs/from-hamilton.md for what there is instead")
    return f"anabranch has no '{name}': {advice}"


def refuse_absent(module: ModuleType) -> None:
    """Has imports of names that the module lacks say what to use instead."""
    if "__getattr__" not in vars(module):
        vars(module)["__getattr__"] = Absent(module.__name__)


class Absent:
    """The ``__getattr__`` of a module."""

    def __init__(self, module: str) -> None:
        self.module = module

    def __call__(self, name: str) -> Any:
        """Raises.

        Raises:
            ImportError: it was asked for with ``from … import``.
            AttributeError: it was asked for in another way.
        """
        theirs = "hamilton" + self.module.partition("hamilton")[2]
        if not name.startswith("__") and is_import(sys._getframe(1)):  # noqa: SLF001  there is no public way
            raise ImportError(instead_of(f"{theirs}.{name}"), name=theirs)
        raise AttributeError(f"module '{theirs}' has no attribute '{name}'")


def is_import(frame: FrameType) -> bool:
    """Whether a frame is at a ``from … import``."""
    return frame.f_lasti >= 0 and frame.f_code.co_code[frame.f_lasti] == _IMPORTING
