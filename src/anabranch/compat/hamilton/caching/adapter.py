"""What a driver with a cache tells of its runs: which functions were called, which results were found, by which versions.

Theory: anabranch's cache stands where functions are called, in whatever process (`anabranch.rebuild`). What is told here is
gathered beside it: a hook on the functions that are really called reports each call to the driver, and what of a run was
neither called nor given was found. Versions are anabranch's: of code with all that it calls, of data by value and type. What is
known of runs is kept as long as the adapter; results are kept where the cache is.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from anabranch.compat.hamilton.caching._keys import RunKeys
from anabranch.compat.hamilton.caching.stores import ResultView
from anabranch.compat.hamilton.caching.stores.metadata import Known, MetadataStore
from anabranch.compat.hamilton.caching.stores.sqlite import SQLiteMetadataStore
from anabranch.errors import FlowError, InputError
from anabranch.lifecycle import GraphExecutionHook, NodeExecutionHook, WorkerReport
from anabranch.rebuild import Caching
from anabranch.store import Behaviour, Settings
from anabranch.versions import Scope, Unversionable, Versions

if TYPE_CHECKING:
    from anabranch.compat.hamilton.driver import Driver
    from anabranch.draw import Picture

__all__ = ["CachingBehavior", "CachingEvent", "CachingEventType", "HamiltonCacheAdapter"]

Names = Collection[str] | bool | None


class CachingBehavior(Enum):
    """What is done with a node's results; see `anabranch.store.Behaviour`."""

    DEFAULT = 1
    RECOMPUTE = 2
    DISABLE = 3
    IGNORE = 4

    @classmethod
    def from_string(cls, string: str) -> CachingBehavior:
        """The behaviour of this name.

        Raises:
            ValueError: there is none.
        """
        try:
            return cls[string.upper()]
        except KeyError:
            known = ", ".join(one.name.lower() for one in cls)
            raise FlowError(f"there is no behavior '{string}'; there are {known}") from None


class CachingEventType(Enum):
    """What happened to a node in a run."""

    GET_DATA_VERSION = "get_data_version"
    SET_DATA_VERSION = "set_data_version"
    GET_CACHE_KEY = "get_cache_key"
    SET_CACHE_KEY = "set_cache_key"
    GET_RESULT = "get_result"
    SET_RESULT = "set_result"
    MISSING_RESULT = "missing_result"
    FAILED_RETRIEVAL = "failed_retrieval"
    EXECUTE_NODE = "execute_node"
    FAILED_EXECUTION = "failed_execution"
    RESOLVE_BEHAVIOR = "resolve_behavior"
    UNHASHABLE_DATA_VERSION = "unhashable_data_version"
    IS_OVERRIDE = "is_override"
    IS_INPUT = "is_input"
    IS_FINAL_VAR = "is_final_var"
    IS_DEFAULT_PARAMETER_VALUE = "is_default_parameter_value"


@dataclass(frozen=True)
class CachingEvent:
    """One thing that happened to a node, or to one item of it."""

    run_id: str
    actor: str
    event_type: CachingEventType
    node_name: str
    task_id: str | None = None
    msg: str | None = None
    value: Any = None
    timestamp: float = field(default_factory=time.time)

    def as_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {**asdict(self), "event_type": self.event_type.value}

    def __str__(self) -> str:
        item = f"::{self.task_id}" if self.task_id else ""
        return f"{self.node_name}{item}::{self.actor}::{self.event_type.value}"


INFO = {CachingEventType.GET_RESULT, CachingEventType.EXECUTE_NODE}


class _Called(NodeExecutionHook, WorkerReport):
    """Reports each function that is really called, with the version of what it gave."""

    def __init__(self, adapter: HamiltonCacheAdapter) -> None:
        self._adapter: HamiltonCacheAdapter | None = adapter

    def run_after_node_execution(
        self, *, node_name: str, result: Any, success: bool, task_id: str | None, **about: Any
    ) -> None:
        """Reports it."""
        version = None
        if success and not about.get("is_expand"):
            try:
                version = Versions().of_data(result).hex()
            except Unversionable:
                version = ""
        self.report((node_name, task_id, success, version))

    def run_after_report(self, *, facts: Any, run_id: str, **future_kwargs: Any) -> None:
        """Notes it, in the driver."""
        assert self._adapter is not None
        self._adapter.note_call(run_id or self._adapter.last_run_id, *facts)  # an expander that the driver pulls has none

    def __getstate__(self) -> dict[str, Any]:
        return {"_adapter": None}


class _Runs(GraphExecutionHook):
    """Notes when runs begin and end."""

    def __init__(self, adapter: HamiltonCacheAdapter) -> None:
        self._adapter = adapter

    def run_before_graph_execution(
        self, *, run_id: str, inputs: Mapping[str, Any], overrides: Mapping[str, Any], execution_path: Any, **about: Any
    ) -> None:
        """Notes it."""
        self._adapter.note_begin(run_id, (inputs, overrides), list(execution_path), about["final_vars"])

    def run_after_graph_execution(self, *, run_id: str, results: dict[str, Any] | None, **future_kwargs: Any) -> None:
        """Notes it."""
        self._adapter.note_end(run_id, results or {})


class HamiltonCacheAdapter:
    """A cache for drivers, and what is known of their runs. `Builder.with_cache` makes one.

    Args:
        path: the folder; ``.hamilton_cache`` by default.
        metadata_store: where what is known of results is noted; a file in the folder by default.
        result_store: taken for the folder that it names (`path`).
        default, recompute, ignore, disable: nodes by behaviour; True means all.
        default_behavior, default_loader_behavior, default_saver_behavior: of nodes that are not named, by kind.
        log_to_file: whether what happens is also written to ``logs.jsonl`` in the folder.
    """

    is_cache = True

    def __init__(  # noqa: PLR0917  Hamilton's order
        self,
        path: str | os.PathLike[str] = ".hamilton_cache",
        metadata_store: Any = None,
        result_store: Any = None,
        default: Names = None,
        recompute: Names = None,
        ignore: Names = None,
        disable: Names = None,
        default_behavior: str | None = None,
        default_loader_behavior: str | None = None,
        default_saver_behavior: str | None = None,
        log_to_file: bool = False,
        **kwargs: Any,
    ) -> None:
        self.path = os.path.abspath(getattr(result_store, "path", None) or path)
        self._default, self._recompute, self._ignore, self._disable = default, recompute, ignore, disable
        self._kinds = (default_behavior, default_loader_behavior, default_saver_behavior)
        self._log_to_file = log_to_file
        self._events: dict[str, list[CachingEvent]] = {}
        self._driver: Driver | None = None
        self.run_ids: list[str] = []
        self.behaviors: dict[str, dict[str, CachingBehavior]] = {}
        self.code_versions: dict[str, dict[str, str]] = {}
        self.data_versions: dict[str, dict[str, Any]] = {}
        self.cache_keys: dict[str, dict[Any, str]] = {}
        self._values: dict[str, dict[str, Any]] = {}
        self.result_store = ResultView(Settings(self.path))
        given = isinstance(metadata_store, MetadataStore)
        self.metadata_store: MetadataStore = metadata_store if given else SQLiteMetadataStore(self.path)

    # -- for the driver --------------------------------------------------------------------------------------------

    @property
    def caching(self) -> Caching:
        """What anabranch's driver is told."""
        named = {
            Behaviour.DEFAULT: self._default,
            Behaviour.RECOMPUTE: self._recompute,
            Behaviour.IGNORE: self._ignore,
            Behaviour.DISABLE: self._disable,
        }
        plain, loads, saves = self._kinds
        kinds = (plain or "default", loads or plain or "default", saves or plain or "default")
        return Caching.of(Settings(self.path), Scope(), {way: names or () for way, names in named.items()}, kinds)

    @property
    def along(self) -> tuple[Any, ...]:
        """What goes along with runs."""
        return _Called(self), _Runs(self)

    def bind(self, driver: Driver) -> None:
        """Belongs to this driver from now on; what it knows of runs of others stays."""
        self._driver = driver

    # -- what is known ---------------------------------------------------------------------------------------------

    @property
    def last_run_id(self) -> str:
        """The run that began last.

        Raises:
            ValueError: there was none.
        """
        if not self.run_ids:
            raise InputError("nothing has been run yet")
        return self.run_ids[-1]

    def logs(self, run_id: str | None = None, level: str = "info") -> dict[Any, Any]:
        """What happened, of one run by node (or by node and item), of all runs by run; ``debug`` tells everything."""
        if run_id is None:
            return {one: self.logs(one, level) for one in self.run_ids}
        found: dict[Any, list[CachingEvent]] = _Events()
        for event in self._events.get(run_id, ()):
            if level == "debug" or event.event_type in INFO:
                found.setdefault((event.node_name, event.task_id) if event.task_id else event.node_name, []).append(event)
        return found

    def view_run(self, run_id: str | None = None, output_file_path: str | os.PathLike[str] | None = None) -> Picture:
        """A picture of a run: what was found is marked.

        Raises:
            ValueError: there was no run.
        """
        from anabranch.draw import Box, Style

        run = self.last_run_id if run_id is None else run_id
        events = self._events.get(run, ())
        found = {one.node_name for one in events if one.event_type is CachingEventType.GET_RESULT}
        asked = [one.node_name for one in events if one.event_type is CachingEventType.IS_FINAL_VAR]
        assert self._driver is not None

        def style(box: Box) -> Style | None:
            return Style(fill="#dcefe0", note="from the cache", legend="from the cache") if box.name in found else None

        inner = self._driver._driver  # noqa: SLF001  the driver that it belongs to
        return inner.visualize_execution(asked, output_file_path, style=style)

    def version_data(self, result: Any, run_id: str | None = None) -> str:
        """The version of a value.

        Raises:
            ValueError: it has none.
        """
        return Versions().of_data(result).hex()

    def version_code(self, node_name: str, run_id: str | None = None) -> str:
        """The version of a node's code.

        Raises:
            ValueError: there was no run.
        """
        return self.code_versions[self.last_run_id if run_id is None else run_id][node_name]

    def get_data_version(self, run_id: str, node_name: str, cache_key: str | None = None, task_id: str | None = None) -> Any:
        """The version of what a node gave in a run; None if it is not known."""
        found = self.data_versions.get(run_id, {}).get(node_name)
        return found.get(task_id) if isinstance(found, dict) and task_id is not None else found

    def get_cache_key(self, run_id: str, node_name: str, task_id: str | None = None) -> str | None:
        """The key of a node's call in a run; None if there is none."""
        return self.cache_keys.get(run_id, {}).get(node_name if task_id is None else (node_name, task_id))

    # -- what is noted ---------------------------------------------------------------------------------------------

    def note_begin(
        self, run_id: str, given: tuple[Mapping[str, Any], Mapping[str, Any]], path: list[str], outputs: list[str]
    ) -> None:
        """A run begins."""
        assert self._driver is not None
        graph, caching = self._driver._driver.graph, self.caching  # noqa: SLF001
        self.run_ids.append(run_id)
        self._events[run_id] = []
        self.data_versions[run_id], self.cache_keys[run_id] = {}, {}
        self.metadata_store.initialize(run_id)
        defaults = {name: value for node in path for name, value in self._defaults(node).items()}
        self._values[run_id] = {**defaults, **graph.config, **given[0], **given[1]}
        recipes = caching.recipes(graph)
        self.code_versions[run_id] = {name: made.code.hex() for name, made in recipes.items() if made is not None}
        ways = {name: caching.behaviour(graph, name) for name in (*graph.nodes, *graph.inputs)}
        self.behaviors[run_id] = {name: CachingBehavior[way.name] for name, way in ways.items()}
        for kind, names in zip((CachingEventType.IS_INPUT, CachingEventType.IS_OVERRIDE), given, strict=True):
            for name in names:
                self._add(run_id, kind, name)
        for name in outputs:
            self._add(run_id, CachingEventType.IS_FINAL_VAR, name)
        for name in path:
            self._add(run_id, CachingEventType.RESOLVE_BEHAVIOR, name, value=self.behaviors[run_id].get(name))

    def note_call(self, run_id: str, node: str, item: str | None, success: bool, version: str | None) -> None:
        """A function was called."""
        if run_id not in self._events:
            return
        if not success:
            self._add(run_id, CachingEventType.FAILED_EXECUTION, node, item)
            return
        self._add(run_id, CachingEventType.EXECUTE_NODE, node, item)
        if version:
            self._add(run_id, CachingEventType.SET_DATA_VERSION, node, item, version)
            known = self.data_versions[run_id]
            if item is None:
                known[node] = version
            else:
                known.setdefault(node, {})[item] = version
        elif version == "":
            self._add(run_id, CachingEventType.UNHASHABLE_DATA_VERSION, node, item)

    def note_end(self, run_id: str, results: Mapping[str, Any]) -> None:
        """A run is over: what was not called was found."""
        events = self._events[run_id]
        self._keep(run_id, events)
        called = {one.node_name for one in events if one.event_type in _CALLED}
        given = {one.node_name for one in events if one.event_type in _GIVEN}
        for one in [one for one in events if one.event_type is CachingEventType.RESOLVE_BEHAVIOR]:
            name = one.node_name
            if results and name not in called and name not in given:
                self._add(run_id, CachingEventType.GET_RESULT, name)
                if name in results and not self._is_inside(name):
                    self.data_versions[run_id].setdefault(name, self.version_data(results[name]))
        if self._log_to_file:
            import json

            os.makedirs(self.path, exist_ok=True)
            with open(os.path.join(self.path, "logs.jsonl"), "a", encoding="utf-8") as file:
                file.writelines(json.dumps(one.as_dict(), default=str) + "\n" for one in events)

    def _keep(self, run_id: str, events: list[CachingEvent]) -> None:
        """Notes the keys of a run, and the versions of what was called under them."""
        assert self._driver is not None
        graph, known = self._driver._driver.graph, self.data_versions[run_id]  # noqa: SLF001
        ways = {name: Behaviour[way.name] for name, way in self.behaviors[run_id].items()}
        values = self._values.pop(run_id, {})
        keys = RunKeys(run_id, graph, self.code_versions[run_id], ways, values, known, self.metadata_store.get)
        of_run, made = self.cache_keys[run_id], []
        for event in events:
            name, item = event.node_name, event.task_id
            if name not in graph.nodes or ways.get(name) not in _KEPT:
                continue
            if event.event_type is CachingEventType.RESOLVE_BEHAVIOR:
                of_run[name] = keys.of(name)
            elif event.event_type is CachingEventType.SET_DATA_VERSION:
                of_run[(name, item) if item else name] = key = keys.of(name, item)
                made.append(Known(key, event.value))
            elif event.event_type is CachingEventType.EXECUTE_NODE and graph.nodes[name].expands:
                made.append(Known(keys.of(name, item), {}))
        if made:
            self.metadata_store.set_all(run_id, made)

    def _defaults(self, name: str) -> Mapping[str, Any]:
        """The values that a function takes for inputs that nobody gives."""
        assert self._driver is not None
        found: Mapping[str, Any] = self._driver.graph.nodes[name].default_parameter_values
        return {name: value for name, value in found.items() if name not in self._driver._driver.graph.nodes}  # noqa: SLF001

    def _is_inside(self, name: str) -> bool:
        assert self._driver is not None
        return bool(self._driver._driver.graph.axes.get(name))  # noqa: SLF001

    def _add(self, run_id: str, kind: CachingEventType, node: str, item: str | None = None, value: Any = None) -> None:
        event = CachingEvent(run_id, "adapter", kind, node, item, value=value)
        self._events[run_id].append(event)


_KEPT = {Behaviour.DEFAULT, Behaviour.RECOMPUTE}
_CALLED = {CachingEventType.EXECUTE_NODE, CachingEventType.FAILED_EXECUTION}
_GIVEN = {CachingEventType.IS_INPUT, CachingEventType.IS_OVERRIDE}


class _Events(dict[Any, list[CachingEvent]]):
    """Events by node; of a node that nothing is known of, none."""

    def __missing__(self, key: Any) -> list[CachingEvent]:
        return []
