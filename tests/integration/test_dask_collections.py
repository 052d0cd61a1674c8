"""dask's own collections as values of a flow: they stay lazy between nodes, and are computed on the cluster that the flow runs on."""

from __future__ import annotations

from typing import Any

import pytest
from clusters_by_hand import dask_cluster

from anabranch import Builder, Collect, Parallelizable, module_from_functions

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def number(limit: int) -> Parallelizable[int]:
    yield from range(limit)


def squares(number: int) -> Any:
    import dask

    def square(n):
        from distributed import get_worker

        return n * n, get_worker().address

    return [dask.delayed(square)(n) for n in range(number, number + 4)]


def computed(squares: list) -> list:
    import dask

    return list(dask.compute(*squares))


def answers(computed: Collect[list]) -> list:
    return computed


def table(rows: int) -> Any:
    from dask import array

    return array.arange(rows, chunks=1000)


def mean(table: Any) -> float:
    return float(table.mean().compute())


def test_collections_are_computed_where_they_are(tmp_path):
    pytest.importorskip("distributed")
    module = module_from_functions(number, squares, computed, answers, table, mean)
    with dask_cluster(tmp_path, 2) as (file, _):
        with Builder().with_modules(module).with_executor("dask", scheduler_file=file).build() as driver:
            found = driver.execute(["answers", "mean"], {"limit": 12, "rows": 10_001})
    assert found["mean"] == 5000.0
    assert [[value for value, _ in each] for each in found["answers"]] == [[k * k for k in range(n, n + 4)] for n in range(12)]
    assert len({address for each in found["answers"] for _, address in each}) == 2, "both workers took part"
