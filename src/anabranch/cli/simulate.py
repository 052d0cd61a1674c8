"""``anabranch simulate``: a recorded run on other numbers of workers, as a table or a document."""

from __future__ import annotations

from typing import Any

from anabranch.cli.command import as_json as json_of
from anabranch.cli.display import show_grid
from anabranch.cli.grid import Column, Grid
from anabranch.cli.results import Results
from anabranch.predict.prediction import Forecast, Prediction
from anabranch.words import amount, duration, share

__all__ = ["show_forecast"]


def show_forecast(results: Results, forecast: Forecast, price: float | None, *, as_json: bool) -> None:
    """Prints what is predicted; `price` is of one worker for an hour."""
    if as_json:
        results.write(lambda: results.print(json_of(results, _document(forecast, price))))
    else:
        results.write(lambda: _table(results, forecast, price))


def _document(forecast: Forecast, price: float | None) -> dict[str, Any]:
    return {
        "run_id": forecast.recording.run_id,
        "outputs": list(forecast.recording.outputs),
        "recorded": {"workers": forecast.again.workers, "seconds": forecast.recorded, "simulated": forecast.again.seconds},
        "work": forecast.work,
        "longest": forecast.longest,
        "serial": forecast.serial,
        "cached": forecast.recording.cached,
        "costs": {
            "driver": forecast.costs.driver,
            "worker": forecast.costs.worker,
            "way": forecast.costs.way,
            "fixed": forecast.costs.fixed,
        },
        "predictions": [_entry(one, price) for one in forecast.predictions],
    }


def _entry(one: Prediction, price: float | None) -> dict[str, Any]:
    return {
        "workers": one.workers,
        "seconds": one.seconds,
        "utilisation": one.utilisation,
        "worker_hours": one.worker_hours,
        "cost": None if price is None else one.worker_hours * price,
        "calls": one.calls,
        "driver": one.driver,
        "binds": one.binds,
        "reason": one.reason,
    }


def _table(results: Results, forecast: Forecast, price: float | None) -> None:
    again = forecast.again
    differs = share(abs(again.seconds - forecast.recorded), forecast.recorded)
    workers = f"{amount(again.workers)} worker{'s' if again.workers != 1 else ''}"
    results.print(
        f"recorded: {duration(forecast.recorded)} on {workers}, simulated {duration(again.seconds)} ({differs} off); "
        f"{duration(forecast.work)} in functions, the longest item {duration(forecast.longest)}"
    )
    if cached := forecast.recording.cached:
        results.print(f"{amount(cached)} results came from a cache, and are taken to come from there again")
    results.print("")
    rows = forecast.predictions
    columns: list[tuple[str, list[str]]] = [
        ("workers", [amount(one.workers) for one in rows]),
        ("wall", [duration(one.seconds) for one in rows]),
        ("speed-up", [f"{forecast.recorded / one.seconds:.3g}×" if one.seconds else "" for one in rows]),
        ("busy", [share(one.utilisation, 1) for one in rows]),
        ("worker-hours", [f"{one.worker_hours:.3g}" for one in rows]),
        ("cost", [f"{one.worker_hours * price:,.2f}" for one in rows] if price is not None else []),
        ("calls", [amount(one.calls) for one in rows]),
    ]
    grid = [Column(title, tuple(cells), right=True) for title, cells in columns if cells]
    show_grid(results, Grid((*grid, Column("what binds", tuple(one.reason for one in rows)))))
