"""The cache: results of functions by what they were computed from.

    key = version of the code + versions of the arguments ──▶ entry = version of the result + where its value is

    local ──▶ index (SQLite), blobs (files), claims (locks)        remote ──▶ packs as objects of an object store
       └────▶ pack, seal, formats ◀────────────────────────────────────┘

A store never says what must run; that is the rebuilder's. See `docs/durable.md`.
"""

from anabranch.store.entry import Behaviour, Entry, Missing, Recipe, Wishes
from anabranch.store.formats import Format, format_of, register_format
from anabranch.store.opening import Store, open_store
from anabranch.store.settings import Settings

__all__ = [
    "Behaviour",
    "Entry",
    "Format",
    "Missing",
    "Recipe",
    "Settings",
    "Store",
    "Wishes",
    "format_of",
    "open_store",
    "register_format",
]
