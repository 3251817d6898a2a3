"""Consumer groups: made, changed, listed, deleted, forbidden."""

import json

import pytest

from pocketmq.broker import group_table
from pocketmq.broker.groups import find_or_create
from pocketmq.model.errors import Refusal
from pocketmq.model.group import SubscriptionGroupConfig
from pocketmq.model.limits import RETRY_QUEUES_PER_GROUP_MAX
from pocketmq.model.permissions import PERM_READ
from pocketmq.model.queue import MessageQueue
from pocketmq.protocol.bodies.codec import encode_body
from pocketmq.protocol.bodies.groups import SubscriptionGroupWrapper
from pocketmq.protocol.codes import RequestCode
from pocketmq.testing.lone_broker import LoneBroker

CREATE = RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP
CREATE_LIST = RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST
GET_ALL = RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG


def body(**config: object) -> bytes:
    return json.dumps(config).encode()


def test_a_group_is_made_and_saved(broker: LoneBroker) -> None:
    broker.decide(CREATE, body=body(groupName="GroupA", retryMaxTimes=3))
    assert broker.state.unsaved == {"subscriptionGroup"}
    assert broker.ask(RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG, {"group": "GroupA"}).body.count(b'"retryMaxTimes":3')
    again = broker.restarted(broker.disk.crash_process())
    assert again.state.groups.find("GroupA") == broker.state.groups.find("GroupA")


@pytest.mark.parametrize("name", ["../../x", "", " ", "a b", "G" * 121, None, 7])
def test_an_illegal_name_is_refused(broker: LoneBroker, name: object) -> None:
    before = dict(broker.state.groups.configs)
    assert broker.ask(CREATE, body=body(groupName=name)).code == 29
    assert broker.ask(CREATE_LIST, body=body(groupConfigList=[{"groupName": "GroupA"}, {"groupName": name}])).code == 29
    assert broker.state.groups.configs == before


def test_attributes_and_queues_are_checked(broker: LoneBroker) -> None:
    assert broker.ask(CREATE, body=body(groupName="GroupA", attributes={"+priority.factor": "101"})).code == 1
    too_many = body(groupName="GroupA", retryQueueNums=RETRY_QUEUES_PER_GROUP_MAX + 1)
    assert broker.ask(CREATE, body=too_many).code == 29
    assert "GroupA" not in broker.state.groups
    assert broker.ask(CREATE, body=body(groupName="GroupA", retryQueueNums=RETRY_QUEUES_PER_GROUP_MAX)).code == 0


@pytest.mark.parametrize("broken", [b"", b"[]", b"{", b'{"groupConfigList":7}', b'{"groupConfigList":[7]}', b"\xff"])
def test_a_broken_body_is_refused_or_empty(broker: LoneBroker, broken: bytes) -> None:
    before = dict(broker.state.groups.configs)
    assert broker.ask(CREATE, body=broken).code in (1, 29)
    broker.ask(CREATE_LIST, body=broken)
    assert broker.state.groups.configs == before


def test_asking_makes_a_legal_group(broker: LoneBroker) -> None:
    assert find_or_create(broker.state, "GroupA", broker.now_ms) is broker.state.groups.find("GroupA")
    assert find_or_create(broker.state, "a/b", broker.now_ms) is None
    broker.state.settings.auto_create_subscription_group = False
    assert find_or_create(broker.state, "GroupB", broker.now_ms) is None
    assert find_or_create(broker.state, "CID_RMQ_SYS_mine", broker.now_ms) is not None
    reply = broker.ask(RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG, {"group": "GroupB"})
    assert (reply.code, reply.remark) == (26, "No group in this broker")


def test_no_group_beyond_the_bound(broker: LoneBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pocketmq.broker.group_table.GROUPS_PER_BROKER_MAX", len(broker.state.groups) + 1)
    assert find_or_create(broker.state, "GroupA", broker.now_ms) is not None
    assert find_or_create(broker.state, "GroupB", broker.now_ms) is None
    assert "one too many" in (broker.ask(CREATE, body=body(groupName="GroupB")).remark or "")


@pytest.mark.parametrize("cleans", [True, False])
def test_deleting_takes_locks_counters_and_if_wanted_offsets(broker: LoneBroker, cleans: bool) -> None:
    state = broker.state
    broker.ask(CREATE, body=body(groupName="GroupA"))
    state.offsets.commit("GroupA", "TopicA", 0, 5, broker.now_ms)
    queue = MessageQueue("TopicA", "broker-a", 0)
    state.locks.acquire("GroupA", [queue], "c1", broker.now_ms)
    state.statistics.count_get("GroupA", "TopicA", 10, 1)
    fields = {"groupName": "GroupA", "cleanOffset": "true" if cleans else "false"}
    assert broker.ask(RequestCode.DELETE_SUBSCRIPTIONGROUP, fields).code == 0
    assert "GroupA" not in state.groups
    assert state.locks.owner("GroupA", queue, broker.now_ms) is None
    assert state.statistics.find("GROUP_GET_NUMS", "TopicA@GroupA") is None
    assert state.offsets.find("GroupA", "TopicA", 0) == (-1 if cleans else 5)
    again = broker.restarted(broker.disk.crash_process())
    assert "GroupA" not in again.state.groups
    assert again.state.offsets.find("GroupA", "TopicA", 0) == -1


def test_what_a_group_may_not_read(broker: LoneBroker) -> None:
    code, fields = RequestCode.UPDATE_AND_GET_GROUP_FORBIDDEN, {"group": "GroupA", "topic": "TopicA"}
    assert broker.ask(code, fields | {"readable": "false"}).code == 26
    broker.ask(CREATE, body=body(groupName="GroupA"))
    assert (
        broker.ask(code, fields | {"readable": "false"}).body == b'{"group":"GroupA","readable":false,"topic":"TopicA"}'
    )
    broker.ask(code, fields | {"readable": "false", "topic": "TopicB"})
    assert broker.state.groups.forbidden_bits("GroupA", "TopicA") == PERM_READ
    again = broker.restarted(broker.disk.crash_process())
    assert again.state.groups.forbidden == {"GroupA": {"TopicA": PERM_READ, "TopicB": PERM_READ}}
    broker.ask(code, fields | {"readable": "true"})
    assert broker.state.groups.forbidden == {"GroupA": {"TopicB": PERM_READ}}
    assert broker.ask(code, fields).body.count(b"true") == 1
    assert broker.ask(code, {"group": "../x", "topic": "TopicA", "readable": "true"}).code == 29


def test_topics_that_a_group_may_not_read_are_bounded(broker: LoneBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_table, "SUBSCRIPTIONS_PER_GROUP_MAX", 2)
    broker.ask(CREATE, body=body(groupName="GroupA"))

    def forbid(topic: str, readable: str = "false") -> int:
        fields = {"group": "GroupA", "topic": topic, "readable": readable}
        return broker.ask(RequestCode.UPDATE_AND_GET_GROUP_FORBIDDEN, fields).code

    assert [forbid(topic) for topic in ("TopicA", "TopicB", "TopicA", "TopicC")] == [0, 0, 0, 1]
    assert broker.state.groups.forbidden["GroupA"].keys() == {"TopicA", "TopicB"}
    assert [forbid("TopicC", "true"), forbid("TopicA", "true"), forbid("TopicC")] == [0, 0, 0]
    assert [forbid(topic, "true") for topic in ("TopicB", "TopicC")] == [0, 0]
    assert broker.state.groups.forbidden == {}


def test_deleting_a_group_that_is_not_there_changes_nothing(broker: LoneBroker) -> None:
    version = broker.state.groups.version
    assert broker.ask(RequestCode.DELETE_SUBSCRIPTIONGROUP, {"groupName": "GroupA"}).code == 0
    assert broker.state.groups.version == version


def test_a_part_of_the_groups(broker: LoneBroker) -> None:
    every = sorted(broker.state.groups.configs)
    reply = broker.ask(GET_ALL, {"groupSeq": 0, "maxGroupNum": 3})
    wrapper = SubscriptionGroupWrapper.decode(reply.body)
    assert (list(wrapper.subscription_group_table), reply.fields) == (every[:3], {"totalGroupNum": str(len(every))})
    where = {"groupSeq": 3, "dataVersion": encode_body(wrapper.data_version).decode()}
    assert list(SubscriptionGroupWrapper.decode(broker.ask(GET_ALL, where).body).subscription_group_table) == every[3:]
    assert broker.ask(GET_ALL, {"groupSeq": -5, "maxGroupNum": -1}).code == 0


def test_a_table_with_a_version_from_elsewhere(broker: LoneBroker) -> None:
    broker.state.load_table("delayOffset", b'{"dataVersion":{"counter":9,"timestamp":7},"offsetTable":{}}')
    assert broker.state.delays.version.counter == 9


def test_no_table_takes_an_illegal_name(broker: LoneBroker) -> None:
    with pytest.raises(Refusal, match="illegal characters"):
        broker.state.groups.put(SubscriptionGroupConfig("../x"), broker.now_ms)
