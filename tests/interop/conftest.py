"""Fixtures of the interop tests; ``--broker=java`` runs them against Apache's own broker for reference."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from rig.clusters import Cluster, start_cluster
from rig.drivers import CLIENTS, Driver, Fleet
from rig.mqadmin import Mqadmin


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the choice of broker."""
    parser.addoption(
        "--broker", choices=("pocketmq", "java"), default="pocketmq", help="whose broker the interop tests use"
    )


@pytest.fixture(scope="session")
def make(request: pytest.FixtureRequest) -> str:
    """Whose broker is tested: ``pocketmq`` or ``java``."""
    return request.config.getoption("--broker", "pocketmq")


@pytest.fixture(scope="session")
def cluster(make: str) -> Iterator[Cluster]:
    """One cluster for all tests that leave it as they found it."""
    cluster = start_cluster(make)
    yield cluster
    cluster.close()


@pytest.fixture(scope="session", params=CLIENTS)
def fleet(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[Fleet]:
    """Processes with each official client in turn."""
    fleet = Fleet(request.param, cluster)
    yield fleet
    fleet.close()


@pytest.fixture(scope="module")
def driver(cluster: Cluster) -> Iterator[Driver]:
    """A process with Java's 5.x client."""
    driver = Driver("java-5.5.0", cluster.namesrv, cluster.home / "clients")
    yield driver
    driver.close()


@pytest.fixture(scope="session")
def mqadmin(cluster: Cluster) -> Iterator[Mqadmin]:
    """Apache's command line tool in one JVM."""
    mqadmin = Mqadmin(cluster)
    yield mqadmin
    mqadmin.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Show what the servers logged when a test has failed."""
    report = yield
    if report.when == "call" and report.failed:
        for name in ("cluster", "own_cluster"):
            cluster = getattr(item, "funcargs", {}).get(name)
            if cluster is not None:
                report.sections.append((f"{name} logs", cluster.logs()))
    return report


@pytest.fixture
def fresh(cluster: Cluster) -> Callable[..., str]:
    """Run one command in a JVM of its own: some cannot run twice in one."""

    def run(command: str, *arguments: str) -> str:
        mqadmin = Mqadmin(cluster)
        try:
            return mqadmin(command, *arguments)
        finally:
            mqadmin.close()

    return run
