"""An adapter for all that can be told of, which writes down what it is told, in whatever process that is."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

from anabranch.lifecycle import (
    GraphConstructionHook,
    GraphExecutionHook,
    NodeExecutionHook,
    NodeExecutionMethod,
    TaskExecutionHook,
    TaskGroupingHook,
    TaskReturnHook,
    TaskSubmissionHook,
)


class Book:
    """Lines in a file; each is written in one piece, so that many processes can write."""

    def __init__(self, path: Path | str) -> None:
        self.path = str(path)

    def note(self, moment: str, **facts: Any) -> None:
        line = json.dumps({"moment": moment, "process": os.getpid(), **facts}, default=repr) + "\n"
        with open(self.path, "a", encoding="utf-8", buffering=1) as file:
            file.write(line)

    def lines(self, *moments: str) -> list[dict[str, Any]]:
        if not os.path.exists(self.path):
            return []
        found = [json.loads(line) for line in Path(self.path).read_text(encoding="utf-8").splitlines()]
        return [line for line in found if not moments or line["moment"] in moments]

    def counts(self, moment: str, *keys: str) -> Counter[Any]:
        return Counter(tuple(json.dumps(line[key]) for key in keys) for line in self.lines(moment))


class Calls(NodeExecutionHook):
    def __init__(self, book: Book) -> None:
        self.book = book
        self.seen = 0

    def run_before_node_execution(self, *, node_name, node_kwargs, task_id, run_id, item, **more):
        self.seen += 1
        kinds = {name: str(kind) for name, kind in more["node_input_types"].items()}
        self.book.note("before", node=node_name, kwargs=node_kwargs, task=task_id, run=run_id, item=item, kinds=kinds, seen=self.seen)

    def run_after_node_execution(self, *, node_name, result, error, success, task_id, node_tags, **more):
        self.book.note("after", node=node_name, result=result, error=error, success=success, task=task_id, tags=node_tags)


class Around(NodeExecutionMethod):
    def __init__(self, book: Book, name: str) -> None:
        self.book = book
        self.name = name

    def run_to_execute_node(self, *, node_name, node_callable, node_kwargs, task_id, **more):
        self.book.note("in", who=self.name, node=node_name, task=task_id)
        try:
            return node_callable(**node_kwargs)
        finally:
            self.book.note("out", who=self.name, node=node_name, task=task_id)


class Tasks(TaskSubmissionHook, TaskReturnHook, TaskExecutionHook, TaskGroupingHook):
    def __init__(self, book: Book) -> None:
        self.book = book

    def _note(self, moment, task_id, nodes, purpose, spawning_task_id, **facts):
        names = [node.name for node in nodes]
        self.book.note(moment, task=task_id, nodes=names, purpose=purpose.name, spawned=spawning_task_id, **facts)

    def run_before_task_submission(self, *, task_id, nodes, inputs, overrides, spawning_task_id, purpose, run_id):
        assert overrides == {}
        self._note("submitted", task_id, nodes, purpose, spawning_task_id, inputs=dict(inputs), run=run_id)

    def run_after_task_return(self, *, task_id, nodes, result, success, error, spawning_task_id, purpose, run_id):
        made = None if result is None else dict(result)
        self._note("returned", task_id, nodes, purpose, spawning_task_id, result=made, success=success, error=error)

    def run_before_task_execution(self, *, task_id, nodes, inputs, spawning_task_id, purpose, run_id, **more):
        self._note("began", task_id, nodes, purpose, spawning_task_id, inputs=dict(inputs), run=run_id)

    def run_after_task_execution(self, *, task_id, nodes, results, success, error, spawning_task_id, purpose, **more):
        made = None if results is None else dict(results)
        self._note("ended", task_id, nodes, purpose, spawning_task_id, result=made, success=success, error=error)

    def run_after_task_grouping(self, *, run_id, task_ids):
        self.book.note("grouped", tasks=task_ids)

    def run_after_task_expansion(self, *, run_id, task_id, parameters):
        self.book.note("expanded", task=task_id, items=dict(parameters))


class Graphs(GraphExecutionHook, GraphConstructionHook):
    def __init__(self, book: Book) -> None:
        self.book = book

    def run_after_graph_construction(self, *, graph, config):
        self.book.note("built", names=list(graph.names), config=dict(config))

    def run_before_graph_execution(self, *, graph, final_vars, inputs, overrides, execution_path, run_id):
        self.book.note("started", outputs=final_vars, inputs=inputs, overrides=overrides, path=execution_path, run=run_id, size=len(graph))

    def run_after_graph_execution(self, *, graph, success, error, results, run_id, failures):
        self.book.note("finished", success=success, error=error, results=results, run=run_id, failures=len(failures))
