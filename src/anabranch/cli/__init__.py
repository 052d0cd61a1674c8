"""The command line: `anabranch run`, `plan`, `graph`, `list`, `executors`, `cache`, `bench`, `simulate` and `ui`.

Theory: standard output belongs to results; everything else, what the user's own functions print included, goes to
standard error. The exit code says who must act: 0 nobody, 1 the author of a task that failed, 2 the caller or the author
of the flow, 130 and 143 whoever sent the signal.

| module | knows |
| --- | --- |
| `app`, `cache`, `runs`, `durable`, `why` | commands and their options |
| `command` | what every command does around its work |
| `flow` | how a file or a dotted name becomes a module |
| `inputs`, `value`, `record` | how text becomes values of the annotated type |
| `results`, `display`, `grid` | standard output; how values look there |
| `foreign` | which values are of numpy, pandas or polars |
| `document`, `store` | values as JSON, and as files |
| `outline`, `catalog` | what `plan`, `list` and `executors` show |
| `pictures` | what `graph` draws |
| `bench`, `simulate`, `ui` | how executors that were compared, predictions and the history are shown |
| `watching` | the observers that `run` is told to attach |
| `ending`, `signals` | errors, exit codes, SIGINT and SIGTERM |

Nothing here but `signals` is imported before typer and rich are known to be there.
"""

from __future__ import annotations

import sys

from anabranch.cli import signals

__all__ = ["main"]

NEEDED = ("typer", "rich")


def main() -> None:
    """Runs the command line and exits; without typer or rich, says how to install them."""
    signals.heed()  # to import the rest takes long enough to be interrupted
    try:
        code = _start()
    except (KeyboardInterrupt, signals.Terminated) as error:
        code = signals.exit_code(error) or 1
        if sys.stderr is not None:
            print("interrupted" if code == 130 else "terminated", file=sys.stderr)  # noqa: T201  rich may not be there
    sys.exit(code)


def _start() -> int:
    from importlib.util import find_spec

    if missing := [name for name in NEEDED if find_spec(name) is None]:
        message = f"the command line needs {' and '.join(missing)}: pip install 'anabranch[cli]'"
        print(message, file=sys.stderr)  # noqa: T201  there is no rich to print it with
        return 2
    from anabranch.cli import durable, runs, why  # noqa: F401  more commands
    from anabranch.cli.app import start

    return start()
