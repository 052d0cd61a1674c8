"""``anabranch cache``: what is in a cache, and what is to go."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from anabranch.cli.command import as_json as json_of
from anabranch.cli.command import finish
from anabranch.cli.display import show_grid
from anabranch.cli.grid import Column, Grid
from anabranch.cli.results import Results
from anabranch.errors import InputError, nearest_or_all
from anabranch.words import moment

if TYPE_CHECKING:
    from anabranch.store import Store
    from anabranch.store.index import Summary

__all__ = ["cache"]

cache = typer.Typer(name="cache", help="Shows what is in a cache, and deletes what is to go.", no_args_is_help=True)

Where = Annotated[
    str | None,
    typer.Option("--path", "-p", metavar="PATH", help="A folder, or a URL that fsspec knows.", show_default="the user's cache"),
]
Json = Annotated[bool, typer.Option("--json", help="Prints one JSON document, for machines.")]
Age = Annotated[str | None, typer.Option(metavar="AGE", help="Seconds, or 90s, 15m, 12h, 30d, 8w.", show_default=False)]

_UNITS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_TIMES: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@cache.command(name="ls")
def ls(*, path: Where = None, as_json: Json = False) -> None:
    """Lists what is cached: nodes, the versions of their code, how many results, how large, how old."""

    def work(results: Results) -> None:
        from anabranch.rebuild.asked import NOTES

        with _opened(path) as store:
            summaries = [one for one in store.summaries() if one.name != NOTES.name]
        if as_json:
            results.write(lambda: results.print(json_of(results, [_document(one) for one in summaries])))
        else:
            results.write(lambda: show_grid(results, _grid(summaries)))

    finish(work)


@cache.command()
def gc(
    *,
    path: Where = None,
    cap: Annotated[
        str | None, typer.Option(metavar="SIZE", help="How much may stay: 500MB, 20GB, 1.5GiB.", show_default=False)
    ] = None,
    ttl: Age = None,
) -> None:
    """Deletes what is older than --ttl, the least used beyond --cap, and what was left over."""

    def work(results: Results) -> None:
        limits = {"cap": _size(cap) if cap else None, "ttl": _age(ttl) if ttl else None}
        with _opened(path, limits) as store:
            swept = store.gc()
            left = sum(one.size for one in store.summaries())
        results.write(lambda: results.print(f"deleted {_bytes(swept.size)}; {_bytes(left)} are left"))

    finish(work)


@cache.command()
def rm(
    nodes: Annotated[list[str] | None, typer.Argument(metavar="NODE", help="Whose results go.", show_default=False)] = None,
    *,
    path: Where = None,
    older_than: Age = None,
    everything: Annotated[bool, typer.Option("--all", help="All results go.")] = False,
) -> None:
    """Deletes the results of some nodes, or those that are older, or all."""

    def work(results: Results) -> None:
        if not (nodes or older_than or everything):
            raise InputError("nothing is named to be deleted: name nodes, or --older-than, or --all")
        with _opened(path) as store:
            known = {one.name for one in store.summaries()}
            for name in nodes or ():
                if name not in known:
                    raise InputError(f"nothing is cached of '{name}'{nearest_or_all(name, known)}")
            swept = store.rm(tuple(nodes or ()), time.time() - _age(older_than) if older_than else None)
        results.write(lambda: results.print(f"deleted {_bytes(swept.size)}"))

    finish(work)


@cache.command()
def verify(
    *,
    path: Where = None,
    repair: Annotated[bool, typer.Option("--repair", help="Deletes what is damaged.")] = False,
    as_json: Json = False,
) -> None:
    """Checks all that is cached; the exit code is 1 if something is damaged."""

    def work(results: Results) -> int:
        with _opened(path) as store:
            found = store.verify(repair=repair)
        if as_json:
            document = {
                "packs": found.packs,
                "blobs": found.blobs,
                "bad_packs": len(found.bad_packs),
                "bad_blobs": [digest.hex() for digest in found.bad_blobs],
                "lost_blobs": [digest.hex() for digest in found.lost_blobs],
            }
            results.write(lambda: results.print(json_of(results, document)))
        else:
            said = f"{found.packs} packs of results and {found.blobs} large values: "
            bad, lost = len(found.bad_packs) + len(found.bad_blobs), len(found.lost_blobs)
            said += "all is well" if found.is_whole else f"{bad} damaged or not sealed with your key, {lost} lost"
            said += "; deleted" if repair and not found.is_whole else ""
            results.write(lambda: results.print(said))
        return 0 if found.is_whole or repair else 1

    finish(work)


@cache.command()
def why(
    output: Annotated[str, typer.Argument(metavar="OUTPUT", help="What was computed.", show_default=False)],
    *,
    path: Where = None,
    as_json: Json = False,
) -> None:
    """Tells why an output was computed anew when it last was: which input or function had changed since the time before."""

    def work(results: Results) -> None:
        from anabranch.rebuild.asked import noted

        with _opened(path) as store:
            last, before = noted(store, output)
        if last is None:
            raise InputError(f"nothing is known of '{output}': no run with this cache has been asked for it")
        changed = last.differences(before) if before is not None else []
        touched = last.touched(before) if before is not None else list(last.code)
        if as_json:
            known = {"output": output, "at": last.at, "before": before.at if before is not None else None}
            results.write(lambda: results.print(json_of(results, {**known, "changed": changed, "touched": touched})))
        else:
            results.write(lambda: results.print(_reasons(output, (last.at, before.at if before else None), changed, touched)))

    finish(work)


def _reasons(output: str, times: tuple[float, float | None], changed: list[str], touched: list[str]) -> str:
    now, before = times
    if before is None:
        return f"'{output}' was computed at {moment(now)}, for the first time with this cache"
    lines = [f"'{output}' was computed anew at {moment(now)}, for since {moment(before)}", *(f"  {one}" for one in changed)]
    return "\n".join([*lines, f"this touches {', '.join(touched)}"])


@contextmanager
def _opened(path: str | None, limits: Mapping[str, Any] | None = None) -> Iterator[Store]:
    from anabranch.store import Settings, open_store
    from anabranch.store.places import cache_home

    where = path if path is not None else str(cache_home())
    if "://" not in where and not (Path(where) / "index.db").exists():
        raise InputError(f"there is no cache in {where}; name one with --path")
    store = open_store(replace(Settings(where), **(limits or {})))
    try:
        yield store
    finally:
        store.close()


def _document(one: Summary) -> dict[str, Any]:
    return {
        "node": one.name,
        "code": one.code.hex(),
        "results": one.entries,
        "bytes": one.size,
        "made": one.made,
        "used": one.used,
    }


def _grid(summaries: list[Summary]) -> Grid:
    return Grid(
        (
            Column("node", tuple(one.name or "(of another key)" for one in summaries), style="bold cyan"),
            Column("code", tuple(one.code.hex()[:8] for one in summaries), style="dim"),
            Column("results", tuple(f"{one.entries:,}" for one in summaries), right=True),
            Column("size", tuple(_bytes(one.size) for one in summaries), right=True),
            Column("made", tuple(moment(one.made) for one in summaries)),
            Column("used", tuple(moment(one.used) for one in summaries)),
        )
    )



def _bytes(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def _size(text: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?", text.strip().lower())
    if match is None or match[2] not in _UNITS:
        raise InputError(f"'{text}' is no size; write 500MB, 20GB or 1.5GiB")
    return int(float(match[1]) * _UNITS[match[2]])


def _age(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhdw]?)", text.strip().lower())
    if match is None:
        raise InputError(f"'{text}' is no age; write 90s, 15m, 12h, 30d or 8w")
    return float(match[1]) * _TIMES[match[2]]
