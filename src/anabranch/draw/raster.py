"""An SVG as a PNG, by resvg, which ships as a wheel and needs no native library."""

from __future__ import annotations

from typing import Any

from anabranch.errors import InputError

__all__ = ["LARGEST", "png_of"]

LARGEST = 12_000
"""The most pixels on a side; a larger picture is drawn smaller."""

_PROBE = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" font-family="sans-serif" font-size="9">{}</svg>'


def png_of(svg: str, size: tuple[float, float], scale: float = 2.0) -> bytes:
    """Draws the SVG with `scale` pixels for each of its units.

    Raises:
        InputError: resvg is not installed, or there is no font to write with.
    """
    engine = _engine()
    if bytes(engine.svg_to_bytes(svg_string=_PROBE.format(""))) == bytes(
        engine.svg_to_bytes(svg_string=_PROBE.format('<text y="9">M</text>'))
    ):
        raise InputError("a PNG needs a font and this machine has none: install one (fonts-dejavu-core, say), or save as .svg")
    zoom = min(scale, LARGEST / max(*size, 1.0))
    return bytes(engine.svg_to_bytes(svg_string=svg, zoom=zoom))


def _engine() -> Any:
    try:
        import resvg_py
    except ImportError as error:
        raise InputError("PNG pictures are drawn with resvg: pip install 'anabranch[see]'; or save as .svg") from error
    return resvg_py
