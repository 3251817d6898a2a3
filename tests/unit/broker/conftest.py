"""A broker for each test."""

import pytest

from pocketmq.testing.lone_broker import LoneBroker


@pytest.fixture
def broker() -> LoneBroker:
    return LoneBroker()
