"""What of a run's chronicle matters to one item of one function, and how to say it.

Theory: a function runs in a task, an item in a span of it; so the item's story is its span's, and what happened on the way:
what its task had to wait for, deaths of workers that held it, attempts, results that were found. Where there is no span,
something upstream failed, or there is no such item, or the run has not come to it.

This module never looks at events.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from anabranch.errors import InputError, nearest_or_all
from anabranch.explain.chronicle import Chronicle, Mishap, Place, Span
from anabranch.explain.outline import NodeOutline, TaskOutline
from anabranch.words import amount, duration, plural

__all__ = ["Explanation", "Fate", "explained"]

Where = tuple[int, ...]

NEGLIGIBLE = 0.001
"""Seconds that are not worth a word."""


class Fate(Enum):
    """What became of an item."""

    RAN = "ran"
    CACHED = "came from the cache"
    FAILED = "failed"
    LEFT_OUT = "was left out"
    RUNNING = "is running"
    WAITING = "has not run yet"
    NEVER = "did not run"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an item is as it is: its fate, and the reasons, a sentence each."""

    node: str
    item: Where | None
    fate: Fate
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join([f"{called(self.node, self.item)} {self.fate.value}", *(f"  {reason}" for reason in self.reasons)])


def called(node: str, item: Where | None) -> str:
    """A function and an item, as the command line takes them: ``tree[3]``."""
    return f"{node}[{','.join(map(str, item))}]" if item else node


def explained(chronicle: Chronicle, node: str, item: int | Where | None = None) -> Explanation:
    """Why a function ran for an item, waited, was tried again, came from a cache, or has not run.

    Args:
        chronicle: what happened.
        node: the function.
        item: the item's index, or indices on all axes, outermost first; None, for a function in a fan-out, is all of its items.

    Raises:
        InputError: there is no such function, or it has no such items.
    """
    beginning = chronicle.beginning
    known = {one.name: one for one in beginning.nodes}
    outline = known.get(node)
    if outline is None:
        if any(node in one.reads for one in known.values()):
            return Explanation(node, None, Fate.NEVER, ("it is an input: its value was given",))
        raise InputError(f"there is no function '{node}'{nearest_or_all(node, known)}")
    where = (item,) if isinstance(item, int) else item
    axes = outline.axes
    if where is not None and len(where) not in {len(axes), len(axes) - outline.expands}:
        named = " × ".join(axes) if axes else "none"
        raise InputError(f"'{node}' has {plural(len(axes), 'axis').replace('axiss', 'axes')} ({named}), not {len(where)}")
    tasks = [task for task in beginning.tasks if _runs_in(outline, task, known)]
    if not tasks:
        asked = ", ".join(f"'{name}'" for name in beginning.outputs)
        return Explanation(node, where, Fate.NEVER, (f"it was not needed for {asked}, or a value was given for it",))
    case = _Case(chronicle, outline, tasks)
    found = case.all_of_it() if where is None and axes else case.of(where or ())
    return found if found.item else replace(found, item=None)


def _runs_in(outline: NodeOutline, task: TaskOutline, known: Mapping[str, NodeOutline]) -> bool:
    """Whether a function runs in a task; an expander does where what reads its items does."""
    if outline.name in task.nodes or (outline.expands and task.axis == outline.name):
        return True
    readers = (known[name] for name in task.nodes if name in known)
    return outline.expands and any(outline.axes == reader.axes[: len(outline.axes)] for reader in readers)


class _Case:
    """One function in one run."""

    def __init__(self, chronicle: Chronicle, outline: NodeOutline, tasks: list[TaskOutline]) -> None:
        self.chronicle = chronicle
        self.outline = outline
        self.tasks = tasks
        self.by_name = {task.name: task for task in chronicle.beginning.tasks}

    # -- one item --------------------------------------------------------------------------------------------------

    def of(self, item: Where) -> Explanation:
        """What became of one item; of a function outside of fan-outs, the empty one."""
        node = self.outline.name
        if self.outline.expands:
            return self._expanded(item)
        mishap, upstream = self.chronicle.mishaps.get((node, item)), self._upstream(item)
        for task, place, index in self._places(item):
            span = self.chronicle.span(place, index)
            if span is not None:
                return self._back(item, (task, span), mishap, upstream)
        if mishap is not None:
            return Explanation(node, item, Fate.FAILED, (*self._deaths(item), _raised(mishap)))
        if upstream is not None:
            return Explanation(node, item, Fate.LEFT_OUT, (_because(upstream),))
        return self._absent(item)

    def _back(
        self, item: Where, found: tuple[TaskOutline, Span], mishap: Mishap | None, upstream: Mishap | None
    ) -> Explanation:
        task, span = found
        node = self.outline.name
        alone = span.hi - span.lo <= 1 and len(item) == self._depth(task) + (task.kind == "fan")
        reasons = [*self._waited(task, span, item), _ran(task, span, alone=alone), *self._deaths(item)]
        if span.retries:
            reasons.append(f"{plural(span.retries, 'more attempt')} {_were(span.retries)} needed{_in_span(span)}")
        if upstream is not None:
            return Explanation(node, item, Fate.LEFT_OUT, (_because(upstream), *reasons))
        if mishap is not None:
            return Explanation(node, item, Fate.FAILED, (_raised(mishap), *reasons))
        items = max(span.hi - span.lo, 1)
        if span.cached:
            whole = span.cached >= items * len(task.nodes) or items == 1
            said = "its result was found" if items == 1 else f"{plural(span.cached, 'result')} {_were(span.cached)} found"
            reasons.insert(0, f"{said} in the cache{_in_span(span)}")
            return Explanation(node, item, Fate.CACHED if whole else Fate.RAN, tuple(reasons))
        return Explanation(node, item, Fate.RAN, tuple(reasons))

    def _waited(self, task: TaskOutline, span: Span, item: Where) -> Iterator[str]:
        """What it waited for before it was handed over, and on its way."""
        last = self._last_read(task, item)
        if last is not None and last[1] > NEGLIGIBLE:
            yield f"it waited for '{last[0]}', which was there {duration(last[1])} after the run had begun"
        yield f"it was handed over {duration(span.handed)} after the run had begun"
        parts = []
        if span.queued > NEGLIGIBLE:
            parts.append(f"{duration(span.queued)} behind other calls")
        if span.moved > NEGLIGIBLE:
            parts.append(f"{duration(span.moved)} for pickling")
        rest = span.back - span.handed - span.seconds - span.queued - span.moved
        if rest > NEGLIGIBLE:
            parts.append(f"{duration(rest)} on its way there and back")
        if parts:
            yield f"then it waited {' and '.join(', '.join(parts).rsplit(', ', 1))}"

    def _last_read(self, task: TaskOutline, item: Where) -> tuple[str, float] | None:
        """Of what the task reads, what was there last, and when."""
        found = []
        for name in task.reads:
            places = (self.chronicle.place(name, item[:depth]) for depth in range(len(item) + 1))
            found += [(place.closed, name) for place in places if place is not None and place.closed is not None]
        return None if not found else (max(found)[1], max(found)[0])

    def _places(self, item: Where) -> Iterator[tuple[TaskOutline, Place, int | None]]:
        """Where an item may have run, the innermost first, and its index there; None in a call, which has no items."""
        for task in sorted(self.tasks, key=self._depth, reverse=True):
            depth = self._depth(task)
            if task.kind == "fan" and len(item) > depth:
                place, index = self.chronicle.place(task.name, item[:depth]), item[depth]
            elif task.kind != "fan" and len(item) == depth:
                place, index = self.chronicle.place(task.name, item), None
            else:
                continue
            if place is not None:
                yield task, place, index

    def _depth(self, task: TaskOutline) -> int:
        depth = 0
        while task.inside and depth < len(self.by_name):
            depth, task = depth + 1, self.by_name[task.inside]
        return depth

    def _deaths(self, item: Where) -> list[str]:
        names = {task.name for task in self.tasks}
        found = []
        for death in tuple(self.chronicle.deaths):
            depth = len(death.where)
            here = death.task in names and item[:depth] == death.where
            if here and (death.hi == 0 or (len(item) > depth and death.lo <= item[depth] < death.hi)):
                held = f" with {plural(death.hi - death.lo - 1, 'other')}" if death.hi - death.lo > 1 else ""
                found.append(f"{death.worker or 'a worker'} died while it held it{held} ({death.reason}); it was sent again")
        return found

    def _upstream(self, item: Where) -> Mishap | None:
        """The failure of something that the function needs for this item."""
        reads = {one.name: one.reads for one in self.chronicle.beginning.nodes}
        seen, left = set(), list(self.outline.reads)
        while left:
            name = left.pop()
            if name in seen:
                continue
            seen.add(name)
            left += reads.get(name, ())
        found = [one for one in list(self.chronicle.mishaps.values()) if one.node in seen and one.item == item[: len(one.item)]]
        return next((one for one in found if one.item or not item), None)

    # -- items that are not there ----------------------------------------------------------------------------------

    def _absent(self, item: Where) -> Explanation:
        """There is nothing to be seen of it."""
        node, over = self.outline.name, self.chronicle.seconds is not None
        for _, place, index in self._places(item):
            at = 0 if index is None else index
            handed = next((when for lo, (hi, when) in list(place.out.items()) if lo <= at < max(hi, 1)), None)
            if handed is not None and not over:
                said = f"it was handed over {duration(handed)} after the run had begun"
                return Explanation(node, item, Fate.RUNNING, (said, *self._deaths(item)))
            if handed is not None:
                said = f"it was handed over {duration(handed)} after the run had begun, and the run ended before it was back"
                return Explanation(node, item, Fate.NEVER, (said, *self._end()))
            if place.length is not None and at >= place.length:
                return Explanation(node, item, Fate.NEVER, (f"there is no such item: there were {amount(place.length)}",))
            if not over:
                have = f"{plural(len(place.out), 'call')} {_were(len(place.out), 'is', 'are')} out, and it comes later"
                known = "its expander has not given it yet" if at >= place.known else have
                return Explanation(node, item, Fate.WAITING, (known,))
        if over:
            return Explanation(node, item, Fate.NEVER, tuple(self._end()))
        missing = dict.fromkeys(name for task in self.tasks for name in task.reads if not self._is_closed(name))
        waits = ", ".join(f"'{name.removesuffix('()')}'" for name in missing)
        return Explanation(node, item, Fate.WAITING, (f"it waits for {waits}" if waits else "nothing has been heard of it",))

    def _is_closed(self, task: str) -> bool:
        places = self.chronicle.places(task.removesuffix("()")).values()
        return bool(places) and all(place.closed is not None for place in places)

    def _end(self) -> Iterator[str]:
        """Why a run that is over has not come to something."""
        fatal = [one for one in list(self.chronicle.mishaps.values()) if one.policy in {"raise", ""}]
        if not self.chronicle.failed:
            yield "an item before it was left out by Skip, or nothing asked for it"
        elif fatal:
            yield f"the run had ended: {called(fatal[0].node, fatal[0].item)} raised {_said(fatal[0])}"
        else:
            yield "the run had ended with an error before it came to it"

    # -- all items -------------------------------------------------------------------------------------------------

    def _expanded(self, item: Where) -> Explanation:
        """An expander: the call for one outer item, or one of the items that it gave."""
        node = self.outline.name
        outer = item[: len(self.outline.axes) - 1]
        index = item[len(outer)] if len(item) > len(outer) else None
        mishap = self.chronicle.mishaps.get((node, outer))
        fan = next((task for task in self.tasks if task.kind == "fan" and task.axis == node), None)
        place = self.chronicle.place(fan.name, outer) if fan is not None else None
        if mishap is not None and index is None:
            return Explanation(node, item, Fate.FAILED, (_raised(mishap),))
        if place is None:
            return self._looped(item)
        if index is None:
            count = f"{amount(place.known)} items" + ("" if place.length is not None else " so far")
            opened = f"it was called {duration(place.opened or 0)} after the run had begun, and gave {count}"
            return Explanation(node, item or None, Fate.RAN, (opened,))
        for number in range(0, len(place.pulls), 3):
            lo, hi, at = place.pulls[number : number + 3]
            if lo <= index < hi:
                said = f"it was taken from the expander {duration(at)} after the run had begun"
                many = f", with items {lo:.0f} to {hi - 1:.0f}" if hi - lo > 1 else ""
                return Explanation(node, item, Fate.RAN, (f"{said}{many}",))
        return self._absent(item)

    def _looped(self, item: Where) -> Explanation:
        """An expander that ran where the loop around it did: what is told is the span's."""
        for task, place, index in self._places(item):
            span = self.chronicle.span(place, index)
            if span is not None:
                return self._back(item, (task, span), None, self._upstream(item))
        return self._absent(item)

    def all_of_it(self) -> Explanation:
        """All items of a function in a fan-out together."""
        node = self.outline.name
        if self.outline.expands and len(self.outline.axes) == 1:
            return self._expanded(())
        spans = [span for task in self.tasks for place in self.chronicle.places(task.name).values() for span in self._of(place)]
        failed = [one for one in list(self.chronicle.mishaps.values()) if one.node == node]
        if not spans:
            return self._absent(())
        items = sum(max(span.hi - span.lo, 1) for span in spans)
        seconds = sum(span.seconds for span in spans)
        workers = len({span.worker for span in spans})
        task = self.tasks[0].name
        first, last = min(span.handed for span in spans), max(span.back for span in spans)
        of = f" of '{task}'" if len(self.tasks) == 1 else ""
        parts = (f"{plural(items, 'item')}{of} in {plural(len(spans), 'call')}", f"on {plural(workers, 'worker')}")
        reasons = [
            f"{' '.join(parts)}, {duration(seconds)} in functions",
            f"between {duration(first)} and {duration(last)} after the run had begun",
        ]
        slow = max(spans, key=lambda span: span.seconds / max(span.hi - span.lo, 1))
        reasons.append(f"slowest: {_items(slow)}, {duration(slow.seconds / max(slow.hi - slow.lo, 1))} each")
        reasons += [f"{plural(count, 'more attempt')}" for count in (sum(span.retries for span in spans),) if count]
        reasons += [f"{plural(count, 'result')} found in the cache" for count in (sum(span.cached for span in spans),) if count]
        if failed:
            first_one = called(node, failed[0].item)
            reasons.append(f"{plural(len(failed), 'item')} failed, the first {first_one}: {_said(failed[0])}")
        fate = Fate.RAN if len(failed) < items else Fate.FAILED
        return Explanation(node, None, fate, tuple(reasons))

    def _of(self, place: Place) -> Iterator[Span]:
        return self.chronicle.spans(place)


def _ran(task: TaskOutline, span: Span, *, alone: bool) -> str:
    where = "in the driver" if span.worker == "driver" else f"on {span.worker}"
    if alone and len(task.nodes) == 1:
        return f"it took {duration(span.seconds)}, {where}"
    names = [f"'{name}'" for name in task.nodes]
    shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    which = f"{_items(span)} of '{task.name}'" if span.hi else f"'{task.name}'"
    inside = f", in which {shown} run," if len(names) > 1 else ""
    return f"{which}{inside} took {duration(span.seconds)}, {where}"


def _items(span: Span) -> str:
    return f"items {span.lo} to {span.hi - 1}" if span.hi - span.lo > 1 else f"item {span.lo}"


def _in_span(span: Span) -> str:
    return f" among the {amount(span.hi - span.lo)} items of its span" if span.hi - span.lo > 1 else ""


def _were(count: int, one: str = "was", many: str = "were") -> str:
    return one if count == 1 else many


def _raised(mishap: Mishap) -> str:
    tries = f", {mishap.attempts} times" if mishap.attempts > 1 else ""
    return f"it raised {_said(mishap)}{tries}{f', on {mishap.worker}' if mishap.worker else ''}"


def _because(mishap: Mishap) -> str:
    return f"what it needs is not there: {called(mishap.node, mishap.item)} raised {_said(mishap)}"


def _said(mishap: Mishap) -> str:
    lines = mishap.message.strip().splitlines()
    text = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in lines[0][:200]) if lines else ""
    return f"{mishap.error}: {text}" if text else mishap.error
