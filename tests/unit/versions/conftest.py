"""Modules made of text, imported as a user's."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def make(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ModuleType]]:
    """``make(flow=text, helpers=text)`` imports the first of some fresh modules from a new folder, by dotted names."""
    made: set[str] = set()

    def imported(**texts: str) -> ModuleType:
        folder = Path(tmp_path_factory.mktemp("flow"))
        for name, text in texts.items():
            path = folder.joinpath(*name.split(".")).with_suffix(".py")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        monkeypatch.syspath_prepend(str(folder))
        made.update(name.removesuffix(".__init__") for name in texts)
        for name in made:
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        return importlib.import_module(next(iter(texts)))

    yield imported
    for name in made:
        sys.modules.pop(name, None)
