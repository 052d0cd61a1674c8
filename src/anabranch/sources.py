"""The items of an expander, and a few of them in advance.

Theory: nobody knows where a generator ends before it has ended, and at the end spans should be short, or some workers wait for
others. So the run may ask to have some items brought near, which gives nobody anything to do, but says how many are left once
the end is among them. What the expander raises meanwhile is raised when its turn comes, after the items before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from anabranch.runtime import close

__all__ = ["Source"]


class Source:
    """The items that an iterator gives."""

    __slots__ = ("_error", "_has_ended", "_items", "_near")

    def __init__(self, items: Iterator[Any]) -> None:
        self._items = items
        self._near: list[Any] = []
        self._has_ended = False
        self._error: BaseException | None = None

    @property
    def left(self) -> int | None:
        """How many items there are still to be taken, once that is known."""
        return len(self._near) if self._has_ended and self._error is None else None

    @property
    def near(self) -> int:
        """How many items have been brought near."""
        return len(self._near)

    @property
    def last(self) -> Any:
        """The last item that has been brought near; None if there is none."""
        return self._near[-1] if self._near else None

    def take(self, count: int) -> tuple[list[Any], bool]:
        """The next items, up to `count`, and whether these are all that are left.

        Raises:
            Exception: what the expander raises.
        """
        if not self._near and not self._has_ended:
            items = list(islice(self._items, count))
            return items, len(items) < count
        self.look(count)
        items, self._near = self._near[:count], self._near[count:]
        if not items and self._error is not None:
            raise self._error
        return items, self.left == 0

    def look(self, count: int) -> None:
        """Brings so many items near, or all that are left."""
        missing = count - len(self._near)
        if missing <= 0 or self._has_ended:
            return
        try:
            self._near += islice(self._items, missing)
        except (Exception, SystemExit) as error:
            self._has_ended, self._error = True, error
        else:
            self._has_ended = len(self._near) < count

    def close(self) -> None:
        """Ends the expander, if it has not ended.

        Raises:
            Exception: what the expander raises.
        """
        close(self._items)
