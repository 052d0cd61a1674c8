"""Runs a script, or a module, with the shim installed: ``python -m anabranch.compat.hamilton script.py …``, ``-m module …``."""

from __future__ import annotations

import os
import runpy
import sys

from anabranch.compat.hamilton import install

__all__ = ["main"]

USAGE = "usage: python -m anabranch.compat.hamilton (script.py | -m module) [argument …]"


def main(arguments: list[str]) -> None:
    """Runs what the arguments name as Python would run it, as ``__main__``.

    Raises:
        SystemExit: they name nothing, or what ran raised it.
    """
    if not arguments or arguments[0] in {"-h", "--help"} or (arguments[0] == "-m" and len(arguments) == 1):
        sys.exit(USAGE)
    install()
    if arguments[0] == "-m":
        sys.argv[:] = arguments[1:]
        sys.path[0] = os.getcwd()
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        return
    if not os.path.exists(arguments[0]):
        sys.exit(f"there is no file '{arguments[0]}'\n{USAGE}")
    sys.argv[:] = arguments
    sys.path[0] = os.path.dirname(os.path.abspath(arguments[0]))
    runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
