from __future__ import annotations

import sys

import pytest

from anabranch.compat import hamilton as shim


def _loaded():
    return {name: module for name, module in sys.modules.items() if name == "hamilton" or name.startswith("hamilton.")}


@pytest.fixture
def hamilton():
    """The shim is installed, and `import hamilton` gives it; afterwards all is as it was."""
    before = _loaded()
    for name in before:
        del sys.modules[name]
    shim.install()
    try:
        yield shim
    finally:
        shim.uninstall()
        sys.modules.update(before)
