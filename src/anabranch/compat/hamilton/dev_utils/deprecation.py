"""A decorator for what is to go: from one version on it warns, from another on it fails."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

from anabranch.compat.hamilton.version import VERSION
from anabranch.errors import FlowError

__all__ = ["DeprecationError", "Version", "deprecated"]


class Version(NamedTuple):
    """A version's first three numbers; versions are compared as tuples are."""

    major: int
    minor: int
    patch: int

    @classmethod
    def from_version_tuple(cls, version_tuple: Sequence[Any]) -> Self:
        """The version of a tuple, of which only the first three parts count."""
        return cls(*version_tuple[:3])


class DeprecationError(Exception):
    """What is called is gone."""


class deprecated:  # noqa: N801  Hamilton's name
    """Decorates a function or class that is to go.

    Args:
        warn_starting: the version from which on each call warns.
        fail_starting: the version from which on each call fails.
        use_this: what to use instead; None if there is nothing that could simply be put in its place.
        explanation: why it goes.
        migration_guide: where it says what to do; without `use_this` there must be one.
        current_version: the version that counts; by default the installed one.
        warn_action: is given the warning; by default it is logged.

    Raises:
        ValueError: it would fail before it warns, or nothing says what to do.
    """

    def __init__(  # noqa: PLR0917  Hamilton's signature
        self,
        warn_starting: Sequence[Any],
        fail_starting: Sequence[Any],
        use_this: Callable[..., Any] | None,
        explanation: str,
        migration_guide: str | None,
        current_version: Sequence[Any] = VERSION,
        warn_action: Callable[[str], Any] | None = None,
    ) -> None:
        self.warns, self.fails, self.current = map(Version.from_version_tuple, (warn_starting, fail_starting, current_version))
        if self.warns > self.fails:
            raise FlowError(f"it would fail from {self.fails} on and warn from {self.warns} on; let it warn first")
        if use_this is None and migration_guide is None:
            raise FlowError("say what to use instead, or where there is a guide: use_this=… or migration_guide=…")
        self.use_this = use_this
        self.explanation = explanation
        self.migration_guide = migration_guide
        self.warn_action = warn_action or logging.getLogger("anabranch").warning

    def __call__(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """The same, which looks at the version when it is called."""

        @functools.wraps(fn, updated=())
        def called(*args: Any, **kwargs: Any) -> Any:
            if self.current >= self.fails:
                raise DeprecationError(self._said(fn, "is gone"))
            if self.current >= self.warns:
                self.warn_action(self._said(fn, f"will be gone in {'.'.join(map(str, self.fails))}"))
            return fn(*args, **kwargs)

        return called

    def _said(self, fn: Callable[..., Any], what: str) -> str:
        instead = "" if self.use_this is None else f"; use '{self.use_this.__qualname__}'"
        guide = "" if self.migration_guide is None else f"; see {self.migration_guide}"
        return f"'{fn.__qualname__}' {what}: {self.explanation}{instead}{guide}"
