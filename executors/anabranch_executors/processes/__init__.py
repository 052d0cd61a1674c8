"""Runs calls in worker processes on this machine.

Theory: every worker has a connection of its own, so it is always known which worker holds which call; when one dies,
exactly its call is lost. All state belongs to one thread; whoever wants something of it posts a command. Nothing is
polled and nothing sleeps.

    engine's thread                  I/O thread, one per pool                 worker process
    ───────────────                  ────────────────────────                 ──────────────
    lease.submit: pickle ──command─▶ pool: queue, links ──data socket──────▶ main thread: perform
              reply(message) ◀────── unpickle ◀─────────────data socket───── outcome, "returned"
                                       │  │  │ ◀────────────lane───────────▶ readers of segments, ahead of messages
                                       │  │  └──────────control socket─────▶ guard thread: revoke; exit at EOF
                                       │  └─ launcher: spawn, fork, or
                                       └──socket──▶ zygote process: forks a worker on request, reports how it ended

Large frames lie in memory that the processes share: laid there once by the sender, mapped by each receiver.

Invariants:

* a worker holds calls of one run at a time, so leaving a run kills its workers and harms no other run;
* a worker ends when the driver does, in whatever way the driver ends;
* a worker never imports or runs the user's `__main__`;
* what many calls share is read-only in the worker; what one call is given, and what it returns, is the receiver's own.

| module | knows |
| --- | --- |
| `executor` | options, leases, pickling of calls |
| `parcel` | what a worker keeps: code and shared values |
| `pool` | which worker gets which call |
| `crew` | that workers start, are read and written, and end |
| `link` | the driver's end of one worker |
| `loop` | one thread, its selector and its commands |
| `launch` | the start methods; how a worker ended |
| `zygote`, `worker` | what runs in the other processes |
| `wire` | messages on a socket |
| `segments` | memory that processes share, and when it can be written again |
| `lane` | how descriptors get from one process to another |
| `place` | import path, arguments, directory and environment that workers share with the driver |
| `cpus` | how many processors this process may use |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anabranch_executors.processes.executor import ProcessExecutor

__all__ = ["ProcessExecutor"]


def __getattr__(name: str) -> Any:
    """The executor, on demand: a worker imports this package and needs none of the driver's side."""
    if name == "ProcessExecutor":
        from anabranch_executors.processes.executor import ProcessExecutor

        return ProcessExecutor
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
