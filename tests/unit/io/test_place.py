"""Places: this machine and URLs, and writing that is all or nothing, whatever ends the writer."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import fsspec
import pytest

from anabranch import InputError
from anabranch.io import Place


@pytest.mark.parametrize(
    ("given", "path", "scheme"),
    [
        ("a/b.csv", "a/b.csv", ""),
        (Path("a/b.csv"), "a/b.csv", ""),
        ("file:///a/b.csv", "/a/b.csv", ""),
        ("local://a/b.csv", "a/b.csv", ""),
        ("memory://a/b.csv", "memory://a/b.csv", "memory"),
        ("s3://bucket/a.csv", "s3://bucket/a.csv", "s3"),
        ("zip://a.csv::file:///b.zip", "zip://a.csv::file:///b.zip", "zip"),
        ("a:b.csv", "a:b.csv", ""),
        ("C:/a.csv", "C:/a.csv", ""),
    ],
    ids=str,
)
def test_places(given: Any, path: str, scheme: str):
    place = Place.of(given)
    assert (place.path, place.scheme) == (path, scheme)


def test_home(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", "/somebody")
    assert Place.of("~/a.csv").path == "/somebody/a.csv"


def test_names():
    assert Place.of("memory://a/b.csv.gz").name == "b.csv.gz"
    assert Place.of("memory://a/b.csv.gz").compression == "gzip"
    assert Place.of("a/b.csv").compression is None


@pytest.mark.parametrize(("given", "message"), [(3, "not int"), (b"a", "not bytes"), ("", "a path is empty"), (None, "not NoneType")])
def test_no_places(given: Any, message: str):
    with pytest.raises(InputError, match=message):
        Place.of(given)


def drafts(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if ".draft" in path.name]


class TestHere:
    def test_writes_and_reads(self, tmp_path: Path):
        place = Place.of(tmp_path / "new" / "folder" / "a.bin")
        assert not place.exists()
        place.write(b"one")
        assert place.exists() and place.read() == b"one"
        place.write(b"two")
        assert place.read() == b"two"
        assert place.about()["size"] == 3
        assert os.listdir(tmp_path / "new" / "folder") == ["a.bin"]

    def test_the_draft_is_hidden_and_found_by_no_pattern(self, tmp_path: Path):
        with Place.of(tmp_path / "a.csv.gz").writing() as draft:
            assert os.path.dirname(draft) == str(tmp_path)
            assert os.path.basename(draft).startswith(".a.csv.gz.") and draft.endswith(".draft")
        for name in ("x" * 250, "ä" * 120 + ".csv"):
            with Place.of(tmp_path / name).writing() as draft:
                assert len(os.path.basename(draft).encode()) < 255

    @pytest.mark.parametrize("append", [False, True])
    def test_a_path_with_the_suffixes(self, append: bool, tmp_path: Path):
        place = Place.of(tmp_path / "a.csv.gz")
        place.write(b"old")
        with place.writing(append=append, by_suffix=True) as path:
            assert os.path.basename(path) == "a.csv.gz" and os.path.dirname(path) != str(tmp_path)
            with open(path, "ab") as file:
                file.write(b"new")
        assert place.read() == (b"oldnew" if append else b"new")
        assert not os.path.exists(path)
        with pytest.raises(ZeroDivisionError), place.writing(by_suffix=True):
            raise ZeroDivisionError
        assert drafts(tmp_path) == []

    def test_a_failure_leaves_what_was_there(self, tmp_path: Path):
        place = Place.of(tmp_path / "a.txt")
        place.write(b"old")
        with pytest.raises(KeyboardInterrupt), place.writing() as draft:
            Path(draft).write_bytes(b"half of the n")
            raise KeyboardInterrupt
        assert place.read() == b"old"
        assert drafts(tmp_path) == []

    def test_append(self, tmp_path: Path):
        place = Place.of(tmp_path / "a.txt")
        for text in (b"one", b"two"):
            with place.writing(append=True) as draft, open(draft, "ab") as file:
                file.write(text)
        assert place.read() == b"onetwo"

    def test_modes(self, tmp_path: Path):
        place = Place.of(tmp_path / "a.txt")
        old = os.umask(0o027)
        try:
            place.write(b"x")
        finally:
            os.umask(old)
        assert stat.S_IMODE(os.stat(place.path).st_mode) == 0o640
        os.chmod(place.path, 0o604)
        place.write(b"y")
        assert stat.S_IMODE(os.stat(place.path).st_mode) == 0o604

    def test_a_link_stays(self, tmp_path: Path):
        (tmp_path / "real").mkdir()
        (tmp_path / "link.txt").symlink_to(tmp_path / "real" / "a.txt")
        Place.of(tmp_path / "link.txt").write(b"x")
        assert (tmp_path / "link.txt").is_symlink()
        assert (tmp_path / "real" / "a.txt").read_bytes() == b"x"

    def test_what_is_no_file(self, tmp_path: Path):
        with pytest.raises(InputError, match="is a folder; name a file to write"):
            Place.of(tmp_path).write(b"")
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(InputError, match="is no regular file"):
            Place.of(tmp_path / "pipe").write(b"")

    def test_a_kill_in_the_middle(self, tmp_path: Path):
        """The child says when it is in the middle of a write, and is killed there."""
        target = tmp_path / "a.bin"
        target.write_bytes(b"old" * 1000)
        code = (
            "import sys\nfrom anabranch.io import Place\n"
            "with Place.of(sys.argv[1]).writing() as draft, open(draft, 'wb', buffering=0) as file:\n"
            "    file.write(b'new' * 500)\n    print('half', flush=True)\n    sys.stdin.read()\n    file.write(b'new' * 500)\n"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code, target], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "half\n"
            assert target.read_bytes() == b"old" * 1000
            child.send_signal(signal.SIGKILL)
        assert child.returncode == -signal.SIGKILL
        assert target.read_bytes() == b"old" * 1000
        assert len(drafts(tmp_path)) == 1
        Place.of(target).write(b"new")
        assert target.read_bytes() == b"new"


class TestElsewhere:
    def test_writes_and_reads(self):
        place = Place.of("memory://test_place/folder/a.txt")
        place.write(b"one")
        assert place.exists() and place.read() == b"one"
        assert place.about()["size"] == 3
        assert place.about()["last_modified"] > 1_700_000_000
        with place.writing(append=True) as draft, open(draft, "ab") as file:
            file.write(b"two")
        assert place.read() == b"onetwo"
        with pytest.raises(ZeroDivisionError), place.writing():
            raise ZeroDivisionError
        assert place.read() == b"onetwo"

    def test_a_file_system_with_options_and_renames(self, tmp_path: Path):
        """`dir` over files stands for what is no object store: the draft is sent beside the target and renamed."""
        place = Place.of("dir://sub/a.txt", {"path": str(tmp_path), "target_protocol": "file", "target_options": {"auto_mkdir": True}})
        assert place.scheme == "dir"
        place.write(b"one")
        place.write(b"two")
        assert (tmp_path / "sub" / "a.txt").read_bytes() == b"two"
        assert drafts(tmp_path) == []

    def test_a_file_system_that_fails(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        place = Place.of("dir://a.txt", {"path": str(tmp_path), "target_protocol": "file"})
        place.write(b"old")
        kind = fsspec.get_filesystem_class("dir")
        monkeypatch.setattr(kind, "mv", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            place.write(b"new")
        assert place.read() == b"old"
        assert drafts(tmp_path) == []

    def test_a_scheme_that_is_unknown(self):
        with pytest.raises(ValueError, match="Protocol not known"):
            Place.of("nosuch://a").exists()

    def test_fsspec_is_missing(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setitem(sys.modules, "fsspec.core", None)
        with pytest.raises(InputError, match="'memory://a' needs fsspec.core, .* pip install 'fsspec'"):
            Place.of("memory://a").exists()
