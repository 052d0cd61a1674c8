"""The contract end to end: small flows, run by a driver, give what the reference semantics says on this executor."""

from __future__ import annotations

import contextvars
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

import pytest

from anabranch.driver import Builder, Driver
from anabranch.errors import TransferError
from anabranch.graph import module_from_functions
from anabranch.markers import Collect, Parallelizable, PerItem, Skip, Stream, associative, cross, zipped
from anabranch.testing.calls import PATIENCE
from anabranch.testing.oracle import interpret
from anabranch.testing.seam_contract import SeamContract

__all__ = ["FlowContract", "double", "number", "total"]


def number(limit: int) -> Parallelizable[int]:
    """The numbers below the limit."""
    yield from range(limit)


def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


def total(double: Collect[int]) -> int:
    """Their sum."""
    return sum(double)


class FlowContract(SeamContract):
    """The semantics of `docs/design.md` §3, on this executor."""

    def driver(self, *functions: Callable[..., Any], config: Mapping[str, Any] | None = None) -> Driver:
        """A driver of these functions on the executor."""
        module = module_from_functions(*functions)
        return Builder().with_modules(module).with_config(config or {}).with_executor(self.executor).build()

    def check(self, functions: Sequence[Any], gives: dict[str, Any], **inputs: Any) -> None:
        """Runs functions, and the oracle too; what `gives` names is asked for."""
        self.check_overridden(functions, {}, gives, **inputs)

    def check_overridden(
        self, functions: Sequence[Any], overrides: dict[str, Any], gives: dict[str, Any], **inputs: Any
    ) -> None:
        """The same with overrides."""
        driver = self.driver(*functions)
        assert interpret(driver.graph, list(gives), inputs, overrides) == gives
        assert driver.execute(list(gives), inputs, overrides) == gives

    # -- shapes ----------------------------------------------------------------------------------------------------

    def test_static_chain_and_diamond(self) -> None:
        def left(x: int) -> int:
            return x + 1

        def right(x: int) -> int:
            return x * 2

        def joined(left: int, right: int) -> tuple[int, int]:
            return left, right

        self.check([left, right, joined], {"joined": (4, 6)}, x=3)

    def test_flat_fan_out(self) -> None:
        self.check([number, double, total], {"total": 9900}, limit=100)

    def test_empty_fan_out(self) -> None:
        self.check([number, double, total], {"total": 0, "double": []}, limit=0)

    def test_nested_three_deep(self) -> None:
        def a(n: int) -> Parallelizable[int]:
            return range(n)

        def b(a: int) -> Parallelizable[tuple[int, int]]:
            return [(a, i) for i in range(a)]

        def c(b: tuple[int, int], n: int) -> Parallelizable[tuple[int, int, int]]:
            return ((*b, i) for i in range(n - b[1] - 1))

        def text(c: tuple[int, int, int]) -> str:
            return "".join(map(str, c))

        def row(text: Collect[str]) -> str:
            return "-".join(text)

        def table(row: Collect[str], a: int) -> str:
            return f"{a}:{'|'.join(row)}"

        def book(table: Collect[str]) -> str:
            return " ".join(table)

        def everything(text: Collect[Collect[Collect[str]]]) -> list[list[list[str]]]:
            return text

        expected = "0: 1:100-101 2:200-201|210"
        nested = [[], [["100", "101"]], [["200", "201"], ["210"]]]
        self.check([a, b, c, text, row, table, book, everything], {"book": expected, "everything": nested, "text": nested}, n=3)

    def test_several_collects_and_an_aggregate_fed_back(self) -> None:
        def mean(double: Collect[int]) -> float:
            return sum(double) / len(double)

        def above(double: int, mean: float) -> bool:
            return double > mean

        def count_above(above: Collect[bool]) -> int:
            return sum(above)

        def largest(number: Collect[int], double: Collect[int]) -> tuple[int, int]:
            return max(number), max(double)

        functions = [number, double, mean, above, count_above, largest, total]
        self.check(functions, {"count_above": 5, "largest": (9, 18), "total": 90, "above": [False] * 5 + [True] * 5}, limit=10)

    def test_collected_and_expanded_again(self) -> None:
        def again(double: Collect[int]) -> Parallelizable[int]:
            return double[::-1]

        def shown(again: int, limit: int) -> str:
            return f"{again}/{limit}"

        def direct(again: Collect[int]) -> list[int]:
            return again

        self.check([number, double, again, shown, direct], {"shown": ["4/3", "2/3", "0/3"], "direct": [4, 2, 0]}, limit=3)

    def test_cross(self) -> None:
        def letter() -> Parallelizable[str]:
            return ("a", "b", "c")

        @cross
        def cell(double: int, letter: str) -> str:
            return f"{letter}{double}"

        def line(cell: Collect[str]) -> str:
            return "".join(cell)

        self.check([number, double, letter, cell, line], {"line": ["a0b0c0", "a2b2c2"]}, limit=2)

    def test_zip(self) -> None:
        def letter() -> Parallelizable[str]:
            return iter("abc")

        @zipped
        def cell(double: int, letter: str) -> str:
            return f"{letter}{double}"

        self.check([number, double, letter, cell], {"cell": ["a0", "b2", "c4"]}, limit=3)

    def test_streams_come_in_order(self) -> None:
        def written(double: Stream[int], number: Stream[int]) -> list[tuple[int, int]]:
            return list(zip(double, number, strict=True))

        self.check([number, double, written], {"written": [(2 * n, n) for n in range(50)]}, limit=50)

    def test_a_stream_of_collected_rows(self) -> None:
        def cell(number: int) -> Parallelizable[int]:
            return range(number)

        def scaled(cell: int) -> int:
            return 10 * cell

        def rows(scaled: Stream[Collect[int]]) -> list[int]:
            return [len(row) for row in scaled]

        self.check([number, cell, scaled, rows], {"rows": [0, 1, 2, 3]}, limit=4)

    def test_an_endless_expander_ends_with_its_reader(self) -> None:
        def natural() -> Parallelizable[int]:
            yield from count()

        def square(natural: int) -> int:
            return natural * natural

        def first_above(square: Stream[int], limit: int) -> int:
            return next(value for value in square if value > limit)

        assert self.driver(natural, square, first_above).execute(["first_above"], {"limit": 500}) == {"first_above": 529}

    def test_associative_collectors_keep_order(self) -> None:
        def word(number: int) -> str:
            return f"{number}."

        @associative
        def sentence(word: Collect[str]) -> str:
            return "".join(word)

        self.check([number, word, sentence], {"sentence": "".join(f"{n}." for n in range(300))}, limit=300)
        self.check([number, word, sentence], {"sentence": ""}, limit=0)

    def test_skipped_items_are_left_out(self) -> None:
        def odd(number: int) -> int:
            if number % 2 == 0:
                raise Skip
            return number

        def tenfold(odd: int) -> int:
            return 10 * odd

        def rest(tenfold: Collect[int], number: Collect[int]) -> tuple[list[int], int]:
            return tenfold, len(number)

        @associative
        def sum_of(odd: Collect[int]) -> int:
            return sum(odd)

        self.check([number, odd, tenfold, rest, sum_of], {"rest": ([10, 30], 5), "sum_of": 4, "odd": [1, 3]}, limit=5)

    def test_optional_parameters(self) -> None:
        def shown(number: int, *, width: int = 3, fill: str = "0") -> str:
            return str(number).rjust(width, fill)

        self.check([number, shown], {"shown": ["000", "001"]}, limit=2)
        self.check([number, shown], {"shown": ["**0", "**1"]}, limit=2, fill="*")

    def test_config_values(self) -> None:
        def scaled(number: int, factor: int) -> int:
            return factor * number

        driver = self.driver(number, scaled, config={"factor": 7})
        assert driver.execute(["scaled", "factor"], {"limit": 3}) == {"scaled": [0, 7, 14], "factor": 7}

    def test_functions_that_return_none(self) -> None:
        def nothing(limit: int) -> None:
            return None

        def nothing_each(number: int) -> None:
            return None

        self.check([number, nothing, nothing_each], {"nothing": None}, limit=3)
        self.check([number, nothing, nothing_each], {"nothing_each": [None, None, None]}, limit=3)

    # -- overrides -------------------------------------------------------------------------------------------------

    def test_overrides(self) -> None:
        functions = [number, double, total]
        self.check_overridden(functions, {"double": 5}, {"total": 20, "double": [5] * 4}, limit=4)
        self.check_overridden(functions, {"double": PerItem([1, 2, 4])}, {"total": 7, "double": [1, 2, 4]})
        self.check_overridden(functions, {"number": [3, 4]}, {"total": 14})
        self.check_overridden(functions, {"total": 1}, {"total": 1})

    def test_overrides_of_nested_fan_outs(self) -> None:
        def part(number: int) -> Parallelizable[int]:
            return range(number)

        def shown(part: int, number: int) -> str:
            return f"{number}.{part}"

        functions = [number, part, shown]
        each = PerItem([[7], [], [8, 9]])
        self.check_overridden(functions, {"part": each}, {"shown": [["0.7"], [], ["2.8", "2.9"]]}, limit=3)
        self.check_overridden(functions, {"part": [5]}, {"shown": [["0.5"], ["1.5"]]}, limit=2)
        self.check_overridden(functions, {"shown": PerItem([["a"], ["b", "c"]])}, {"shown": [["a"], ["b", "c"]]})

    # -- values and functions --------------------------------------------------------------------------------------

    def test_large_values(self) -> None:
        def block(number: int, size: int) -> bytes:
            return bytes([number]) * size

        def longer(block: bytes) -> bytes:
            return block + b"."

        def lengths(longer: Collect[bytes]) -> list[tuple[int, int]]:
            return [(data[0], len(data)) for data in longer]

        size = 5 << 20
        functions = [number, block, longer, lengths]
        self.check(functions, {"lengths": [(0, size + 1), (1, size + 1)]}, limit=2, size=size)
        data = os.urandom(size)

        def echo(data: bytes, number: int) -> bytes:
            return data[number:]

        self.check([number, echo], {"echo": [data, data[1:]]}, limit=2, data=data)

    def test_functions_of_a_script(self) -> None:
        script: dict[str, Any] = {"__name__": "__main__", "__builtins__": __builtins__, "Parallelizable": Parallelizable}
        source = (
            "square = lambda x: x * x\n"
            "OFFSET = 1\n"
            "class Point:\n    def __init__(self, x): self.x = x\n"
            "def _again(n): return 1 if n < 2 else n * _again(n - 1)\n"
            "def item() -> Parallelizable[int]:\n    yield from (1, 2, 3)\n"
            "def point(item: int) -> Point: return Point(square(item) + OFFSET)\n"
            "def value(point: Point) -> int: return _again(point.x)\n"
        )
        exec(source, script)  # as a script would define them
        driver = self.driver(script["item"], script["point"], script["value"])
        assert driver.execute(["value"]) == {"value": [2, 120, 3628800]}

    def test_closures(self) -> None:
        factor = [3]
        scale: Callable[[int], int] = lambda x: factor[0] * x

        def scaled(number: int) -> int:
            return scale(number)

        self.check([number, scaled], {"scaled": [0, 3, 6]}, limit=3)

    def test_the_callers_context_is_seen_where_memory_is_shared(self) -> None:
        self.needs("shares_memory")
        setting = contextvars.ContextVar("setting", default="nothing")

        def seen(number: int) -> str:
            return setting.get()

        token = setting.set("mine")
        try:
            self.check([number, seen], {"seen": ["mine"] * 5}, limit=5)
        finally:
            setting.reset(token)

    # -- failures --------------------------------------------------------------------------------------------------

    def test_a_users_exception_names_function_item_and_worker(self) -> None:
        def fragile(number: int) -> float:
            return 1 / (number - 3)

        def shown(fragile: Collect[float]) -> str:
            return str(fragile)

        driver = self.driver(number, fragile, shown)
        with pytest.raises(ZeroDivisionError) as caught:
            driver.execute(["shown"], {"limit": 6})
        (note,) = caught.value.__notes__
        assert "'fragile'" in note
        assert "item number[3]" in note
        assert " on " in note, "the worker is named"
        assert caught.traceback[-1].name == "fragile"
        assert driver.execute(["shown"], {"limit": 2})["shown"] == str([1 / -3, 1 / -2])

    def test_causes_come_along(self) -> None:
        class OddError(Exception):
            def __init__(self, value: int) -> None:
                super().__init__(f"odd: {value}")
                self.value = value

            def __reduce__(self) -> Any:
                return type(self), (self.value,)

        def refused(number: int) -> int:
            try:
                return {0: 0}[number]
            except KeyError as error:
                raise OddError(number) from error

        with pytest.raises(Exception, match="odd: 1") as caught:
            self.driver(number, refused).execute(["refused"], {"limit": 2})
        assert type(caught.value).__name__ == "OddError"
        assert isinstance(caught.value.__cause__, KeyError)

    def test_an_exception_that_does_not_pickle_is_told(self) -> None:
        class LockedError(Exception):
            def __init__(self) -> None:
                super().__init__("it is locked")
                self.lock = threading.Lock()

        def locked(number: int) -> int:
            raise LockedError

        with pytest.raises(Exception, match="it is locked") as caught:
            self.driver(number, locked).execute(["locked"], {"limit": 2})
        assert any("'locked'" in note for note in caught.value.__notes__)

    def test_an_expander_that_fails_half_way_fails_the_run(self) -> None:
        def broken(limit: int) -> Parallelizable[int]:
            yield from range(limit)
            raise LookupError("no more")

        def shown(broken: int) -> int:
            return broken

        with pytest.raises(LookupError, match="no more"):
            self.driver(broken, shown).execute(["shown"], {"limit": 5})

    def test_what_does_not_pickle_is_named(self) -> None:
        self.needs("shares_memory", to_be=False)

        def opened(number: int) -> Any:
            return threading.Lock()

        def later(opened: Collect[Any]) -> int:
            return len(opened)

        with pytest.raises(TransferError, match="opened"):
            self.driver(number, opened, later).execute(["later", "opened"], {"limit": 20})

        def asked(number: int, lock: Any) -> bool:
            return bool(lock)

        with pytest.raises(TransferError, match="asked"):
            self.driver(number, asked).execute(["asked"], {"limit": 20, "lock": threading.Lock()})

    # -- many at once ----------------------------------------------------------------------------------------------

    def test_one_driver_is_used_by_many_threads_at_once(self) -> None:
        def use(limit: int) -> None:
            found[limit] = driver.execute(["total"], {"limit": limit})["total"]

        found: dict[int, int] = {}
        driver = self.driver(number, double, total)
        users = [threading.Thread(target=use, args=(limit,)) for limit in range(20)]
        for user in users:
            user.start()
        for user in users:
            user.join(PATIENCE)
        assert found == {limit: limit * (limit - 1) for limit in range(20)}

    def test_a_driver_gives_the_same_again(self) -> None:
        driver = self.driver(number, double, total)
        assert [driver.execute(["total", "double"], {"limit": 9})["total"] for _ in range(5)] == [72] * 5
