"""Models in mlflow: logged in a run, registered, and loaded again, in whatever flavour mlflow has for them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from anabranch.errors import InputError
from anabranch.io.adapter import DataLoader, DataSaver
from anabranch.libraries import library

__all__ = ["ADAPTERS"]

FLAVOURS = {"torch": "pytorch", "keras": "keras", "statsmodels": "statsmodels"}
"""Flavours that are not called like the package that a model's class comes from."""


class MlflowSaver(DataSaver):
    """Logs a model in a run of mlflow: the given one, the active one, or a new one.

    Args:
        path: the model's name in the run.
        register_as: the name under which it is registered as well.
        flavor: mlflow's module for it; left out, the package that the model's class comes from.
        run_id: the run.
        mlflow_kwargs: further arguments of the flavour's `log_model`.

    Raises:
        InputError: mlflow has no flavour for it.
    """

    keys = ("mlflow",)

    def __init__(
        self,
        path: str = "model",
        *,
        register_as: str | None = None,
        flavor: str | None = None,
        run_id: str | None = None,
        mlflow_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        self.path = path
        self.register_as = register_as
        self.flavor = flavor
        self.run_id = run_id
        self.options = dict(mlflow_kwargs or {})

    def save_data(self, data: Any) -> dict[str, Any]:
        mlflow = library("mlflow", "'mlflow'")
        package = type(data).__module__.partition(".")[0]
        log = _flavour(self.flavor or FLAVOURS.get(package, package)).log_model
        name = "name" if "name" in inspect.signature(log).parameters else "artifact_path"
        with _run(mlflow, self.run_id) as run_id:
            info = log(data, **{name: self.path, "registered_model_name": self.register_as, **self.options})
        facts = {"model_uri": info.model_uri, "run_id": run_id, "path": self.path, "registered_as": self.register_as}
        return {"mlflow_metadata": {**facts, "flavors": sorted(info.flavors)}}


class MlflowLoader(DataLoader):
    """Loads a model: by URI, by run and path, or by registered name and version.

    **Models of many flavours are pickles, and a pickle is a program:** load only from a server that you trust.

    Args:
        model_uri: where it is, as mlflow says it.
        run_id: the run in which it was logged, with `path`.
        path: its name in the run.
        model_name: the name under which it is registered, with `version` (the latest, if left out).
        version: a version's number, or an alias behind an ``@``.
        flavor: mlflow's module for it; left out, the model's own flavour.
        mlflow_kwargs: further arguments of the flavour's `load_model`.

    Raises:
        InputError: it is not said which model is meant.
    """

    keys = ("mlflow",)

    def __init__(  # noqa: PLR0917  they are given by name
        self,
        model_uri: str | None = None,
        run_id: str | None = None,
        path: str = "model",
        model_name: str | None = None,
        version: str | int | None = None,
        flavor: str | None = None,
        mlflow_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        if model_uri is None and run_id is None and model_name is None:
            raise InputError(
                "'mlflow' loads a model that is named by model_uri, by run_id and path, or by model_name and version"
            )
        registered = f"models:/{model_name}{'' if str(version).startswith('@') else '/'}{version or 'latest'}"
        self.model_uri = model_uri or (f"runs:/{run_id}/{path}" if run_id is not None else registered)
        self.flavor = flavor
        self.options = dict(mlflow_kwargs or {})

    def load_data(self, type_: Any) -> tuple[Any, dict[str, Any]]:
        info = library("mlflow.models", "'mlflow'").get_model_info(self.model_uri)
        own = [flavour for flavour in info.flavors if flavour != "python_function"]
        flavour = self.flavor or next(iter(own), "pyfunc")
        facts = {"model_uri": info.model_uri, "run_id": info.run_id, "flavor": flavour, "flavors": sorted(info.flavors)}
        return _flavour(flavour).load_model(self.model_uri, **self.options), {"mlflow_metadata": facts}


def _flavour(name: str) -> Any:
    library("mlflow", "'mlflow'")
    try:
        found = library(f"mlflow.{name}", "'mlflow'")
    except InputError as error:
        raise InputError(f"mlflow has no flavour '{name}'; say which with flavor=") from error
    if not hasattr(found, "load_model"):
        raise InputError(f"mlflow has no flavour '{name}'; say which with flavor=")
    return found


@contextmanager
def _run(mlflow: Any, run_id: str | None) -> Iterator[str]:
    """The run to log in; one that was begun here is ended here."""
    active = mlflow.active_run()
    if active is not None and run_id in {None, active.info.run_id}:
        yield active.info.run_id
        return
    with mlflow.start_run(run_id=run_id, nested=active is not None) as run:
        yield run.info.run_id


ADAPTERS = (MlflowLoader, MlflowSaver)
