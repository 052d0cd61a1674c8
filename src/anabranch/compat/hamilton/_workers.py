"""Workers install the shim before they load code that may import `hamilton`.

Theory: a function that travels by reference has its module imported where it arrives, and that module says ``import hamilton``.
So what is pickled for a worker begins with an import of `anywhere`, which installs the shim; wherever the worker is, and
however it was started, that comes first (`anabranch.transport.FIRST_IMPORTS`).
"""

from __future__ import annotations

from anabranch.transport import FIRST_IMPORTS

__all__ = ["install", "uninstall"]

MODULE = f"{__package__}.anywhere"


def install() -> None:
    """Code that is sent from now on brings the shim."""
    if MODULE not in FIRST_IMPORTS:
        FIRST_IMPORTS.append(MODULE)


def uninstall() -> None:
    """It does no more."""
    if MODULE in FIRST_IMPORTS:
        FIRST_IMPORTS.remove(MODULE)
