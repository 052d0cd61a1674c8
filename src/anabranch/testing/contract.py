"""Every promise that an executor makes, as tests: subclass it, say how the executor is made, and run pytest."""

from __future__ import annotations

import os
from typing import ClassVar

import pytest

REWRITTEN = ("calls", "base_contract", "seam_contract", "flow_contract", "fault_contract")
pytest.register_assert_rewrite(*(f"anabranch.testing.{name}" for name in REWRITTEN))

from hypothesis import HealthCheck, Phase, given, settings  # noqa: E402  after pytest has been told

from anabranch.testing.fault_contract import FaultContract  # noqa: E402
from anabranch.testing.flow_contract import FlowContract  # noqa: E402
from anabranch.testing.flows import Flow, answer, flows  # noqa: E402

__all__ = ["ExecutorContract", "FaultContract"]

PHASES = (Phase.generate, Phase.shrink)


class ExecutorContract(FlowContract):
    """The tests of `SeamContract`, those of `FlowContract`, and random flows against the oracle.

    A subclass overrides `make_executor`. What an executor does not claim with its traits is skipped. Where `close` does not
    end the workers, since somebody else has opened them, the subclass sets `owns_workers = False`.
    """

    flows: ClassVar[int] = int(os.environ.get("ANABRANCH_CONTRACT_FLOWS", "15"))
    """How many random flows are run."""

    @pytest.mark.timeout(600)  # shrinking takes its time
    def test_random_flows_give_the_oracles_answer(self) -> None:
        """Of as many flows as `flows` says."""

        @settings(max_examples=self.flows, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=PHASES)
        @given(flows(failures=True))
        def check(flow: Flow) -> None:
            driver = flow.driver(self.executor)
            found = answer(lambda: driver.execute(flow.outputs, flow.inputs, flow.overrides))
            assert flow.agrees(found), f"{found} instead of {flow.expected()}"

        check()
