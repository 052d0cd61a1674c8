"""What the contracts have in common: which executor they are about, and that it leaves nothing behind.

A class of tests has one executor, for some are slow to start; what may break it gets another.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import pytest

from anabranch.executor import Executor, Traits
from anabranch.testing.calls import PATIENCE
from anabranch.testing.leftovers import Surroundings

__all__ = ["BaseContract"]


class BaseContract:
    """To be subclassed: says with `make_executor` what it is about."""

    owns_workers: ClassVar[bool] = True
    """Whether `close` ends the workers; not so where the user has opened them."""
    known_threads: ClassVar[tuple[str, ...]] = ()
    """Beginnings of the names of threads that a library starts once and keeps until the interpreter's exit."""

    executor: ClassVar[Executor]
    _before: ClassVar[Surroundings]

    def make_executor(self) -> Executor:
        """A new executor, with two workers or more if it can have them. To be overridden."""
        raise NotImplementedError("a contract says with make_executor what it is about")

    @classmethod
    def setup_class(cls) -> None:
        """One executor for all the tests of a class: some are slow to start."""
        cls._before = Surroundings.now()
        cls.executor = cls().make_executor()

    @classmethod
    def teardown_class(cls) -> None:
        """Ends it; nothing may be left then."""
        cls.executor.close()
        cls._check_nothing_is_left()

    @classmethod
    def _check_nothing_is_left(cls) -> None:
        if cls.owns_workers:
            left = cls._before.left_behind(PATIENCE / 3, cls.known_threads)
            assert not left, f"left behind after close: {left}"

    @property
    def traits(self) -> Traits:
        """The traits as the engine sees them: inside a lease."""
        with self.executor.lease():
            return self.executor.traits

    def needs(self, trait: str, *, to_be: bool = True) -> None:
        """Skips the test if the executor's trait is different."""
        if getattr(self.traits, trait) is not to_be:
            pytest.skip(f"{trait} is {not to_be}")

    @contextmanager
    def another(self) -> Iterator[Executor]:
        """A second executor, for what may break it."""
        executor = self.make_executor()
        try:
            yield executor
        finally:
            executor.close()
