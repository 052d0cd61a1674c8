"""What is to go warns first, then fails, and says what to do."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.usefixtures("hamilton")


def better() -> int:
    return 2


@pytest.mark.parametrize(("version", "warned"), [((0, 4, 9), False), ((0, 5, 0), True), ((0, 9, 9, "rc1"), True)])
def test_it_warns_in_time(version, warned):
    from hamilton.dev_utils.deprecation import deprecated

    said = []

    @deprecated((0, 5, 0), (1, 0, 0), better, "there is better", None, version, said.append)
    def old() -> int:
        return 1

    assert old() == 1
    assert bool(said) is warned
    assert all("'better'" in text and "1.0.0" in text for text in said)


def test_it_fails_when_it_is_gone_classes_too():
    from hamilton.dev_utils.deprecation import DeprecationError, deprecated

    @deprecated((0, 5, 0), (1, 0, 0), None, "nobody used it", "the guide", (1, 0, 0))
    class Old: ...

    with pytest.raises(DeprecationError, match=r"Old' is gone: nobody used it; see the guide"):
        Old()


def test_what_makes_no_sense_is_refused():
    from hamilton.dev_utils.deprecation import Version, deprecated

    with pytest.raises(ValueError, match="let it warn first"):
        deprecated((1, 0, 0), (0, 5, 0), better, "x", None)
    with pytest.raises(ValueError, match="use_this"):
        deprecated((0, 5, 0), (1, 0, 0), None, "x", None)
    assert Version(1, 9, 0) < Version(2, 0, 0) == Version.from_version_tuple((2, 0, 0, "rc1"))
