"""A picture as a page of its own: to be moved, zoomed and searched, with all that is known of each function beside it.

Theory: the page is one file and asks for nothing from anywhere; its content security policy says so, and lets no script run
but the one that stands here, so that a user's text could not become code even if it were not escaped. What the script
knows comes as JSON that holds no ``<``, and reaches the page as text only.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import Any

from anabranch.draw.chart import Box, Chart, Way
from anabranch.errors import InputError

__all__ = ["embedded", "page_of", "policy", "rendered", "resource"]


def page_of(chart: Chart, svg: str) -> str:
    """The page of a chart that has been drawn as `svg`.

    Raises:
        InputError: jinja2 is not installed.
    """
    script = resource("page.js")
    return rendered(
        "page.html",
        title=chart.title or "Dataflow",
        summary=_summary(chart),
        svg=svg,
        data=embedded({"boxes": [_facts(box) for box in chart.boxes]}),
        sheet=resource("page.css"),
        script=script,
        policy=policy(script),
    )


def _summary(chart: Chart) -> str:
    functions, loops = chart.functions, len(chart.clusters)
    return f"{functions} function{'s' if functions != 1 else ''}, {loops} fan-out{'s' if loops != 1 else ''}"


def _facts(box: Box) -> dict[str, Any]:
    """All there is to say about a box, for the page's script."""
    roles = [box.kind.value] + (["opens a fan-out"] if box.expands else [])
    roles += sorted("reads a stream" if way is Way.STREAM else "collects" for way in box.closes)
    return {
        "name": box.name,
        "type": box.type,
        "roles": roles + (["asked for"] if box.is_output else []),
        "axes": list(box.axes),
        "reads": list(box.listed),
        "doc": box.doc,
        "tags": {str(name): value if isinstance(value, str) else repr(value) for name, value in box.tags.items()},
        "lines": list(box.lines),
        "origin": box.origin,
    }


def embedded(value: Any) -> str:
    """JSON that may stand in a page's script element: nothing in it can end that element."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def policy(script: str) -> str:
    """A content security policy that allows this script, styles, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@cache
def resource(name: str, package: str = "anabranch.draw") -> str:
    """A file of a package as text."""
    return (files(package) / name).read_text(encoding="utf-8")


def rendered(template: str, package: str = "anabranch.draw", /, **values: Any) -> str:
    """Fills a template of a package; what is not marked safe there is escaped.

    Raises:
        InputError: jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise InputError("pages are made with jinja2: pip install 'anabranch[see]'") from error
    environment = Environment(
        loader=PackageLoader(package, ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(template).render(values)
