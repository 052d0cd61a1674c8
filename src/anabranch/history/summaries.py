"""A value in figures and a few of its parts, as plain data: enough to see what it was, and to tell two of them apart.

Theory: a summary is made while a run's caller waits for it, so what it may cost is bounded: statistics are taken of the first
`ROWS` rows and say so, and of every value only a few parts are shown, each cut. Nobody calls `repr`, `str` or `==` on what
might be the user's own: of an object that is not of a known type, the name of its class is all that is told.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

from anabranch.libraries import loaded

__all__ = ["brief", "summary_of", "weight_of"]

ROWS = 100_000
"""So many rows or elements are looked at."""

COLUMNS = 60
"""So many columns are told of."""

SHOWN = 8
"""So many rows or elements are shown."""

LETTERS = 120
"""So many letters of a text."""

PLAIN = (bool, int, float, complex, type(None))
SEQUENCES = (list, tuple, set, frozenset)


def summary_of(value: Any, *, preview: bool = True) -> dict[str, Any]:
    """The summary: `type` always; `shape`, `bytes`, `columns`, `figures`, `preview` where they make sense.

    Args:
        value: anything.
        preview: whether some of its parts may be shown.
    """
    made: dict[str, Any] = {"type": _type(value)}
    try:
        made |= _maker(value)(value)
    except Exception as error:  # a value that does not bear to be looked at
        made["trouble"] = type(error).__name__
    if not preview:
        made.pop("preview", None)
        made.pop("text", None)
    return made


def weight_of(value: Any) -> int:
    """About how many bytes it takes to read all of a value; cheap to know, and too little for what is nested."""
    nbytes = getattr(value, "nbytes", None)
    if isinstance(nbytes, int):
        return nbytes
    if _is(value, "pandas.DataFrame") or _is(value, "pandas.Series"):
        return int(value.size) * 16
    if isinstance(value, (*SEQUENCES, dict)):
        return 64 * len(value)
    return len(value) if isinstance(value, (str, bytes)) else 64


def brief(value: Any, depth: int = 2) -> str:
    """A value on one line, cut."""
    kind = type(value)
    if kind in PLAIN:
        return repr(value)[:LETTERS]
    if kind is str:
        return value if len(value) <= LETTERS else f"{value[: LETTERS - 1]}…"
    if kind in {bytes, bytearray}:
        return f"{len(value):,} bytes"
    if kind in SEQUENCES and depth:
        inside = ", ".join(brief(one, depth - 1) for one in islice(value, SHOWN))
        return f"{kind.__name__} of {len(value):,}: {inside}"[: 2 * LETTERS] if value else f"empty {kind.__name__}"
    if kind is dict and depth:
        pairs = (f"{brief(key, 0)}: {brief(one, depth - 1)}" for key, one in islice(value.items(), SHOWN))
        return f"dict of {len(value):,}: {', '.join(pairs)}"[: 2 * LETTERS] if value else "empty dict"
    if _is(value, "numpy.generic"):
        return brief(value.item(), depth)
    if kind.__module__ in {"datetime", "decimal", "uuid", "fractions"} or kind.__module__.startswith("pathlib"):
        return str(value)[:LETTERS]
    if kind.__module__.startswith("pandas.") and kind.__name__ in {"Timestamp", "Timedelta", "NaTType", "NAType", "Period"}:
        return str(value)[:LETTERS]
    return f"<{_type(value)}>"


def _type(value: Any) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _is(value: Any, dotted: str) -> bool:
    kind = loaded(dotted)
    return kind is not None and isinstance(value, kind)


def _maker(value: Any) -> Callable[[Any], dict[str, Any]]:
    for dotted, make in _MAKERS.items():
        if _is(value, dotted):
            return make
    if type(value) in SEQUENCES:
        return _sequence
    if type(value) is dict:
        return _dict
    if type(value) in {str, bytes, bytearray}:
        return _text
    return _anything


def _anything(value: Any) -> dict[str, Any]:
    said = brief(value)
    return {} if said.startswith("<") else {"text": said}


def _text(value: Any) -> dict[str, Any]:
    return {"shape": [len(value)], "text": brief(value)}


def _sequence(value: Any) -> dict[str, Any]:
    looked = list(islice(value, ROWS))
    kinds: dict[str, int] = {}
    for one in looked:
        kinds[_type(one)] = kinds.get(_type(one), 0) + 1
    made: dict[str, Any] = {"shape": [len(value)], "elements": dict(sorted(kinds.items(), key=lambda pair: -pair[1])[:SHOWN])}
    if looked and all(type(one) in {int, float} for one in looked):
        made["figures"] = _figures([float(one) for one in looked])
        made["looked_at"] = len(looked)
    return {**made, "preview": [brief(one) for one in looked[:SHOWN]]}


def _dict(value: Any) -> dict[str, Any]:
    pairs = [[brief(key, 1), brief(one)] for key, one in islice(value.items(), SHOWN)]
    return {"shape": [len(value)], "preview": [f"{key}: {one}" for key, one in pairs]}


def _figures(numbers: Sequence[float]) -> dict[str, Any]:
    """Smallest, largest, mean and spread of the numbers that are finite, and how many are not."""
    finite = [number for number in numbers if math.isfinite(number)]
    made: dict[str, Any] = {"missing": len(numbers) - len(finite)}
    if finite:
        mean = math.fsum(finite) / len(finite)
        spread = math.sqrt(math.fsum((number - mean) ** 2 for number in finite) / len(finite))
        made |= {"min": min(finite), "max": max(finite), "mean": mean, "spread": spread}
    return made


def _array(value: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"shape": list(value.shape), "dtype": str(value.dtype), "bytes": int(value.nbytes)}
    flat = value.reshape(-1)[:ROWS] if value.flags.c_contiguous else value.flatten()[:ROWS]
    if value.dtype.kind in "biuf" and flat.size:
        made |= {"figures": _numeric(flat.astype(float)), "looked_at": int(flat.size)}
    return {**made, "preview": [brief(one) for one in flat[:SHOWN].tolist()]}


def _numeric(flat: Any) -> dict[str, Any]:
    """The same as `_figures`, of an array of floats."""
    numpy = loaded("numpy.isfinite")
    finite = flat[numpy(flat)]
    made: dict[str, Any] = {"missing": int(flat.size - finite.size)}
    if finite.size:
        figures = {"min": finite.min(), "max": finite.max(), "mean": finite.mean(), "spread": finite.std()}
        made |= {name: float(figure) for name, figure in figures.items()}
    return made


def _pandas(value: Any) -> dict[str, Any]:
    head = value.iloc[:ROWS, :COLUMNS]
    columns = []
    for number in range(head.shape[1]):
        column = head.iloc[:, number]
        columns.append({"name": brief(value.columns[number], 1), "dtype": str(column.dtype), **_column(column)})
    rows = head.iloc[:SHOWN]
    preview = [[brief(rows.iat[row, number]) for number in range(rows.shape[1])] for row in range(len(rows))]
    return {"shape": list(value.shape), "columns": columns, "looked_at": len(head), "preview": preview}


def _column(column: Any) -> dict[str, Any]:
    """Figures of a column of pandas."""
    if getattr(column.dtype, "kind", "O") in "biuf":
        return _numeric(column.to_numpy(dtype=float, na_value=math.nan))
    return {"missing": int(column.isna().sum())}


def _series(value: Any) -> dict[str, Any]:
    name = value.name if value.name is not None else "value"
    return _pandas(value.to_frame(name=name))


def _polars(value: Any) -> dict[str, Any]:
    head = value.head(ROWS)
    columns = []
    for column in head.get_columns()[:COLUMNS]:
        made: dict[str, Any] = {"name": column.name, "dtype": str(column.dtype), "missing": int(column.null_count())}
        if column.dtype.is_numeric() and column.len() > column.null_count():
            figures = {"min": column.min(), "max": column.max(), "mean": column.mean(), "spread": column.std(ddof=0)}
            made |= {name: float(figure) for name, figure in figures.items() if figure is not None}
        columns.append(made)
    preview = [[brief(cell) for cell in row[:COLUMNS]] for row in head.head(SHOWN).rows()]
    return {"shape": list(value.shape), "columns": columns, "looked_at": head.height, "preview": preview}


def _arrow(value: Any) -> dict[str, Any]:
    columns = [{"name": field.name, "dtype": str(field.type)} for field in list(value.schema)[:COLUMNS]]
    rows = value.slice(0, SHOWN).select(list(range(min(COLUMNS, value.num_columns)))).to_pylist()
    preview = [[brief(cell) for cell in row.values()] for row in rows]
    return {"shape": [value.num_rows, value.num_columns], "bytes": int(value.nbytes), "columns": columns, "preview": preview}


_MAKERS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "numpy.ndarray": _array,
    "pandas.DataFrame": _pandas,
    "pandas.Series": _series,
    "polars.DataFrame": _polars,
    "polars.Series": lambda value: _polars(value.to_frame()),
    "pyarrow.Table": _arrow,
}
