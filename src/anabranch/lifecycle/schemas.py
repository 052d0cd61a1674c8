"""Keeps the schemas of frames from one run to the next, and tells when one has changed.

Theory: the columns of a frame and their types are an agreement between functions that nobody wrote down. Here they are: one
small file for each node, to be committed and reviewed, against which every run is checked, inside fan-outs every item.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from typing import Any, Literal

from anabranch.errors import InputError
from anabranch.io.metadata import get_dataframe_metadata
from anabranch.io.place import Place
from anabranch.lifecycle.base import NodeExecutionMethod, WorkerReport
from anabranch.validation import DataValidationError

__all__ = ["SchemaValidator"]

Schema = dict[str, str]


class SchemaValidator(NodeExecutionMethod, WorkerReport):
    """Checks the columns of each frame that a function gives against a file, or writes these files.

    Known schemas are read when the validator is made, and go to workers with it; new ones come back, and the driver writes
    them.

    Args:
        schema_dir: the folder, with ``NODE.schema.json`` in it for each node.
        check: whether to check, or to write what is found.
        must_exist: whether a frame without a file is wrong, when it is checked.
        importance: ``warn`` logs what is wrong, ``fail`` fails the function.

    Raises:
        InputError: `importance` is neither, or a file is none of these.
    """

    def __init__(
        self,
        schema_dir: str | os.PathLike[str] = "./schemas",
        check: bool = True,
        must_exist: bool = False,
        importance: Literal["warn", "fail"] = "warn",
    ) -> None:
        if importance not in {"warn", "fail"}:
            raise InputError(f"SchemaValidator: importance is 'warn' or 'fail', not {importance!r}")
        self.folder = os.path.abspath(schema_dir)
        self.check = check
        self.must_exist = must_exist
        self.importance = importance
        self.known: dict[str, Schema] = _read(self.folder) if check else {}
        self._said: set[tuple[str, str]] = set()

    def run_to_execute_node(
        self, *, node_name: str, node_callable: Any, node_kwargs: dict[str, Any], is_expand: bool = False, **future_kwargs: Any
    ) -> Any:
        """Calls the function, and looks at what it gives.

        Raises:
            DataValidationError: the schema has changed, if that is to fail.
        """
        result = node_callable(**node_kwargs)
        if is_expand and hasattr(result, "__next__"):
            return (self._looked_at(node_name, item) for item in result)
        return self._looked_at(node_name, result)

    def run_after_report(self, *, facts: Any, **future_kwargs: Any) -> None:
        """A schema was found that was not known where it was found."""
        node, schema = facts
        text = json.dumps({"node": node, "columns": schema}, indent=2, ensure_ascii=False) + "\n"
        Place.of(os.path.join(self.folder, f"{node}.schema.json")).write(text.encode())

    def _looked_at(self, node: str, value: Any) -> Any:
        schema = _schema_of(value)
        if schema is None:
            return value
        if not self.check:
            if self.known.get(node) != schema:
                self.known[node] = schema
                self.report((node, schema))
            return value
        wrong = self._wrong(node, schema)
        if wrong and self.importance == "fail":
            raise DataValidationError(wrong)
        if wrong and (node, wrong) not in self._said:
            self._said.add((node, wrong))
            logging.getLogger("anabranch").warning("%s", wrong)
        return value

    def _wrong(self, node: str, schema: Schema) -> str:
        known = self.known.get(node)
        if known is None:
            return f"there is no schema of '{node}' in {self.folder}; write it with check=False" if self.must_exist else ""
        return differences(node, known, schema)


def differences(node: str, known: Mapping[str, str], found: Mapping[str, str]) -> str:
    """What has changed, in words; empty if nothing has."""
    said = [f"'{name}' is gone" for name in known if name not in found]
    said += [f"'{name}' is new ({kind})" for name, kind in found.items() if name not in known]
    said += [f"'{name}' is {kind} and was {known[name]}" for name, kind in found.items() if known.get(name, kind) != kind]
    if not said and list(known) != list(found):
        said = [f"the order is {', '.join(found)} and was {', '.join(known)}"]
    return f"the columns of '{node}' have changed: {'; '.join(said)}" if said else ""


def _schema_of(value: Any) -> Schema | None:
    """Columns and their types; None of what is no frame."""
    if not hasattr(value, "columns") and not hasattr(value, "column_names"):
        return None
    facts = get_dataframe_metadata(value)["dataframe_metadata"]
    if "column_names" not in facts:
        return None
    return dict(zip(facts["column_names"], facts["datatypes"], strict=False))


def _read(folder: str) -> dict[str, Schema]:
    found: dict[str, Schema] = {}
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        if name.endswith(".schema.json"):
            path = os.path.join(folder, name)
            try:
                with open(path, encoding="utf-8") as file:
                    document = json.load(file)
                found[document["node"]] = {str(key): str(kind) for key, kind in document["columns"].items()}
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise InputError(f"'{path}' is no schema ({error}); write it anew with SchemaValidator(check=False)") from None
    return found
