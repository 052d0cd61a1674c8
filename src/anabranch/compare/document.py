"""A comparison as a JSON document: seconds and bytes, nothing rounded."""

from __future__ import annotations

from typing import Any

from anabranch.compare.advice import Advice
from anabranch.compare.figures import Comparison, Figures

__all__ = ["document_of"]


def document_of(comparison: Comparison, advice: Advice) -> dict[str, Any]:
    """The settings in order, and which to take."""
    return {
        "outputs": list(comparison.outputs),
        "rounds": comparison.rounds,
        "processors": comparison.processors,
        "settings": [_entry(comparison, one) for one in comparison.all],
        "advice": {
            "executor": advice.setting.executor,
            "workers": advice.setting.workers,
            "reason": advice.reason,
            "notes": list(advice.notes),
        },
    }


def _entry(comparison: Comparison, one: Figures) -> dict[str, Any]:
    about = {"executor": one.setting.executor, "workers": one.setting.workers}
    if one.failed:
        return {**about, "failed": one.failed}
    work, slowed, outside = comparison.parts(one)
    return {
        **about,
        "walls": [sample.wall for sample in one.samples],
        "wall": one.wall,
        "first_run": one.start,
        "speed_up": comparison.speed_up(one),
        "efficiency": comparison.efficiency(one),
        "worker_seconds": {"work": work, "slowed": slowed, "outside": outside},
        "outside_per_item": one.outside / max(one.items, 1),
        "processor_seconds": one.processor,
        "memory": one.peak,
        "items": one.items,
        "calls": one.samples[-1].calls,
    }
