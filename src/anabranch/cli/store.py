"""Results as files: ``--save output=path``, by the path's suffix, whole or not at all.

Theory: a result may have taken hours, so what can be known before the run is said before it: suffixes, folders, missing
libraries, and types that surely do not fit. A file is written beside its place and then moved there.

This module never prints.
"""

from __future__ import annotations

import csv
import dataclasses
import importlib
import io
import os
import pickle
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

from anabranch.cli.display import plain
from anabranch.cli.document import Unwritable, document, dump
from anabranch.cli.foreign import is_frame, is_pandas, is_series
from anabranch.errors import InputError, nearest

__all__ = ["Store", "stores_of"]


@dataclass(frozen=True)
class Store:
    """One output and the file that it goes to."""

    output: str
    path: Path

    def save(self, value: Any) -> None:
        """Writes the file.

        Raises:
            InputError: the value does not fit the kind of file, or the file cannot be written.
        """
        target = self.path.resolve()  # a link stays a link
        beside = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            with beside.open("xb") as file:
                WRITERS[self.path.suffix.lower()](value, file)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(target)
        except OSError as error:
            raise InputError(f"output '{self.output}': '{self.path}' cannot be written: {error.strerror or error}") from None
        except Exception as error:  # the value's own library may raise anything
            raise InputError(f"output '{self.output}' cannot be saved as '{self.path}': {error}") from error
        finally:
            with suppress(OSError):
                beside.unlink(missing_ok=True)

    def check(self, annotation: Any) -> None:
        """Whether a value annotated so may fit.

        Raises:
            InputError: it surely does not.
        """
        suffix = self.path.suffix.lower()
        if suffix in {".csv", ".parquet"} and annotation in {int, float, bool, str, bytes, type(None)}:
            raise InputError(
                f"output '{self.output}' cannot be saved as '{self.path}': {suffix[1:]} holds tables, and it is "
                f"{getattr(annotation, '__name__', annotation)}; save it as .json, .txt or .pkl"
            )


def stores_of(pairs: Sequence[str]) -> list[Store]:
    """The ``--save`` options.

    Raises:
        InputError: a path has no known suffix, its folder is not there, or two outputs go to one file.
    """
    found: dict[Path, Store] = {}
    for text in pairs:
        output, equals, name = text.partition("=")
        if not equals or not output or not name:
            raise InputError(f"--save takes output=path, not '{text}'")
        path = Path(name).expanduser()
        try:
            path.resolve()
        except OSError:
            gone = "the current folder has been deleted; give the whole path"
            raise InputError(f"--save: '{path}' cannot be written, for {gone}") from None
        _check_path(path)
        if path.resolve() in found:
            raise InputError(f"--save writes '{path}' twice: '{found[path.resolve()].output}' and '{output}'")
        found[path.resolve()] = Store(output, path)
    return list(found.values())


def _check_path(path: Path) -> None:
    suffix = path.suffix.lower()
    if suffix not in WRITERS:
        raise InputError(f"--save: '{path}' has no known suffix{nearest(suffix, WRITERS)}; there are {', '.join(WRITERS)}")
    folder = path.resolve().parent
    if not folder.is_dir():
        raise InputError(f"--save: there is no folder '{path.parent}' for '{path.name}'")
    if path.is_dir() or not os.access(folder, os.W_OK):
        raise InputError(f"--save: '{path}' cannot be written")
    if suffix == ".parquet" and not any(map(find_spec, ("pyarrow", "fastparquet", "polars"))):
        raise InputError("--save: parquet needs one of pyarrow, fastparquet, polars: pip install pyarrow")
    if suffix == ".npy" and find_spec("numpy") is None:
        raise InputError("--save: .npy needs numpy: pip install numpy")


def _json(value: Any, file: BinaryIO) -> None:
    file.write(dump(document(value), indent=2).encode("utf-8", "backslashreplace") + b"\n")


def _txt(value: Any, file: BinaryIO) -> None:
    text = plain(value)
    file.write((text if text.endswith("\n") else text + "\n").encode("utf-8", "backslashreplace"))


def _pkl(value: Any, file: BinaryIO) -> None:
    try:
        pickle.dump(value, file, protocol=5)
    except OSError:
        raise
    except Exception as error:
        raise Unwritable(f"it cannot be pickled: {error}") from None


def _npy(value: Any, file: BinaryIO) -> None:
    numpy = importlib.import_module("numpy")
    try:
        numpy.save(file, numpy.asarray(value), allow_pickle=False)
    except (ValueError, TypeError) as error:
        raise Unwritable(f"it is no array of numbers or texts: {error}") from None


def _csv(value: Any, file: BinaryIO) -> None:
    if is_series(value):
        value = value.to_frame()
    if is_frame(value) and is_pandas(value):
        counts = type(value.index).__name__ == "RangeIndex" and value.index.name is None
        file.write(value.to_csv(index=not counts, lineterminator="\n").encode())
    elif is_frame(value):
        value.write_csv(file)
    else:
        file.write(_rows(value).encode("utf-8", "backslashreplace"))


def _rows(value: Any) -> str:
    """Plain Python rows as CSV: dicts, named tuples or dataclasses of one kind each."""
    rows = [_row(row) for row in value] if isinstance(value, (list, tuple)) and not hasattr(value, "_fields") else []
    if not rows or any(row is None or row.keys() != (rows[0] or {}).keys() for row in rows):
        kind = type(value).__qualname__
        raise Unwritable(f"csv holds a frame, or a list of dicts, named tuples or dataclasses with the same fields; not {kind}")
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0] or {}), lineterminator="\n")
    writer.writeheader()
    writer.writerows(row for row in rows if row is not None)
    return text.getvalue()


def _row(row: Any) -> dict[str, Any] | None:
    if dataclasses.is_dataclass(row) and not isinstance(row, type):
        return {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
    if isinstance(row, tuple) and hasattr(row, "_asdict"):
        return dict(row._asdict())
    return row if isinstance(row, dict) else None


def _parquet(value: Any, file: BinaryIO) -> None:
    if is_series(value):
        value = value.to_frame(name="value") if is_pandas(value) and value.name is None else value.to_frame()
    if not is_frame(value):
        raise Unwritable(f"parquet holds a frame, not {type(value).__qualname__}")
    made = io.BytesIO()  # to_parquet may close what it is given
    (value.to_parquet if is_pandas(value) else value.write_parquet)(made)
    file.write(made.getvalue())


WRITERS: dict[str, Callable[[Any, BinaryIO], None]] = {
    ".json": _json,
    ".csv": _csv,
    ".parquet": _parquet,
    ".pkl": _pkl,
    ".txt": _txt,
    ".npy": _npy,
}
