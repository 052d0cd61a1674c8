"""What is to be loaded and saved: ``to.csv(…)``, ``from_.json(…)``; and the same with classes of one's own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from anabranch.errors import FlowError
from anabranch.io.catalog import register
from anabranch.io.declarations import Loading, Saving, from_, to

__all__ = ["ExtractorFactory", "MaterializerFactory", "from_", "to"]

Extract = type(from_)
Materialize = type(to)


def ExtractorFactory(target: Any, loaders: Sequence[Any], **data_loader_kwargs: Any) -> Loading:  # noqa: N802  Hamilton's name
    """Says that a node is loaded with one of these classes, which become known by their key.

    Raises:
        ValueError: there is no class, or a field is unknown or missing.
    """
    found: Loading = getattr(from_, _registered(loaders))(target, **data_loader_kwargs)
    return found


def MaterializerFactory(  # noqa: N802  Hamilton's name
    id: str,  # noqa: A002  Hamilton's name
    savers: Sequence[Any],
    result_builder: Any,
    dependencies: Iterable[Any],
    **data_saver_kwargs: Any,
) -> Saving:
    """Says that something is saved with one of these classes, which become known by their key.

    Raises:
        ValueError: there is no class, or a field is unknown or missing.
    """
    declare = getattr(to, _registered(savers))
    found: Saving = declare(id, dependencies, result_builder, **data_saver_kwargs)
    return found


def _registered(classes: Sequence[Any]) -> str:
    if not classes:
        raise FlowError("give at least one class that loads or saves")
    for one in classes:
        register(one)
    key: str = classes[0].name()
    return key
