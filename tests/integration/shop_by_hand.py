"""What must come of `shop_flow`, in plain Python that uses none of its functions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SHOPS = {
    "north": {"country": "de", "orders": [[1, 10.0, 3], [2, 2.5, 4], [3, 100.0, 1]]},
    "east": {"country": "fr", "orders": [[4, 7.5, 2], [5, 1.0, 50]]},
    "south": {"country": "de", "orders": []},
    "west": {"country": "us", "orders": [[6, 20.0, 5], [7, 0.5, 8], [8, 4.0, 25], [9, 3.0, 1]]},
}
RATES = {"de": 0.19, "fr": 0.2, "us": 0.1}


def write_shops(folder: Path) -> None:
    for name, content in SHOPS.items():
        (folder / f"shop-{name}.json").write_text(json.dumps(content))


def by_hand() -> dict[str, Any]:
    """What must come of it."""
    names = sorted(SHOPS)
    revenue, count, gross, quantities, best = {}, {}, {}, [], []
    for name in names:
        amounts = []
        for _, price, quantity in SHOPS[name]["orders"]:
            quantities.append(quantity)
            amount = max(price * quantity - (1.0 if quantity > 3 else 0.0), 0.0)
            if 1.0 <= amount <= 95.0:
                amounts.append(round(amount * 1.2, 6))
        best.append(amounts)
        revenue[name], count[name] = sum(amounts), len(amounts)
        gross[name] = round(round(revenue[name] * (1 + RATES[SHOPS[name]["country"]]), 6), 2)
    gross_total, net_total = sum(gross.values()), sum(revenue.values())
    scores = [2.0 * revenue[name] + 10.0 * count[name] for name in names]
    labels = {name: f"{name}/{SHOPS[name]['country']}" for name in names}
    by_half = sorted(names, key=lambda name: gross[name])
    checksums = {name: sum(int(digit) for digit in str(count[name])) * count[name] for name in names}
    return {
        "best": best,
        "is_small": [gross[name] >= 20.0 for name in names],
        "net_share": round(net_total / gross_total, 6),
        "gross_share": 1.0,
        "relative": [round(gross[name] / gross_total, 6) for name in names if gross[name]],
        "low_name": [labels[name] for name in by_half],
        "checksum": [checksums[name] for name in names],
        "overview": {
            "files": [f"summary-{labels[name].replace('/', '-')}.txt" for name in names],
            "revenue": round(net_total, 2),
            "items": sum(quantities),
            "best": [labels[by_half[-1]], labels[by_half[0]]],
            "scores": [round(max(scores), 6), round(min(scores), 6)],
        },
        "checksums": checksums,
        "labels": labels,
    }
