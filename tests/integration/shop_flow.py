"""A flow of 30 functions with nearly every modifier: orders of shops, read from files, checked, priced, added up and written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import pandas as pd

from anabranch import Collect, Parallelizable, Skip, Stream, associative, module_from_functions, on_error, retry, timeout
from anabranch.function_modifiers import (
    BaseModel,
    ParameterizedExtract,
    ResolveAt,
    apply_to,
    cache,
    check_output,
    check_output_custom,
    config,
    configuration,
    dataloader,
    datasaver,
    does,
    exclude,
    extract_columns,
    extract_fields,
    group,
    inject,
    load_from,
    model,
    mutate,
    parameterize,
    parameterize_extract_columns,
    parameterize_sources,
    parameterize_values,
    parameterized_subdag,
    pipe_input,
    pipe_output,
    resolve,
    save_to,
    schema,
    source,
    step,
    subdag,
    tag,
    tag_outputs,
    unpack_fields,
    value,
    with_columns,
)
from anabranch.validation import DataValidator, ValidationResult

CONFIG = {"market": "eu", "weights": {"revenue": 2.0, "order_count": 10.0}, "tiers": {"small": 20.0, "large": 90.0}, "digits": 2}


class Order(TypedDict):
    number: int
    price: float
    quantity: int


@dataclass
class Totals:
    revenue: float
    items: int


# -- what is read ------------------------------------------------------------------------------------------------------


@exclude
def rounded(amount: float, digits: int = 2) -> float:
    return round(amount, digits)


@dataloader()
def shop_files(folder: str) -> tuple[list[str], dict]:  # 1
    names = sorted(path.name for path in Path(folder).glob("shop-*.json"))
    return names, {"files": len(names)}


def shop_file(shop_files: list[str]) -> Parallelizable[str]:  # 2
    yield from shop_files


@retry(attempts=3, on=OSError)
@timeout(60)
@load_from.json(path="{folder}/{shop_file}", inject_="content")
def shop(shop_file: str, content: dict) -> dict:  # 3
    return {"name": shop_file.removeprefix("shop-").removesuffix(".json"), **content}


@tag_outputs(country={"pii": True})
@extract_fields({"name": str, "country": str, "orders": list})
def shop_fields(shop: dict) -> dict:  # 4
    return shop


# -- orders, a fan-out in each shop ------------------------------------------------------------------------------------


@extract_fields()
def order(orders: list) -> Parallelizable[Order]:  # 5
    for number, price, quantity in orders:
        yield {"number": number, "price": price, "quantity": quantity}


def _not_negative(amount: float) -> float:
    return max(amount, 0.0)


def _less(amount: float, by: float) -> float:
    return amount - by


@pipe_output(step(_less, by=source("discount")), step(_not_negative).named("floored"))
def amount(price: float, quantity: int) -> float:  # 6
    return price * quantity


@config.when(market="eu")
def discount__eu(quantity: int) -> float:  # 7
    return 1.0 if quantity > 3 else 0.0


@config.when_not(market="eu")
def discount__other(quantity: int) -> float:
    return 100.0


class Sane(DataValidator):
    def applies_to(self, datatype):
        return datatype is float

    def description(self):
        return "sane"

    def validate(self, dataset):
        return ValidationResult(dataset < 1000, f"{dataset}")


@on_error("skip")
@check_output(range=(1.0, 95.0), importance="fail")
@check_output_custom(Sane("warn"))
def accepted(amount: float) -> float:  # 8
    return amount


@parameterize_values("rate", {"with_tip": 1.1, ("with_large_tip", "A fifth."): 1.2})
def tipped(accepted: float, rate: float) -> float:  # 9
    return round(accepted * rate, 6)


@inject(both=group(source("with_tip"), source("with_large_tip"), value(0.0)))
def best(both: list[float]) -> float:  # 10
    return max(both)


@unpack_fields("revenue", "order_count")
def sums(best: Collect[float]) -> tuple[float, int]:  # 11
    return sum(best), len(best)


# -- shops -------------------------------------------------------------------------------------------------------------


def vat(country: str, rates: dict) -> float:  # 12
    return rates[country]


@pipe_input(step(_less, by=value(1.0)).when(market="us"), step(_not_negative), on_input="net")
@inject(net=source("revenue"))
def gross(net: float, vat: float) -> float:  # 13
    return round(net * (1 + vat), 6)


@mutate(gross, apply_to(vat).on_output("vat").when(market="mars"), digits=configuration("digits"))
def _shortened(amount: float, digits: int) -> float:
    return round(amount, digits)


class Score(BaseModel):
    def get_dependents(self):
        return list(self.config_parameters)

    def predict(self, **inputs):
        return sum(self.config_parameters[name] * given for name, given in inputs.items())


@tag(kind="score")
@model(Score, "weights")
def score() -> float: ...  # 14


def _joined(**words: Any) -> str:
    return "/".join(str(word) for word in words.values())


@does(_joined)
def label(name: str, country: str) -> str: ...  # 15


@resolve(
    when=ResolveAt.CONFIG_AVAILABLE,
    decorate_with=lambda tiers: parameterize(**{f"is_{name}": {"limit": value(limit)} for name, limit in tiers.items()}),
)
def tier(gross: float, limit: float) -> bool:  # 16
    return gross >= limit


@parameterize_sources(net_share={"part": "net_total"}, gross_share={"part": "gross_total"})
def share(part: float, gross_total: float) -> float:  # 17
    return round(part / gross_total, 6)


@associative
def net_total(revenue: Collect[float]) -> float:  # 18
    return sum(revenue)


def gross_total(gross: Collect[float]) -> float:  # 19
    return sum(gross)


def relative(gross: float, gross_total: float) -> float:  # 20, a second pass over the shops
    if not gross:
        raise Skip
    return round(gross / gross_total, 6)


# -- flows within the flow ---------------------------------------------------------------------------------------------


def _ranking():
    def ranked(values: list[float]) -> list[float]:
        return sorted(values, reverse=True)

    @config.when(order="best")
    def chosen__best(ranked: list[float]) -> float:
        return ranked[0]

    @config.when(order="worst")
    def chosen__worst(ranked: list[float]) -> float:
        return ranked[-1]

    return module_from_functions(ranked, chosen__best, chosen__worst)


@parameterized_subdag(
    _ranking(),
    inputs={"values": source("scores")},
    highest={"config": {"order": "best"}},
    lowest={"config": {"order": "worst"}},
)
def extreme(chosen: float) -> float:  # 21
    return chosen


def scores(score: Stream[float]) -> list[float]:  # 22
    return list(score)


def _digits():
    def digit(number: int) -> Parallelizable[int]:
        return [int(one) for one in str(number)]

    def digit_sum(digit: Collect[int]) -> int:
        return sum(digit)

    return module_from_functions(digit, digit_sum)


@subdag(_digits(), inputs={"number": source("order_count")}, external_inputs=["order_count"])
def checksum(digit_sum: int, order_count: int) -> int:  # 23
    return digit_sum * order_count


# -- tables ------------------------------------------------------------------------------------------------------------


@cache(format="parquet", target_="table")
@schema.output(("name", "str"), ("gross", "float"), target_="table")
def table(label: Collect[str], gross: Collect[float], is_large: Collect[bool]) -> pd.DataFrame:  # 24
    return pd.DataFrame({"name": label, "gross": gross, "is_large": is_large})


def _half(gross: pd.Series) -> pd.Series:
    return gross / 2


def _rest(gross: pd.Series, _half: pd.Series) -> pd.Series:
    return gross - _half


@with_columns(_half, _rest, columns_to_pass=["gross"], select=["_rest"])
def wide(table: pd.DataFrame) -> pd.DataFrame:  # 25
    return table


@extract_columns("name_of", ("half_of", "Half of it."))
def renamed(wide: pd.DataFrame) -> pd.DataFrame:  # 26
    return wide.rename(columns={"name": "name_of", "_rest": "half_of"})


@parameterize_extract_columns(
    ParameterizedExtract(("low_name", "low_half"), {"ascending": value(True)}),
    ParameterizedExtract(("high_name", "high_half"), {"ascending": value(False)}),
)
def sorted_shops(name_of: pd.Series, half_of: pd.Series, ascending: bool) -> pd.DataFrame:  # 27
    frame = pd.DataFrame({"name": name_of, "half": half_of})
    return frame.sort_values("half", ascending=ascending, ignore_index=True)


@save_to.json(path="{folder}/best-{digits}.json", output_name_="best_saved")
def best_shops(high_name: pd.Series, low_name: pd.Series, digits: int) -> list[str]:  # 28
    return [high_name[0], low_name[0]]


@datasaver()
def summary(label: str, checksum: int, folder: str, best_saved: dict) -> dict:  # 29, one for each shop
    path = Path(folder) / f"summary-{label.replace('/', '-')}.txt"
    path.write_text(f"{label} {checksum}")
    return {"path": path.name}


def overview(summary: Collect[dict], totals: Totals, best_shops: list[str], highest: float, lowest: float) -> dict:  # 30
    return {
        "files": [one["path"] for one in summary],
        "revenue": rounded(totals.revenue),
        "items": totals.items,
        "best": best_shops,
        "scores": [round(highest, 6), round(lowest, 6)],
    }


def totals(net_total: float, quantity: Collect[Collect[int]]) -> Totals:
    return Totals(net_total, sum(map(sum, quantity)))
