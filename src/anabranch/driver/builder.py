"""The builder: immutable, every method returns a new one, so that one can be shared and varied.

It only holds what it is given; graph, plan and engine are imported by what makes a driver of it.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self, TypeAlias, Unpack

from anabranch.errors import FlowError, InputError, nearest_or_all
from anabranch.policies import DEFAULT, Faults

if TYPE_CHECKING:
    import concurrent.futures

    from anabranch.driver.adapters import Adapter
    from anabranch.driver.driver import Driver
    from anabranch.driver.parts import Parts
    from anabranch.executor import Executor
    from anabranch.graph import Graph
    from anabranch.history import Store
    from anabranch.io.declarations import Declaration
    from anabranch.policies import FaultOptions
    from anabranch.rebuild import Caching
    from anabranch.versions import Scope

    Choice: TypeAlias = str | tuple[str, Mapping[str, Any]] | Executor | concurrent.futures.Executor
else:
    Choice = Any

__all__ = ["Builder", "Choice", "Gathering"]


@dataclass(frozen=True, repr=False)
class Gathering:
    """What a driver is made of, gathered; what builders have in common."""

    modules: tuple[ModuleType, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    executor: str | Executor | concurrent.futures.Executor = "sequential"
    options: Mapping[str, Any] = field(default_factory=dict)
    elsewhere: Mapping[str, Choice] = field(default_factory=dict)
    adapters: tuple[Adapter, ...] = ()
    materializers: tuple[Declaration, ...] = ()
    overriding: bool = False
    faults: Faults = DEFAULT
    caching: Caching | None = None
    runs: str | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Shows no value of the config, which may be large or secret."""
        modules = ", ".join(module.__name__ for module in self.modules) or "nothing yet"
        place = self.executor if isinstance(self.executor, str) else type(self.executor).__name__
        config = f"; config: {', '.join(self.config)}" if self.config else ""
        return f"<{type(self).__name__} of {modules} on {place}{config}>"

    def with_modules(self, *modules: ModuleType) -> Self:
        """Adds modules whose public functions are nodes."""
        for module in modules:
            if not isinstance(module, ModuleType):
                raise FlowError(
                    f"with_modules takes modules, not {type(module).__name__}; for single functions use "
                    f"module_from_functions(f, g, …)"
                )
        return replace(self, modules=(*self.modules, *modules))

    def with_config(self, config: Mapping[str, Any]) -> Self:
        """Adds config values: they choose between alternatives (`@config.when`) and can be read like inputs."""
        if not isinstance(config, Mapping):
            raise InputError(f"config is given as a dict from names to values, not as {type(config).__name__}")
        return replace(self, config={**self.config, **config})

    def with_executor(self, executor: str | Executor | concurrent.futures.Executor, **options: Any) -> Self:
        """Chooses where tasks run: ``sequential``, ``threads``, ``processes``, ``ray``, ``dask``, any other that is
        registered, an executor object, or a `concurrent.futures.Executor`. Options go to the executor (`workers=` …).
        """
        return replace(self, executor=executor, options=options)

    def with_executors(self, default: Choice | None = None, **elsewhere: Choice) -> Self:
        """Gives one flow several executors: functions run on the one that they name with `@run_on`, and on the default one if
        they name none.

        Example::

            Builder().with_executors(default="processes", gpu=("ray", {"address": "auto"}), home="sequential")

        Each is given as a name, as a name with options, ``("ray", {"address": "auto"})``, as an executor object, or as a
        `concurrent.futures.Executor`. Values move when they have to, once, through the driver.

        Args:
            default: the same as `with_executor` would choose; left out, what has been chosen already.
            elsewhere: further executors, by the names that functions know them by.

        Raises:
            InputError: one is given in no such form.
        """
        if default is None:
            return replace(self, elsewhere={**self.elsewhere, **elsewhere})
        executor, options = _choice("default", default)
        return replace(self, executor=executor, options=options, elsewhere={**self.elsewhere, **elsewhere})

    def with_adapters(self, *adapters: Adapter) -> Self:
        """Adds what goes along with runs: observers, which are functions that are called with every event, and of which one
        that raises is logged and does no harm; a result builder, which makes what `Driver.execute` returns; and whatever is
        of a class of `anabranch.lifecycle`.

        Raises:
            InputError: one is none of these, or there are two result builders.
        """
        from anabranch.driver.adapters import Adapters

        Adapters.of((*self.adapters, *adapters))
        return replace(self, adapters=(*self.adapters, *adapters))

    def with_tracking(
        self, where: str | os.PathLike[str] | Store | None = None, *, name: str = "", previews: bool = True
    ) -> Self:
        """Keeps a history of runs: what they did, what went in and came out, and the versions of their code; see
        `docs/runs.md`.

        Args:
            where: a file for SQLite, a URL as SQLAlchemy has it, or a store that is open; left out, what the environment's
                ``ANABRANCH_HISTORY`` says, else a file in the user's state folder.
            name: what the runs are called; their functions' module if it is not said.
            previews: whether summaries may show some of the data itself.

        Raises:
            InputError: what it takes is not installed, or it is no such file or URL.
            StoreError: the history cannot be opened.
        """
        from anabranch.history import Tracker

        return self.with_adapters(Tracker(where, name=name, previews=previews))

    def with_materializers(self, *materializers: Declaration) -> Self:
        """Adds what is loaded in the place of nodes and inputs (``from_.…``) and what can be asked to be saved (``to.…``); see
        `anabranch.io`.
        """
        return replace(self, materializers=(*self.materializers, *materializers))

    def with_failure_policy(self, **faults: Unpack[FaultOptions]) -> Self:
        """Says what runs do about failures, unless a function or a run says something else.

        Args:
            on_error: ``raise``, ``finish``, ``skip`` or ``keep``; see `anabranch.policies`.
            max_failures: failed items to put up with: a count (int), or a share of the fan-out (float from 0.0 to 1.0).
            deaths: so many workers an item may kill before it counts as failed.
            timeout: seconds that a run may take.

        Raises:
            InputError: a value makes no sense.
        """
        from anabranch.driver.request import updated

        return replace(self, faults=updated(self.faults, faults))

    def with_cache(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        default: Collection[str] | bool = (),
        recompute: Collection[str] | bool = (),
        ignore: Collection[str] | bool = (),
        disable: Collection[str] | bool = (),
        default_behavior: str = "default",
        default_loader_behavior: str = "recompute",
        default_saver_behavior: str = "recompute",
        code: Scope | None = None,
        cap: int | None = None,
        ttl: float | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Self:
        """Has results looked up before functions are called, item by item, and stored after; see `docs/durable.md`.

        What `@cache` says of a function weighs more than what is said here.

        Args:
            path: a folder, or a URL that fsspec knows; by default the user's cache folder.
            default: nodes that are looked up and stored; True means all, here as below.
            recompute: nodes that always run, and are stored.
            ignore: nodes and inputs whose values do not count for what reads them.
            disable: nodes that always run and are not stored, so that what reads them runs, too.
            default_behavior: of nodes that are not named; ``disable`` leaves the decorated ones.
            default_loader_behavior: of nodes that load data.
            default_saver_behavior: of nodes that save data.
            code: which code counts besides the user's own.
            cap: how many bytes the cache may hold.
            ttl: how many seconds a result is kept.
            options: what fsspec needs to reach a URL.

        Raises:
            InputError: a behaviour is unknown, or a node is named for two.
        """
        from anabranch.rebuild.caching import Caching
        from anabranch.store import Behaviour, Settings
        from anabranch.store.places import cache_home
        from anabranch.versions import Scope

        where = os.fspath(path) if path is not None else os.fspath(cache_home())
        if "://" not in where:
            where = os.path.abspath(where)  # workers may be elsewhere
        settings = Settings(where, cap, ttl, options=tuple((options or {}).items()))
        ways = {
            Behaviour.DEFAULT: default,
            Behaviour.RECOMPUTE: recompute,
            Behaviour.IGNORE: ignore,
            Behaviour.DISABLE: disable,
        }
        kinds = (default_behavior, default_loader_behavior, default_saver_behavior)
        return replace(self, caching=Caching.of(settings, code or Scope(), ways, kinds))

    def with_runs(self, folder: str | os.PathLike[str] | None = None, *, about: Mapping[str, Any] | None = None) -> Self:
        """Says where runs are kept that last (``run_id=``, ``durable=True``), and what is to be noted of each.

        Args:
            folder: by default in the user's state folder.
            about: plain data, as JSON knows it: a commit, the number of a job.
        """
        return replace(self, runs=None if folder is None else os.path.abspath(folder), about={**self.about, **(about or {})})

    def allow_module_overrides(self) -> Self:
        """A later module's function replaces an earlier module's of the same name, instead of being an error."""
        return replace(self, overriding=True)

    def copy(self) -> Self:
        """A builder that is the same; since builders never change, there is seldom need for it."""
        return replace(self)

    def parts(self) -> Parts:
        """What the driver is made of.

        Raises:
            FlowError: the functions do not make a dataflow, or a `StaticValidator` refuses it.
            ExecutorError: an executor is unknown or not installed.
        """
        from anabranch.driver.adapters import Adapters
        from anabranch.driver.owning import check_own
        from anabranch.driver.parts import Parts
        from anabranch.graph import Graph
        from anabranch.placement import DEFAULT_PLACE
        from anabranch.registry import make_executor

        adapters = Adapters.of(self.adapters)
        hooks = adapters.hooks
        lets_pass = hooks.lets_pass if hooks is not None and hooks.edges else None
        graph = Graph.from_modules(self.modules, self.config, override=self.overriding, lets_pass=lets_pass)
        if self.materializers:
            from anabranch.materialization import with_materials

            graph = with_materials(graph, self.materializers)
        if hooks is not None:
            graph = hooks.built(graph)
        if self.caching is not None:
            self.caching.check(graph)
        chosen = {DEFAULT_PLACE: (self.executor, self.options)}
        chosen |= {place: _choice(place, choice) for place, choice in self.elsewhere.items()}
        _check_places(graph, chosen)
        check_own(graph)
        made = {place: make_executor(executor, dict(options)) for place, (executor, options) in chosen.items()}
        owns = tuple(made[place] for place, (executor, _) in chosen.items() if isinstance(executor, str))
        default = made.pop(DEFAULT_PLACE)
        return Parts(graph, default, adapters, self.faults, made, owns, self.caching, self.runs, self.about)


@dataclass(frozen=True, repr=False)
class Builder(Gathering):
    """Gathers what a driver is made of. Immutable: each method returns a new builder.

    Example::

        driver = Builder().with_modules(census).with_executor("processes", workers=8).build()
    """

    def build(self) -> Driver:
        """Builds the graph and the driver.

        Raises:
            FlowError: the functions do not make a dataflow, or a `StaticValidator` refuses it.
            ExecutorError: the executor is unknown or not installed.
        """
        from anabranch.driver.driver import Driver

        return Driver.over(self.parts())


def _choice(place: str, choice: Any) -> tuple[Any, Mapping[str, Any]]:
    """An executor, or the name of one, and its options.

    Raises:
        InputError: it is given in another form.
    """
    if not isinstance(choice, tuple):
        return choice, {}
    if len(choice) != 2 or not isinstance(choice[0], str) or not isinstance(choice[1], Mapping):
        raise InputError(f"executor '{place}' is a name, a name and a dict of options, or an executor object, not {choice!r}")
    return choice


def _check_places(graph: Graph, known: Iterable[str]) -> None:
    """Checks that there is an executor for every function that names one.

    Raises:
        FlowError: there is none.
    """
    for node in graph.nodes.values():
        retries = node.policy.retries if node.policy is not None else None
        for place in ((node.place,) if node.place else ()) + (retries.executors if retries is not None else ()):
            if place not in known:
                raise FlowError(
                    f"{node.label} is to run on '{place}', and there is no such executor{nearest_or_all(place, known)}; "
                    f"add it: with_executors({place}=…)"
                )
