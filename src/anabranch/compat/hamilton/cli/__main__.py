"""Hamilton's commands: ``build``, ``validate``, ``version``, ``view``, ``diff``. `anabranch` itself has more."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from anabranch.compat.hamilton.cli import logic
from anabranch.errors import AnabranchError

__all__ = ["cli"]

cli = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)

Modules = Annotated[list[Path], typer.Argument(help="Files with functions.", show_default=False)]
Context = Annotated[Path | None, typer.Option("--context", "-ctx", help="A JSON file with config under HAMILTON_CONFIG.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="Where the picture is written.")]


@cli.callback()
def main(
    ctx: typer.Context,
    *,
    verbose: Annotated[bool, typer.Option("--verbose", help="Accepted.")] = False,
    json_out: Annotated[bool, typer.Option("--json-out", help="Prints JSON.")] = False,
) -> None:
    """Looks at dataflows that are written for Hamilton."""
    ctx.obj = {"json": json_out, "verbose": verbose}


@cli.command()
def build(ctx: typer.Context, modules: Modules, context: Context = None) -> None:
    """Builds the dataflow, and says whether it is one."""
    _answer(ctx, "build", lambda: {"nodes": sorted(logic.hash_hamilton_nodes(logic.build(modules, _config(context))))})


@cli.command()
def validate(ctx: typer.Context, modules: Modules, context: Context = None) -> None:
    """The same."""
    _answer(ctx, "validate", lambda: {"nodes": sorted(logic.hash_hamilton_nodes(logic.build(modules, _config(context))))})


@cli.command()
def version(ctx: typer.Context, modules: Modules, context: Context = None) -> None:
    """Tells the version of the dataflow, and of each node."""

    def versions() -> dict[str, Any]:
        nodes = logic.hash_hamilton_nodes(logic.build(modules, _config(context)))
        return {"nodes_hash": nodes, "dataflow_hash": logic.hash_dataflow(nodes)}

    _answer(ctx, "version", versions)


@cli.command()
def view(ctx: typer.Context, modules: Modules, context: Context = None, output: Output = Path("dag.png")) -> None:
    """Draws the dataflow."""

    def drawn() -> dict[str, Any]:
        logic.build(modules, _config(context)).display_all_functions(output)
        return {"path": str(output)}

    _answer(ctx, "view", drawn)


@cli.command()
def diff(ctx: typer.Context, modules: Modules, reference: Annotated[list[Path], typer.Option("--reference", "-r")]) -> None:
    """Tells how two dataflows differ."""

    def difference() -> dict[str, Any]:
        current, before = (logic.hash_hamilton_nodes(logic.build(paths)) for paths in (modules, reference))
        return logic.diff_versions(current, before)

    _answer(ctx, "diff", difference)


def _config(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")).get("HAMILTON_CONFIG", {})
    return found


def _answer(ctx: typer.Context, command: str, work: Callable[[], dict[str, Any]]) -> None:
    try:
        answer: dict[str, Any] = {"success": True, "command": command, "message": work()}
    except AnabranchError as error:
        answer = {"success": False, "command": command, "message": {"error": type(error).__name__, "details": str(error)}}
    typer.echo(json.dumps(answer, default=str) if ctx.obj["json"] else json.dumps(answer["message"], indent=2, default=str))
    if not answer["success"]:
        raise typer.Exit(code=1)


if __name__ == "__main__":
    cli(prog_name="hamilton", args=sys.argv[1:])
