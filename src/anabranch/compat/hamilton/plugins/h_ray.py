"""Ray: runs on a cluster."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from anabranch.compat.hamilton import _adapters
from anabranch.compat.hamilton.base import ResultMixin
from anabranch.compat.hamilton.execution.executors import TaskExecutor
from anabranch.compat.hamilton.function_modifiers.metadata import RAY_REMOTE_TAG_NAMESPACE

__all__ = ["RayGraphAdapter", "RayTaskExecutor", "parse_ray_remote_options_from_tags"]


class RayTaskExecutor(TaskExecutor):
    """Runs on Ray: in the session that is open, else in a new one.

    Args:
        num_cpus: of a new session.
        ray_init_config: further arguments of `ray.init` for a new session.
        skip_init: accepted; an open session is joined anyway.
    """

    def __init__(
        self, num_cpus: int | None = None, ray_init_config: Mapping[str, Any] | None = None, skip_init: bool = False
    ) -> None:
        options = dict(ray_init_config or {})
        if num_cpus is not None:
            options["num_cpus"] = num_cpus
        self.anabranch = ("ray", options)


class RayGraphAdapter(ResultMixin):
    """Has runs take place on Ray.

    Args:
        result_builder: what makes the result.
        ray_init_config: arguments of `ray.init`, for a new session.
        shutdown_ray_on_completion: accepted; a session that a driver opened ends with it, any other stays open.
    """

    def __init__(
        self,
        result_builder: Any = None,
        ray_init_config: Mapping[str, Any] | None = None,
        shutdown_ray_on_completion: bool = False,
    ) -> None:
        self.result_builder = result_builder
        self.anabranch = ("ray", dict(ray_init_config or {}))

    def build_result(self, **outputs: Any) -> Any:
        """What the result builder makes."""
        return _adapters.made(self.result_builder, outputs)


def parse_ray_remote_options_from_tags(tags: Mapping[str, str]) -> dict[str, Any]:
    """What `ray_remote_options` noted in these tags."""
    start = f"{RAY_REMOTE_TAG_NAMESPACE}."
    return {name.removeprefix(start): json.loads(value) for name, value in tags.items() if name.startswith(start)}
