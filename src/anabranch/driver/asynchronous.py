"""A driver whose requests are awaited, and its builder.

Theory: the engine blocks while it waits, so each request turns it in a thread of its own, and the task that awaits it waits for
that thread. The coroutines of the request run on the loop of that task (`anabranch.awaiting`), everything else anywhere else:
the loop is never held up by what is no coroutine. It is the engine of the plain driver, so all that holds there holds here.

Cancellation is structured: where the task that awaits is cancelled, the run is, and with it what runs of it; the task goes on
only when all of that has ended.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack

from anabranch.awaiting import at
from anabranch.driver.adapters import Adapter
from anabranch.driver.builder import Gathering
from anabranch.driver.driver import Driver
from anabranch.driver.lookup import Lookup
from anabranch.driver.parts import Parts
from anabranch.driver.request import Output, RunOptions
from anabranch.executor import Executor
from anabranch.failure import trimmed
from anabranch.handle import RunResult, Watch

if TYPE_CHECKING:
    import concurrent.futures

    from anabranch.io.declarations import Declaration
    from anabranch.results import ResultBuilder

__all__ = ["AsyncDriver", "Builder"]

T = TypeVar("T")
Inputs = Mapping[str, Any] | None


class AsyncDriver(Lookup):
    """Runs requests against one dataflow, each of them awaited. Made by `Builder.build`, or at once; any number of requests may
    be under way at the same time, from any number of tasks and loops.

    Use it with ``async with``, or `close` it, to end the workers that it started; the interpreter's exit does so too. What
    looks at the dataflow without running it is as in `Driver`, and not awaited.

    Args:
        config: values that choose between alternatives and can be read like inputs.
        modules: where the functions are.
        result_builder: what makes the result of `execute`.
        adapters: one of what `Builder.with_adapters` takes, or several; their methods may be ``async def``.
        allow_module_overrides: a later module's function replaces an earlier one's of the same name.

    Raises:
        FlowError: the functions do not make a dataflow.
    """

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        *modules: ModuleType,
        result_builder: ResultBuilder | None = None,
        adapters: Adapter | Sequence[Adapter] = (),
        allow_module_overrides: bool = False,
    ) -> None:
        given = tuple(adapters) if isinstance(adapters, (list, tuple)) else (adapters,)
        if result_builder is not None:
            given = (*given, result_builder)
        builder = Builder(overriding=allow_module_overrides).with_modules(*modules).with_config(config or {})
        self._hold(builder.with_adapters(*given).parts())

    @classmethod
    def over(cls, parts: Parts) -> Self:
        """A driver of parts that are there already."""
        made = cls.__new__(cls)
        made._hold(parts)  # noqa: SLF001  the other half of the constructor
        return made

    def _hold(self, parts: Parts) -> None:
        self.graph = parts.graph
        self._parts = parts
        self._driver = Driver.over(parts)

    async def ainit(self) -> Self:
        """The driver itself: it needs nothing to be awaited."""
        return self

    def __await__(self) -> Generator[Any, None, Self]:
        return self.ainit().__await__()

    # -- running ---------------------------------------------------------------------------------------------------

    async def execute(
        self, outputs: Sequence[Output], inputs: Inputs = None, overrides: Inputs = None, **options: Unpack[RunOptions]
    ) -> Any:
        """Computes outputs by name; see `Driver.execute`.

        Raises:
            asyncio.CancelledError: the task was cancelled, and what the run had started has ended.
            BaseException: what `Driver.execute` raises.
        """
        asked, result_of = (outputs, inputs, overrides), self._driver.result_of
        return await _carried(lambda watch: result_of(self._done(asked, options, watch).results))

    async def run(
        self, outputs: Sequence[Output], inputs: Inputs = None, overrides: Inputs = None, **options: Unpack[RunOptions]
    ) -> RunResult:
        """The same as `execute`, with failures and a report of the run beside the results; these are always a dict."""
        return await _carried(lambda watch: self._done((outputs, inputs, overrides), options, watch))

    def _done(self, asked: tuple[Sequence[Output], Inputs, Inputs], options: Mapping[str, Any], watch: Watch) -> RunResult:
        outputs, inputs, overrides = asked
        try:
            return self._driver.carried_out((outputs, inputs or {}, overrides or {}), options, watch)
        except Exception as error:
            raise trimmed(error)  # noqa: B904

    async def materialize(
        self,
        *materializers: Declaration,
        additional_vars: Sequence[Output] = (),
        inputs: Inputs = None,
        overrides: Inputs = None,
        **options: Unpack[RunOptions],
    ) -> tuple[dict[str, Any], Any]:
        """Loads and saves what is declared with ``from_.…`` and ``to.…``, for this run only; see `Driver.materialize`."""
        asked = additional_vars, inputs or {}, overrides or {}
        return await _carried(lambda watch: self._driver.materialized(materializers, asked, options, watch))

    def validate_execution(self, outputs: Sequence[Output], inputs: Inputs = None, overrides: Inputs = None) -> None:
        """Raises what `execute` would raise before its first task; runs nothing."""
        self._driver.validate_execution(outputs, inputs, overrides)

    def validate_materialization(
        self,
        *materializers: Declaration,
        additional_vars: Sequence[Output] = (),
        inputs: Inputs = None,
        overrides: Inputs = None,
    ) -> None:
        """Raises what `materialize` would raise before its first task; runs nothing."""
        self._driver.validate_materialization(
            *materializers, additional_vars=additional_vars, inputs=inputs, overrides=overrides
        )

    # -- the end ---------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Ends the workers that this driver started. A later `execute` starts them anew."""
        self._driver.close()

    async def aclose(self) -> None:
        """The same, without holding up the loop."""
        await asyncio.to_thread(self.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.aclose()


@dataclass(frozen=True, repr=False)
class Builder(Gathering):
    """Gathers what an `AsyncDriver` is made of. Immutable: each method returns a new builder; see `anabranch.Builder`.

    Unless another executor is chosen it is ``asyncio``, with up to `workers` functions in flight at the same time.

    Example::

        driver = async_driver.Builder().with_modules(pages).with_executor("asyncio", workers=20).build()
    """

    executor: str | Executor | concurrent.futures.Executor = "asyncio"

    def build(self) -> AsyncDriver:
        """Builds the graph and the driver. It may be awaited, and need not.

        Raises:
            FlowError: the functions do not make a dataflow, or a `StaticValidator` refuses it.
            ExecutorError: the executor is unknown or not installed.
        """
        return AsyncDriver.over(self.parts())

    build_without_init = build


async def _carried(work: Callable[[Watch], T]) -> T:
    """What `work` gives, which is done in a thread of its own, with the coroutines that it needs on this loop."""
    loop = asyncio.get_running_loop()
    over: asyncio.Future[T] = loop.create_future()
    watch = Watch()

    def main() -> None:
        result, error = None, None
        try:
            with at(loop):
                result = work(watch)
        except BaseException as raised:
            error = raised
        with suppress(RuntimeError):  # the loop was closed under us
            loop.call_soon_threadsafe(_settle, over, result, error)

    context = contextvars.copy_context()
    Thread(target=context.run, args=(main,), name="anabranch run", daemon=True).start()
    try:
        return await asyncio.shield(over)
    except asyncio.CancelledError:
        watch.cancel()
        await _ended(over)
        raise


async def _ended(over: asyncio.Future[Any]) -> None:
    """Waits for the end, however often that is cancelled, too: what was started is not to outlive who waits for it."""
    while not over.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([over])
    over.exception()


def _settle(over: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if error is not None:
        over.set_exception(error)
    else:
        over.set_result(result)
