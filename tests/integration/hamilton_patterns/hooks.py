"""What goes along with a run: hooks around functions and runs, a method that calls them, a result builder, checks of the graph."""

import sys
from typing import Any, Dict, List, Optional, Tuple

from hamilton import base, driver, lifecycle
from hamilton.graph_types import HamiltonGraph, HamiltonNode
from hamilton.lifecycle import default


def number(limit: int) -> int:
    return limit


def doubled(number: int) -> int:
    return number * 2


def inverse(number: int) -> float:
    return 1 / number


def both(doubled: int, inverse: float) -> Any:
    return doubled if inverse is None else doubled + inverse


class _Diary(lifecycle.NodeExecutionHook, lifecycle.GraphExecutionHook):
    def __init__(self) -> None:
        self.lines: List[str] = []

    def run_before_node_execution(self, *, node_name: str, node_kwargs: Dict[str, Any], **future_kwargs: Any) -> None:
        self.lines.append(f"> {node_name} {sorted(node_kwargs)}")

    def run_after_node_execution(self, *, node_name: str, result: Any, success: bool, **future_kwargs: Any) -> None:
        self.lines.append(f"< {node_name} {result} {success}")

    def run_before_graph_execution(
        self, *, graph: HamiltonGraph, final_vars: List[str], inputs: Dict[str, Any], **future_kwargs: Any
    ) -> None:
        names = sorted(node.name for node in graph.nodes if not node.is_external_input)
        self.lines.append(f"run {names} {final_vars} {inputs}")

    def run_after_graph_execution(self, *, success: bool, results: Optional[Dict[str, Any]], **future_kwargs: Any) -> None:
        self.lines.append(f"over {success} {results}")


class _AddsOne(lifecycle.NodeExecutionMethod):
    def run_to_execute_node(self, *, node_name: str, node_callable: Any, node_kwargs: Dict[str, Any], **future: Any) -> Any:
        result = node_callable(**node_kwargs)
        return result + 1 if node_name == "doubled" else result


class _Names(base.ResultMixin):
    @staticmethod
    def build_result(**outputs: Any) -> Any:
        return sorted(outputs)


class _Documented(lifecycle.StaticValidator):
    def run_to_validate_node(self, *, node: HamiltonNode, **future_kwargs: Any) -> Tuple[bool, Optional[str]]:
        return node.name != "doubled", "not allowed"

    def run_to_validate_graph(self, graph: HamiltonGraph, **future_kwargs: Any) -> Tuple[bool, Optional[str]]:
        return True, None


def _driver(*adapters: Any) -> driver.Driver:
    return driver.Builder().with_modules(sys.modules[__name__]).with_adapters(*adapters).build()


def _run(folder: str) -> dict:
    diary, printed = _Diary(), []
    found = _driver(diary, _AddsOne()).execute(["both"], inputs={"limit": 4})
    names = _driver(_Names()).execute(["both", "number"], inputs={"limit": 4})
    graceful = _driver(default.GracefulErrorAdapter(ZeroDivisionError, None)).execute(["doubled", "inverse", "both"], inputs={"limit": 0})
    _driver(default.PrintLn(print_fn=printed.append, node_filter="doubled")).execute(["both"], inputs={"limit": 4})
    try:
        _driver(_Documented())
        refused = False
    except Exception:
        refused = True
    return {
        "found": found,
        "diary": diary.lines[:1] + sorted(diary.lines[1:-1]) + diary.lines[-1:],
        "names": names,
        "graceful": graceful,
        "printed": len(printed),
        "refused": refused,
    }
