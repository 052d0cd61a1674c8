"""Draws the curves, as SVG and PNG."""

from __future__ import annotations

from pathlib import Path

from benchmarks.report import machine

__all__ = ["draw"]


def draw(charts: list[dict], folder: Path) -> None:
    """Writes each chart to the folder; anabranch's lines are thick and red, limits black, all others thin."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    where = machine()
    for chart in charts:
        figure, axes = plt.subplots(figsize=(9, 4.8), layout="constrained")
        for name, points in chart["curves"].items():
            if points:
                axes.plot(*zip(*points, strict=True), marker=".", label=name, **_style(name, chart["name"]))
        axes.set(title=chart["title"], xlabel=chart["x"], ylabel=chart["y"], xscale="log", yscale="log")
        axes.grid(visible=True, alpha=0.3)
        axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, handlelength=4)
        if chart["name"] == "durations":
            for axis, ticks in ((axes.xaxis, (0.01, 0.1, 1, 10, 40)), (axes.yaxis, (1, 1.5, 2, 3, 5, 10, 20, 50, 100))):
                axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
                axis.set_ticks([], minor=True)
        axes.annotate(
            f"{where['date']}, Python {where['python']}, {where['machine']}", (1, -0.14), xycoords="axes fraction",
            ha="right", fontsize="x-small", color="gray",
        )  # fmt: skip
        for kind in ("svg", "png"):
            figure.savefig(folder / f"{chart['name']}.{kind}", dpi=120)
        plt.close(figure)


COLOURS = {
    "concurrent.futures": "tab:blue",
    "joblib": "tab:orange",
    "mpire": "tab:green",
    "pipefunc": "tab:purple",
    "hamilton": "tab:brown",
    "dagster": "tab:pink",
    "ray": "tab:cyan",
    "dask": "tab:olive",
}
"""One colour for each library, in all pictures."""


def _style(name: str, chart: str) -> dict[str, object]:
    if name == "loop":
        return {"color": "black", "linestyle": "--"}
    if name.startswith("anabranch") or chart == "memory":
        lines = {"threads": "--", "processes": "-.", "Stream": "--", "@associative": "-."}
        return {"color": "crimson", "linewidth": 2, "linestyle": lines.get(name.rpartition(" ")[2], "-")}
    return {"linewidth": 1, "color": COLOURS.get(name.partition(",")[0], "gray")}
