"""dask frames: nothing is computed, columns are joined by index.

Theory: dask joins by label where it knows the *divisions* of both, the labels at which partitions begin. Where it knows none it
could only lay partitions side by side and hope; here that is allowed only for what has the same number of partitions, and came
of one frame's columns for all that can be seen; anything else is an error.
"""

from __future__ import annotations

from typing import Any

from anabranch.errors import InputError
from anabranch.libraries import library
from anabranch.results.base import ResultBuilder, is_column
from anabranch.results.pandas import PandasDataFrameResult

__all__ = ["DaskDataFrameResult"]


class DaskDataFrameResult(ResultBuilder):
    """A `dask.dataframe.DataFrame` with a column for each output; a frame that is the only output stays as it is.

    pandas values are joined as frames of one partition; scalars are repeated; where nothing is dask's, the pandas frame of
    the outputs is split into `npartitions`.
    """

    def __init__(self, npartitions: int = 1) -> None:
        self.npartitions = npartitions

    def build_result(self, **outputs: Any) -> Any:
        """Returns the frame.

        Raises:
            InputError: a value has no labels to be joined by, partitions differ and divisions are unknown, or dask's frames
                are not installed.
        """
        frames = library("dask.dataframe", type(self).__name__)
        lazy = {name: value for name, value in outputs.items() if isinstance(value, (frames.DataFrame, frames.Series))}
        if not lazy:
            return frames.from_pandas(PandasDataFrameResult().build_result(**outputs), npartitions=self.npartitions)
        if len(outputs) == 1 and isinstance(next(iter(lazy.values())), frames.DataFrame):
            return next(iter(lazy.values()))
        pandas = library("pandas", type(self).__name__)
        parts, cells, order = [], {}, []
        for name, value in outputs.items():
            if name in lazy:
                parts.append(_named(frames, name, value))
                order += list(parts[-1].columns)
            elif isinstance(value, (pandas.Series, pandas.DataFrame)):
                parts.append(_named(frames, name, frames.from_pandas(value, npartitions=1)))
                order += list(parts[-1].columns)
            elif is_column(value) or getattr(value, "ndim", None):
                raise InputError(f"output '{name}' ({type(value).__name__}) has no index to be joined by; make it a Series")
            else:
                cells[name] = value
                order.append(name)
        _check_divisions(lazy)
        joined = frames.concat(parts, axis=1) if len(parts) > 1 else parts[0]
        return joined.assign(**cells)[order]

    def output_type(self) -> Any:
        """A `dask.dataframe.DataFrame`."""
        return library("dask.dataframe", type(self).__name__).DataFrame


def _named(frames: Any, name: str, value: Any) -> Any:
    if isinstance(value, frames.Series):
        return value.to_frame(name=name)
    return value.rename(columns={column: f"{name}.{column}" for column in value.columns})


def _check_divisions(lazy: dict[str, Any]) -> None:
    unknown = [name for name, value in lazy.items() if not value.known_divisions]
    partitions = {name: value.npartitions for name, value in lazy.items()}
    if unknown and (len(unknown) < len(lazy) or len(set(partitions.values())) > 1):
        told = ", ".join(f"'{name}' has {count} partitions" for name, count in partitions.items())
        raise InputError(
            f"output '{unknown[0]}' has no known divisions, so it cannot be joined by label ({told}); use "
            f"reset_index/set_index to give it an index, or compute it"
        )
