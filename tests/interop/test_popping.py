"""Java's client library pops, acknowledges, hides and pops again what came back."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from rig import toolchains
from rig.clusters import Cluster
from rig.drivers import Driver, Refused
from rig.processes import Child, Line

pytestmark = pytest.mark.interop
VERSION = "5.5.0"
_numbers = itertools.count(1)


class Popper:
    """One process with the library, popping one topic for one group."""

    def __init__(self, cluster: Cluster, topic: str, group: str) -> None:
        self.names = {"topic": topic, "group": group}
        home = cluster.home / "clients"
        home.mkdir(parents=True, exist_ok=True)
        argv = [toolchains.require("java", "it runs the Java client"), *toolchains.JVM, f"-Duser.home={home}"]
        argv += [f"-Drocketmq.client.logRoot={home}", "-cp", toolchains.java_pop_classpath(VERSION), "Popping"]
        argv += [cluster.namesrv, "broker-a", cluster.broker]
        self.child = Child(f"popper-{next(_numbers)}", argv, home / "popper.log", {"HOME": str(home)})
        self.child.wait_for("its start", lambda lines: next((True for line in lines if "ready" in line), None))

    ask = Driver.ask
    begin = Driver.begin
    answer = Driver.answer
    close = Driver.close

    def pop(self, **request: object) -> list[Line]:
        """The messages of one pop."""
        return list(self.ask("pop", **self.names, **request)["messages"])


@pytest.fixture
def popper(cluster: Cluster) -> Iterator[Popper]:
    number = next(_numbers)
    topic = cluster.topic(f"popped_{number}", queues=4)
    popper = Popper(cluster, topic, cluster.group(f"popping_{number}"))
    yield popper
    popper.close()


def bodies(messages: list[Line]) -> list[str]:
    return sorted(message["body"] for message in messages)


def test_all_is_popped_once_and_acknowledged(popper: Popper, driver: Driver) -> None:
    driver.ask("send", topic=popper.names["topic"], body="m", count=20)
    popped: list[Line] = []
    while len(popped) < 20:
        popped += popper.pop(count=8)
    assert bodies(popped) == sorted(f"m-{i}" for i in range(20))
    assert {message["topic"] for message in popped} == {popper.names["topic"]}
    for message in popped[:10]:
        assert popper.ask("ack", handle=message["handle"], **popper.names)["status"] == "OK"
    handles = ";".join(message["handle"] for message in popped[10:])
    assert popper.ask("batch_ack", handles=handles, **popper.names)["status"] == "OK"
    assert popper.pop(poll_ms=1_000) == []


def test_what_is_not_acknowledged_comes_back_under_its_own_topic(popper: Popper, driver: Driver) -> None:
    driver.ask("send", topic=popper.names["topic"], body="back", count=3)
    popped: list[Line] = []
    while len(popped) < 3:
        popped += popper.pop(invisible_ms=1_500)
    assert popper.ask("ack", handle=popped[0]["handle"], **popper.names)["status"] == "OK"
    again: list[Line] = []
    while len(again) < 2:
        again += popper.pop(invisible_ms=30_000, poll_ms=15_000)
    assert bodies(again) == bodies(popped[1:])
    assert {(message["topic"], message["times"]) for message in again} == {(popper.names["topic"], 1)}
    assert all(int(message["first"]) > 0 for message in again)
    for message in again:
        assert popper.ask("ack", handle=message["handle"], **popper.names)["status"] == "OK"
    assert popper.pop(poll_ms=1_000) == []


def test_a_message_is_hidden_for_longer(popper: Popper, driver: Driver) -> None:
    driver.ask("send", topic=popper.names["topic"], body="slow", count=1)
    (message,) = popper.pop(invisible_ms=1_000, poll_ms=10_000)
    hidden = popper.ask("hide", handle=message["handle"], invisible_ms=8_000, **popper.names)
    assert hidden["status"] == "OK"
    assert popper.pop(poll_ms=3_000) == []
    assert popper.ask("ack", handle=hidden["handle"], **popper.names)["status"] == "OK"
    assert popper.pop(poll_ms=8_000) == []


def test_a_waiting_pop_is_woken(popper: Popper, driver: Driver) -> None:
    waiting = popper.begin("pop", poll_ms=15_000, **popper.names)
    driver.ask("send", topic=popper.names["topic"], body="wake", count=1)
    assert bodies(list(popper.answer(waiting)["messages"])) == ["wake-0"]


def test_in_order_one_batch_of_a_queue_is_out_at_a_time(popper: Popper, driver: Driver) -> None:
    driver.ask("send", topic=popper.names["topic"], body="o", count=8)
    first = popper.pop(queue=0, count=1, order=1, invisible_ms=20_000)
    assert len(first) == 1
    assert popper.pop(queue=0, count=1, order=1, poll_ms=500) == []
    assert popper.ask("ack", handle=first[0]["handle"], **popper.names)["status"] == "OK"
    second = popper.pop(queue=0, count=1, order=1)
    assert len(second) == 1
    assert bodies(second) != bodies(first)


def test_by_an_expression_only_what_matches_is_popped_and_the_rest_is_passed_over(
    popper: Popper, driver: Driver
) -> None:
    topic = popper.names["topic"]
    driver.ask("send", topic=topic, body="n", count=40, tags="A,B", numbered="number")
    expression = "number BETWEEN 10 AND 29 AND TAGS IN ('B')"
    wanted = {f"n-{i}" for i in range(11, 30, 2)}
    popped: list[Line] = []
    while len(popped) < len(wanted):
        popped += popper.pop(sql=expression, count=4, invisible_ms=30_000)
    assert set(bodies(popped)) == wanted
    for message in popped:
        assert popper.ask("ack", handle=message["handle"], **popper.names)["status"] == "OK"
    assert popper.pop(sql=expression, poll_ms=1_000) == []
    assert popper.pop(poll_ms=1_000) == []
    waiting = popper.begin("pop", poll_ms=15_000, sql="number = 1", **popper.names)
    driver.ask("send", topic=topic, body="late", count=8, numbered="number", pace_ms=100)
    assert bodies(list(popper.answer(waiting)["messages"])) == ["late-1"]


def test_a_message_that_comes_back_is_judged_again(popper: Popper, driver: Driver) -> None:
    driver.ask("send", topic=popper.names["topic"], body="judged", count=2, numbered="number")
    popped: list[Line] = []
    while len(popped) < 2:
        popped += popper.pop(invisible_ms=1_500, sql="number >= 0")
    again: list[Line] = []
    while not again:
        again = popper.pop(invisible_ms=30_000, poll_ms=15_000, sql="number = 1")
    assert bodies(again) == ["judged-1"]
    assert again[0]["times"] == 1


def test_what_is_no_expression_is_refused(popper: Popper) -> None:
    with pytest.raises(Refused, match="parse the consumer's subscription failed"):
        popper.pop(sql="number >")
