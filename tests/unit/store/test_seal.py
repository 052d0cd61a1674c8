"""The key is the user's alone, and there is only one."""

import os
import stat
import subprocess
import sys

import pytest

from anabranch.errors import StoreError
from anabranch.store import places
from anabranch.store.seal import Seal, own_key


def test_a_key_is_made_once_and_for_the_user_alone(tmp_path):
    key = own_key(tmp_path / "deep" / "folder")
    assert len(key) == 32
    assert own_key(tmp_path / "deep" / "folder") == key
    path = tmp_path / "deep" / "folder" / "key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert os.listdir(path.parent) == ["key"]


def test_all_that_start_at_once_get_one_key(tmp_path):
    code = "import sys, pathlib; from anabranch.store.seal import own_key; print(own_key(pathlib.Path(sys.argv[1])).hex())"
    running = [subprocess.Popen([sys.executable, "-c", code, tmp_path / "new"], stdout=subprocess.PIPE) for _ in range(6)]
    assert len({process.communicate()[0] for process in running}) == 1


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660])
def test_a_key_that_others_could_read_is_not_used(tmp_path, mode):
    own_key(tmp_path)
    (tmp_path / "key").chmod(mode)
    with pytest.raises(StoreError, match="could have been read.*mode 600"):
        own_key(tmp_path)


def test_a_damaged_key(tmp_path):
    own_key(tmp_path)
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(StoreError, match="5 bytes, not 32"):
        own_key(tmp_path)


def test_a_place_where_no_key_can_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be read|no key can be made"):
        own_key(tmp_path / "file")


def test_places_follow_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", "not/absolute")
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert places.config_home() == tmp_path / "anabranch"
    assert str(places.state_home()) == "/home/someone/.local/state/anabranch"
    assert str(places.cache_home()) == "/home/someone/.cache/anabranch"


def test_seals_tell_keys_and_data_apart():
    one, other = Seal(b"1" * 32), Seal(b"2" * 32)
    assert one.holds(b"data", one.of(b"data"))
    assert not one.holds(b"data", other.of(b"data"))
    assert not one.holds(b"dat", one.of(b"data"))
    assert not one.holds(b"data", one.of(b"data")[:-1])
