"""A run that lasts: its journal, what of it may be used again, and what makes that impossible.

Theory: what a lasting run computes is kept in a store beside its journal, by node and item (`anabranch.rebuild`); so to resume
is to run again and find most of it there. The journal says what the run was asked for, and by which code and inputs, so that
a run goes on only as what it was; and what happened, for those who look on.

One thing has to be in the journal before anything follows from it: that an item failed, for what was made without that item
is to be made again once the item is there. So failures are written at once, and the engine tells of them before it does
anything else; all other records are written in groups.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from anabranch.errors import InputError, RunCancelled
from anabranch.events import CallFinished, Event, FanFinished, FanOpened, ItemFailed, SpanFinished, WorkerDied
from anabranch.graph import Graph
from anabranch.journal import Began, Done, Failed, Given, Journal, Listed, Noted, Runs, Story
from anabranch.rebuild.asked import Asked
from anabranch.rebuild.shelves import store_of
from anabranch.store import Missing, Recipe, Settings
from anabranch.store.seal import Seal, own_key

__all__ = ["EVENTS", "Facts", "Lasting", "Recording", "values_in"]

GIVEN: Final = Recipe("what was given", b"")
"""What inputs, config and overrides are kept by."""

EVENTS: Final = "events.jsonl"
"""What a run's events are called, in its folder."""


@dataclass(frozen=True, slots=True)
class Lasting:
    """What was asked for of a run that lasts.

    Attributes:
        run_id: its name.
        root: the folder of all runs; None for the user's.
        resumes: whether it is there already, and goes on.
        force: goes on although code or inputs have changed.
        failed_only: runs what failed, and leaves out what was never run.
        either: goes on, too, if it turns out to be there.
    """

    run_id: str
    root: str | None = None
    resumes: bool = False
    force: bool = False
    failed_only: bool = False
    either: bool = False

    @property
    def runs(self) -> Runs:
        """Where the run is."""
        return Runs(self.root)

    @property
    def folder(self) -> Path:
        """The run's own folder.

        Raises:
            InputError: it cannot have this name; or it is to be resumed, and is not there.
        """
        return self.runs.find(self.run_id) if self.resumes else self.runs.folder(self.run_id)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is noted of a run besides: the files of its functions, the kind of its executor, anything plain."""

    flow: tuple[str, ...]
    executor: str
    about: Mapping[str, Any]


class Recording:
    """The journal of one run, being written.

    Attributes:
        redo: nodes whose results were made without items that had failed.
        failed: the items that failed.
        events: where the run's events are written, to be told of later.
    """

    def __init__(
        self, journal: Journal, events: Path, redo: Iterable[str] = (), failed: Iterable[tuple[int, ...]] = ()
    ) -> None:
        self.events = events
        self.redo = frozenset(redo)
        self.failed = frozenset(failed)
        self._journal = journal

    @classmethod
    def begin(cls, lasting: Lasting, asked: Asked, values: Sequence[Mapping[str, Any]], facts: Facts) -> Recording:
        """Begins the journal of a new run; `values` are inputs, overrides and config.

        Raises:
            InputError: there is a run of this name already.
            StoreError: it cannot be written.
        """
        folder = lasting.folder
        said = zip(("input", "override", "config"), (asked.inputs, asked.overrides, asked.config), strict=True)
        given = [{name: Given(made, _key(word, name).hex()) for name, made in versions.items()} for word, versions in said]
        record = Began(
            lasting.run_id,
            facts.flow,
            asked.outputs,
            given[0],
            given[1],
            given[2],
            code=asked.code,
            executor=facts.executor,
            process=os.getpid(),
            host=socket.gethostname(),
            at=time.time(),
            about=dict(facts.about),
        )
        journal = Journal.begin(folder, record, Seal(own_key()))
        try:
            words = zip(("input", "override", "config"), values, strict=True)
            kept = {_key(word, name): value for word, named in words for name, value in named.items()}
            if kept:
                store_of(Settings(str(folder / "values"))).put_many(GIVEN, [*kept], [*kept], [*kept.values()])
        except BaseException:
            journal.close()
            raise
        return cls(journal, folder / EVENTS)

    @classmethod
    def resume(cls, lasting: Lasting, asked: Asked, graph: Graph, executor: str) -> Recording:
        """Takes up the journal of a run that was interrupted.

        Raises:
            InputError: there is no such run; it is being driven; code or inputs have changed.
            StoreError: the journal cannot be read or written.
        """
        differs: list[str] = []

        def check(story: Story) -> None:
            assert story.began is not None
            differs.extend(asked.differences(_asked(story.began)))
            if differs and not lasting.force:
                advice = "force it (force=True, --force) to use what it has all the same, or begin a new run"
                raise InputError("\n  ".join([f"run '{lasting.run_id}' cannot go on as what it was:", *differs, advice]))

        journal, story = Journal.resume(lasting.folder, executor, Seal(own_key()), check)
        try:
            if differs:
                journal.add(Noted("forced", {"differs": differs}))
            redo = _after_failures(graph, {node for node, _ in story.failed})
            return cls(journal, lasting.folder / EVENTS, redo, (where for _, where in story.failed))
        except BaseException:
            journal.close()
            raise

    def observe(self, event: Event) -> None:
        """Notes one event.

        Raises:
            StoreError: it cannot be written.
        """
        match event:
            case SpanFinished():
                self._journal.add(Done(event.axis, event.where, event.lo, event.hi))
            case CallFinished():
                self._journal.add(Done(event.task, event.where, 0, 1))
            case FanOpened() if event.length is not None:
                self._journal.add(Listed(event.axis, event.where, 0, event.length, last=True))
            case FanFinished():
                self._journal.add(Listed(event.axis, event.where, 0, event.length, last=True))
            case ItemFailed():
                failure = event.failure
                kind = type(failure.exception).__name__
                self._journal.add(Failed(failure.node, failure.item, kind, _text(failure.exception), failure.attempts))
                self.flush()
            case WorkerDied():
                self._journal.add(Noted("worker died", {"task": event.task, "worker": event.worker, "reason": event.reason}))
            case _:
                pass

    def flush(self) -> None:
        """Writes what was noted.

        Raises:
            StoreError: it cannot be written.
        """
        self._journal.flush()

    def end(self, error: BaseException | None) -> None:
        """Says how the run ended: with all its outputs, by an error, or stopped, to be resumed."""
        if error is None:
            self._journal.end("finished")
        elif isinstance(error, RunCancelled) or not isinstance(error, Exception):
            self._journal.end("stopped", type(error).__name__)
        else:
            self._journal.end("failed", f"{type(error).__name__}: {_text(error)}")


def values_in(given: Mapping[str, Given], folder: Path, word: str) -> dict[str, Any]:
    """The values that a journal refers to.

    Raises:
        InputError: one was not kept, or is gone.
    """
    store = store_of(Settings(str(folder / "values")))
    found: dict[str, Any] = {}
    for name, one in given.items():
        entry = store.get_many(GIVEN, [bytes.fromhex(one.value)])[0] if one.value else None
        try:
            if entry is None:
                raise Missing("it does not pickle")
            found[name] = store.load(entry)
        except Missing as error:
            raise InputError(f"{word} '{name}' was not kept with the run ({error}); give it again") from None
    return found


def _key(word: str, name: str) -> bytes:
    """What a value is kept by that was given."""
    return blake2b(f"{word}\0{name}".encode(), digest_size=20).digest()


def _asked(began: Began) -> Asked:
    """What a journal says that a run was asked for."""
    inputs, overrides, config = (
        {name: one.version for name, one in given.items()} for given in (began.inputs, began.overrides, began.config)
    )
    return Asked(began.outputs, inputs, overrides, config, began.code)


def _after_failures(graph: Graph, failed: Iterable[str]) -> frozenset[str]:
    """The nodes that may have been computed without items for which one of these failed: what collects them, and what reads
    that.
    """
    alike = [name for name in failed if name in graph.nodes]
    found: set[str] = set()
    seen = set(alike)
    while alike:
        name = alike.pop()
        for reader in graph.readers.get(name, ()):
            closes = any(edge.source == name and edge.parameter.depth for edge in graph.edges[reader])
            if closes:
                found.add(reader)
            elif reader not in seen:
                seen.add(reader)
                alike.append(reader)
    return frozenset(graph.downstream(found)) if found else frozenset()


def _text(error: BaseException) -> str:
    return " ".join(str(error).split())[:500]
