"""Tests here may be coroutines; what several of them make."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from coroutine_tests import loop_complaints_fail, pytest_pyfunc_call

from pocketmq.client import Consumer
from pocketmq.testing.manual_clock import ManualClock
from pocketmq.testing.scripted_cluster import ScriptedCluster

__all__ = ["consuming", "loop_complaints_fail", "pytest_pyfunc_call"]


@pytest.fixture
def consuming() -> Callable[..., Consumer]:
    """Makes a consumer of group CG on a scripted cluster, whose client id is "me"."""

    def make(cluster: ScriptedCluster, clock: ManualClock | None = None, **choices: Any) -> Consumer:
        return Consumer(
            cluster.address,
            **{"group": "CG", "client_id": "me", "clock": clock or ManualClock(), "rng": random.Random(7), **choices},
        )

    return make
