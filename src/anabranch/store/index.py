"""The index of a local store: one SQLite database, which says in which pack a key is, and holds the packs.

Theory: SQLite in WAL mode lets any number of processes read while one writes, and what was committed survives the death of any
of them. A write is one transaction for a whole group. Writers queue for a lock on a file beside the database, which the kernel
hands on at once and takes back from the dead; SQLite's own waiting, which tries again after ever longer pauses, is left for
strangers who lock the database. A commit is not forced to the disk: it survives a crash of the process and, as a rule, not a
loss of power, after which the database is whole but may lack the last seconds. A database that cannot be written can be read,
as it was when it was opened; only writing is an error then.

    recipes: name, code, parts            packs: recipe, count, size, made, used, data
    keys: first 8 bytes of a key → pack   holds: pack → blob          claims: name → keys

Eight bytes of a key find its pack; the pack has the whole key. Should two keys begin alike, the later one takes the place of
the earlier, which is then a miss. A connection belongs to the process that opened it: a forked child opens its own.

Errors of SQLite come out as `StoreError`s that say what to do. This module never looks into a pack.
"""

from __future__ import annotations

import os
import sqlite3
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from anabranch.errors import StoreError
from anabranch.store.blobs import explained
from anabranch.store.entry import Recipe
from anabranch.store.pack import KEY, Packed

try:
    import fcntl

    flock: Callable[[int, int], None] | None = fcntl.flock
except ImportError:  # Windows
    flock = None

__all__ = ["Index", "Summary"]

LAYOUT: Final = "1"
"""What the tables look like; a database with another layout is not used."""

PATIENCE: Final = 10.0
"""How many seconds a stranger may lock the database before that is an error."""

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS recipes (id INTEGER PRIMARY KEY, name TEXT, code BLOB, parts TEXT, UNIQUE (name, code));
CREATE TABLE IF NOT EXISTS packs
    (id INTEGER PRIMARY KEY, recipe INTEGER, count INTEGER, size INTEGER, made REAL, used REAL, data BLOB);
CREATE TABLE IF NOT EXISTS keys (key INTEGER PRIMARY KEY, pack INTEGER);
CREATE TABLE IF NOT EXISTS holds (pack INTEGER, blob BLOB, PRIMARY KEY (pack, blob)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS claims (name TEXT PRIMARY KEY, keys BLOB) WITHOUT ROWID;
"""
_MANY: Final = 256
_FIND: Final = f"SELECT key, pack FROM keys WHERE key IN ({','.join('?' * _MANY)})"  # noqa: S608
_FIRST: Final = struct.Struct(f">q{KEY - 8}x")


class Summary(NamedTuple):
    """What there is of one recipe: times in seconds since 1970."""

    name: str
    code: bytes
    entries: int
    size: int
    made: float
    used: float


class Index:
    """The database in a folder.

    Raises:
        StoreError: the folder cannot be made or written, or what is there is not an index.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "index.db"
        self._queue = folder / "writers.lock"
        self._lock = threading.RLock()
        self.read_only = False
        self._connection: sqlite3.Connection | None = None
        self._process = 0
        self._abandoned: list[sqlite3.Connection] = []
        with self._reading():
            pass

    def close(self) -> None:
        """Closes the connection; the next use opens another."""
        self._own()
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    # -- reading -------------------------------------------------------------------------------------------------------

    def find(self, keys: Sequence[bytes]) -> list[int | None]:
        """The pack that each of these keys may be in."""
        firsts = [first for (first,) in _FIRST.iter_unpack(b"".join(keys))]
        found: dict[int, int] = {}
        with self._reading() as connection:
            for start in range(0, len(firsts), _MANY):
                some = firsts[start : start + _MANY]
                found.update(connection.execute(_FIND, some + some[-1:] * (_MANY - len(some))))
        return [found.get(first) for first in firsts]

    def read(self, pack: int) -> tuple[bytes, float] | None:
        """A pack and when it was last used."""
        with self._reading() as connection:
            row = connection.execute("SELECT data, used FROM packs WHERE id = ?", (pack,)).fetchone()
        if row is None or not isinstance(row[0], bytes):
            return None
        return row[0], row[1] if isinstance(row[1], float) else 0.0

    def packs(self, recipe: str | None = None) -> Iterator[tuple[int, str, bytes]]:
        """Number, name of the recipe and content of every pack, or of those of one recipe's name."""
        with self._reading() as connection:
            where = ("WHERE recipes.name = ?", (recipe,)) if recipe is not None else ("", ())
            select = f"SELECT packs.id, recipes.name FROM packs LEFT JOIN recipes ON recipes.id = packs.recipe {where[0]}"  # noqa: S608
            listed = connection.execute(select, where[1]).fetchall()
        for number, name in listed:
            found = self.read(number)
            if found is not None:
                yield number, name or "", found[0]

    def summaries(self) -> list[Summary]:
        """What there is, one for each recipe, the one used last first."""
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT name, code, sum(count), sum(size), max(made), max(used) FROM packs JOIN recipes"
                " ON recipes.id = packs.recipe GROUP BY recipe ORDER BY max(used) DESC, max(made) DESC"
            )
            return [Summary(*row) for row in rows]

    def recipes(self, name: str) -> list[Recipe]:
        """The recipes of this name, the one used last first."""
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT name, code, parts FROM recipes LEFT JOIN packs ON recipes.id = packs.recipe"
                " WHERE name = ? GROUP BY recipes.id ORDER BY max(used) DESC, recipes.id DESC",
                (name,),
            )
            return [Recipe(*row) for row in rows]

    def size(self) -> int:
        """How many bytes the packs and their blobs take, as far as the index knows."""
        with self._reading() as connection:
            return int(connection.execute("SELECT coalesce(sum(size), 0) FROM packs").fetchone()[0])

    def blobs(self) -> set[bytes]:
        """The blobs that some pack refers to."""
        with self._reading() as connection:
            return {blob for (blob,) in connection.execute("SELECT DISTINCT blob FROM holds")}

    def held_by(self, packs: Iterable[int]) -> set[bytes]:
        """The blobs that these packs refer to."""
        with self._reading() as connection:
            found: set[bytes] = set()
            for pack in packs:
                found.update(blob for (blob,) in connection.execute("SELECT blob FROM holds WHERE pack = ?", (pack,)))
            return found

    # -- writing -------------------------------------------------------------------------------------------------------

    def add(self, recipe: Recipe, packs: Iterable[Packed], unclaim: str = "") -> None:
        """Stores packs, and gives up a claim, in one transaction."""
        with self._writing() as connection:
            number = self._recipe(connection, recipe)
            rows: list[tuple[int, int]] = []
            for one in packs:
                values = (number, len(one.keys), one.size, one.made, one.made, one.data)
                cursor = connection.execute(
                    "INSERT INTO packs (recipe, count, size, made, used, data) VALUES (?, ?, ?, ?, ?, ?)", values
                )
                pack = cursor.lastrowid or 0
                rows += [(first, pack) for (first,) in _FIRST.iter_unpack(b"".join(one.keys))]
                if one.blobs:
                    connection.executemany("INSERT OR IGNORE INTO holds VALUES (?, ?)", [(pack, blob) for blob in one.blobs])
            rows.sort()  # neighbours are on one page
            connection.executemany("INSERT OR REPLACE INTO keys VALUES (?, ?)", rows)
            if unclaim:
                connection.execute("DELETE FROM claims WHERE name = ?", (unclaim,))

    def touch(self, packs: Iterable[int], now: float) -> None:
        """Notes that packs were used, if that can be done without waiting."""
        with suppress(StoreError), self._writing(wait=False) as connection:
            connection.executemany("UPDATE packs SET used = ? WHERE id = ?", [(now, pack) for pack in packs])

    def drop(self, packs: Iterable[int]) -> None:
        """Deletes packs, with whatever leads to them."""
        chosen = [(pack,) for pack in packs]
        with self._writing() as connection:
            connection.executemany("DELETE FROM packs WHERE id = ?", chosen)
            connection.executemany("DELETE FROM holds WHERE pack = ?", chosen)
            connection.execute("DELETE FROM keys WHERE pack NOT IN (SELECT id FROM packs)")
            connection.execute("DELETE FROM recipes WHERE id NOT IN (SELECT recipe FROM packs)")

    def chosen(self, condition: str, values: Sequence[Any]) -> list[int]:
        """The packs for which a condition on the table's columns holds."""
        select = "SELECT packs.id FROM packs LEFT JOIN recipes ON recipes.id = packs.recipe WHERE "
        with self._reading() as connection:
            return [pack for (pack,) in connection.execute(select + condition, values)]

    def least_used(self, surplus: int) -> list[int]:
        """The packs that were not used for longest, as many as it takes to be rid of so many bytes."""
        found: list[int] = []
        with self._reading() as connection:
            for pack, size in connection.execute("SELECT id, size FROM packs ORDER BY used, id"):
                if surplus <= 0:
                    break
                found.append(pack)
                surplus -= size
        return found

    def shrink(self) -> None:
        """Gives the space of what was deleted back to the file system."""
        with self._writing() as connection:
            connection.execute("DELETE FROM keys WHERE pack NOT IN (SELECT id FROM packs)")
        with suppress(StoreError), self._reading() as connection:
            connection.execute("PRAGMA incremental_vacuum").fetchall()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    # -- claims --------------------------------------------------------------------------------------------------------

    def claim(self, name: str, keys: frozenset[bytes], is_gone: Callable[[str], bool]) -> dict[str, frozenset[bytes]]:
        """Notes that `name` is computing those of `keys` that no one else is, and returns who computes which of the others.

        `is_gone` says whether a claimant is dead; the claims of the dead are deleted.
        """
        theirs: dict[str, frozenset[bytes]] = {}
        with self._writing() as connection:
            for other, data in connection.execute("SELECT name, keys FROM claims").fetchall():
                common = keys & {data[place : place + KEY] for place in range(0, len(data), KEY)}
                if not common:
                    continue
                if is_gone(other):
                    connection.execute("DELETE FROM claims WHERE name = ?", (other,))
                else:
                    theirs[other] = common
            mine = keys.difference(*theirs.values())
            if mine:
                connection.execute("INSERT OR REPLACE INTO claims VALUES (?, ?)", (name, b"".join(mine)))
        return theirs

    def unclaim(self, name: str) -> None:
        """Deletes a claim."""
        with self._writing() as connection:
            connection.execute("DELETE FROM claims WHERE name = ?", (name,))

    def claimants(self) -> list[str]:
        """The names of all claims."""
        with self._reading() as connection:
            return [name for (name,) in connection.execute("SELECT name FROM claims")]

    # -- the connection ------------------------------------------------------------------------------------------------

    def _recipe(self, connection: sqlite3.Connection, recipe: Recipe) -> int:
        row = (recipe.name, recipe.code, recipe.parts)
        connection.execute("INSERT OR IGNORE INTO recipes (name, code, parts) VALUES (?, ?, ?)", row)
        return int(connection.execute("SELECT id FROM recipes WHERE name = ? AND code = ?", row[:2]).fetchone()[0])

    def _own(self) -> None:
        """Makes sure that lock and connection are this process's: those of a parent must be neither used nor closed."""
        if self._process != os.getpid():
            if self._connection is not None:
                self._abandoned.append(self._connection)
            self._lock, self._connection, self._process = threading.RLock(), None, os.getpid()

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None:
            return self._connection
        folder = self.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise explained(error, folder, "a cache") from error
        self.read_only = self.path.exists() and not (os.access(folder, os.W_OK) and os.access(self.path, os.W_OK))
        uri = f"{self.path.absolute().as_uri()}{'?mode=ro&immutable=1' if self.read_only else ''}"
        connection = sqlite3.connect(uri, timeout=PATIENCE, isolation_level=None, check_same_thread=False, uri=True)
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA trusted_schema = OFF")
        if self.read_only:
            return
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -32768")  # the pages that a group changes
        connection.execute("PRAGMA wal_autocheckpoint = 8192")  # most pages are changed again before they are moved
        try:
            layout = connection.execute("SELECT value FROM about WHERE name = 'layout'").fetchone()
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise
            layout = None
        if layout is None:
            with self._queued():
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
                connection.execute("PRAGMA journal_mode = WAL")
                connection.executescript(_TABLES)
                connection.execute("INSERT OR IGNORE INTO about VALUES ('layout', ?)", (LAYOUT,))
        elif layout[0] != LAYOUT:
            raise StoreError(
                f"the cache index {self.path} was made by another version of anabranch (layout {layout[0]}, not {LAYOUT}); "
                f"name another folder, or delete this one"
            )

    @contextmanager
    def _writing(self, *, wait: bool = True) -> Iterator[sqlite3.Connection]:
        """One transaction that writes."""
        with self._reading() as connection, self._queued(wait=wait):
            if self.read_only:
                raise _read_only(self.path)
            connection.execute(f"PRAGMA busy_timeout = {int(PATIENCE * 1000) if wait else 0}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            finally:
                connection.execute(f"PRAGMA busy_timeout = {int(PATIENCE * 1000)}")

    @contextmanager
    def _queued(self, *, wait: bool = True) -> Iterator[None]:
        """A place at the head of the queue of writers."""
        if flock is None or self.read_only:
            yield
            return
        try:
            file = os.open(self._queue, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise explained(error, self._queue, "a cache") from error
        try:
            with suppress(OSError) if wait else _busy(self.path):
                flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            yield
        finally:
            with suppress(OSError):
                flock(file, fcntl.LOCK_UN)
            os.close(file)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, for this thread alone; what SQLite raises is explained."""
        self._own()
        with self._lock:
            try:
                yield self._open()
            except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter comes with a damaged schema
                raise self._error(error) from error

    def _error(self, error: Exception) -> StoreError:
        said = str(error)
        if "locked" in said or "busy" in said:
            return _locked(self.path)
        if "full" in said:
            return StoreError(
                f"the cache index {self.path} cannot grow: the disk is full; free some space, or name another folder"
            )
        if "readonly" in said or "read-only" in said:
            return _read_only(self.path)
        if "unable to open" in said or "disk I/O" in said:
            return StoreError(f"the cache index {self.path} cannot be opened or read ({said}); see that its folder is yours")
        return StoreError(f"the cache index {self.path} is damaged ({said}); delete it, and the cache starts anew")


@contextmanager
def _busy(path: Path) -> Iterator[None]:
    try:
        yield
    except BlockingIOError:
        raise _locked(path) from None


def _read_only(path: Path) -> StoreError:
    return StoreError(f"the cache index {path} cannot be written: it, or its folder, is read-only; name another folder")


def _locked(path: Path) -> StoreError:
    return StoreError(
        f"the cache index {path} is locked by another program, for {PATIENCE:.0f} s now; end what has it open, "
        f"or name another folder"
    )
