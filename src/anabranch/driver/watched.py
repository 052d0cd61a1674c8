"""An engine that tells a driver's adapters of each task, and has tasks tell them where they run.

Theory: all that runs goes through two doors of the engine: a command that holds a call, and the news of what came of it. Here
both are looked at on their way through, in the engine's own thread, and nothing of either is changed, but that a call says
which run it belongs to and takes the adapters with it that act where it runs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from anabranch.driver.hooks import Hooks
from anabranch.engine import Engine
from anabranch.executor import CallFailed, CallLost, Message
from anabranch.lifecycle.base import NodeGroupPurpose
from anabranch.lifecycle.tasks import Around, Instead, TaskFacts, ended, told
from anabranch.lineage import Lineage
from anabranch.run.board import Errand, Purpose
from anabranch.run.commands import Command, News, OpenSource, Read, ReaderFinished, RunHere, SourceOpened, Submit
from anabranch.work import Code, Outcome

__all__ = ["WatchedEngine"]

_PURPOSES = {
    Purpose.CALL: NodeGroupPurpose.EXECUTE_SINGLE,
    Purpose.SPAN: NodeGroupPurpose.EXECUTE_BLOCK,
    Purpose.MERGE: NodeGroupPurpose.GATHER,
}


class WatchedEngine(Engine):
    """An engine with adapters looking on; see `Engine`."""

    def watch(self, hooks: Hooks, lineage: Lineage, run_id: str) -> WatchedEngine:
        """Says who looks on; to be called before it starts."""
        self._hooks = hooks
        self._lineage = lineage
        self._run_id = run_id
        self._facts: dict[str, TaskFacts] = {}
        self._codes: dict[str, Code] = {}
        self._out: dict[tuple[type, int], tuple[Code, dict[str, Any]]] = {}
        return self

    def _do(self, command: Command) -> None:
        if isinstance(command, (Submit, RunHere, OpenSource, Read)):
            errand = self.run.board.errand(command.call.id) if isinstance(command, (Submit, RunHere)) else None
            purpose = _purpose(command, errand)
            if purpose is not None:
                command = self._announced(command, purpose, errand)
        super()._do(command)

    def _announced(
        self, command: Submit | RunHere | OpenSource | Read, purpose: NodeGroupPurpose, errand: Errand | None
    ) -> Command:
        call = command.call
        facts = self._facts_of(call.code, purpose, errand)
        call = replace(call, code=self._code(call.code, facts))
        if self._hooks.submitted or self._hooks.returned:
            width = errand.hi - errand.lo if errand is not None and errand.purpose is Purpose.SPAN else None
            about = told(facts, call.code, call.layout, call.values, width)
            self._out[_door(command), call.id] = (call.code, about)
            for hook in self._hooks.submitted:
                hook.tell(about)
        return replace(command, call=call)

    def _take(self, news: News) -> None:
        key, message = _answered(news)
        if isinstance(message, Outcome) and message.notes:
            self._reported(message.notes)
        found = self._out.pop(key, None) if key is not None else None
        if found is not None:
            self._returned(*found, message)
        super()._take(news)

    def _returned(self, code: Code, about: dict[str, Any], message: Message | None) -> None:
        came = message if isinstance(message, Outcome) else _error(message)
        more = ended(self._facts[code.key], code, came, "result")
        about = {name: value for name, value in about.items() if name not in {"inputs", "overrides"}}
        for hook in self._hooks.returned:
            hook.tell({**about, **more})

    def _reported(self, notes: tuple[Any, ...]) -> None:
        assert self._hooks.crew is not None
        for place, facts in notes:
            self._hooks.crew.reported[place].tell({"facts": facts, "run_id": self._run_id})

    def _facts_of(self, code: Code, purpose: NodeGroupPurpose, errand: Errand | None) -> TaskFacts:
        if code.key not in self._facts:
            nodes = tuple(self._lineage[name] for name in code.origins if name in self._lineage)
            name = code.name if errand is None else errand.frame.plan.tasks[errand.number].name
            self._facts[code.key] = TaskFacts(name, nodes, purpose)
        return self._facts[code.key]

    def _code(self, code: Code, facts: TaskFacts) -> Code:
        crew = self._hooks.crew
        if crew is None or not (crew.acts_on_tasks or crew.failing):
            return code
        if code.key not in self._codes:
            around = Around(crew, facts, code.around) if crew.acts_on_tasks else code.around
            instead = Instead(crew, {node.name: node for node in facts.nodes}) if crew.failing else None
            self._codes[code.key] = replace(code, around=around, instead=instead, loaded=[])  # what is loaded knows of neither
        return self._codes[code.key]


def _purpose(command: Command, errand: Errand | None) -> NodeGroupPurpose | None:
    """What a task is for; None if it is none of the user's."""
    if isinstance(command, OpenSource):
        return NodeGroupPurpose.EXPAND_UNORDERED
    if isinstance(command, Read):
        return NodeGroupPurpose.GATHER
    return _PURPOSES.get(errand.purpose) if errand is not None else None


def _door(command: Command) -> type:
    return type(command) if isinstance(command, (OpenSource, Read)) else Submit


def _answered(news: News) -> tuple[tuple[type, int] | None, Message | None]:
    """Which call this is the answer to."""
    if isinstance(news, (Outcome, CallFailed, CallLost)):
        return (Submit, news.call), news
    if isinstance(news, SourceOpened):
        return (OpenSource, news.source), news.outcome
    if isinstance(news, ReaderFinished):
        return (Read, news.reader), news.outcome
    return None, None


def _error(message: Message | None) -> BaseException | None:
    if isinstance(message, CallFailed):
        return message.error
    if isinstance(message, CallLost):
        from anabranch.errors import TimedOut, WorkerLost

        return (TimedOut if message.cause == "timeout" else WorkerLost)(message.reason)
    return None
