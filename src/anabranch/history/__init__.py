"""The history of runs: a store of what runs did, what went in and what came out, for later and for others to look at.

::

    driver ──events, results──▶ Tracker ──groups, in a thread of its own──▶ Store (SQLite, PostgreSQL, …) ──▶ page, simulate

| module | knows |
| --- | --- |
| `tables` | what is kept, as tables |
| `store` | how to write and read them: any database that SQLAlchemy knows |
| `alive` | whether the driver of a run lives |
| `summaries` | a value in figures and a few of its parts |
| `flow` | the functions of a run: code, versions, what they read |
| `tracker` | what is told of a run while it goes on |

Everything in the store is plain data; nothing is ever pickled or unpickled.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anabranch.history.store import Store, open_store
    from anabranch.history.tracker import Tracker

__all__ = ["Store", "Tracker", "open_store"]

_LAZY = {"Store": "store", "Tracker": "tracker", "open_store": "store"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'anabranch.history' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(f"anabranch.history.{_LAZY[name]}"), name)
