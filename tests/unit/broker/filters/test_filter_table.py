"""What groups filter by: born, replaced by newer words, dead, alive again, forgotten; and the file of it."""

import json
from dataclasses import replace

import pytest

from pocketmq.broker import sessions
from pocketmq.broker.filters import filter_table
from pocketmq.broker.filters.filter_table import FilterTable
from pocketmq.model.subscription import EXPRESSION_SQL92, SubscriptionData
from pocketmq.protocol.bodies.filters import ConsumerFilterData
from pocketmq.testing.lone_broker import LoneBroker

BOOT_MS = 1_709_210_000_000


def wants(expression: str, version: int, topic: str = "TopicA", kind: str = EXPRESSION_SQL92) -> SubscriptionData:
    return SubscriptionData(topic, expression, sub_version=version, expression_type=kind)


def said(table: FilterTable, topic: str = "TopicA") -> ConsumerFilterData:
    found = table.find(topic, "CG")
    assert found is not None
    assert found.filter.expression == found.said.expression
    return found.said


def test_a_newer_expression_replaces_an_older_one() -> None:
    table = FilterTable(BOOT_MS)
    table.register("CG", [wants("a = 1", 5)], 100)
    table.register("CG", [wants("a = 2", 5)], 200)
    table.register("CG", [wants("a = 3", 4)], 300)
    assert (said(table).expression, said(table).born_time, said(table).client_version) == ("a = 1", 100, 5)
    table.register("CG", [wants("a = 1", 6)], 400)
    assert (said(table).born_time, said(table).client_version) == (100, 6)
    table.register("CG", [wants("a = 4", 7)], 500)
    assert (said(table).expression, said(table).born_time, said(table).client_version) == ("a = 4", 500, 7)
    table.register("CG", [wants("a =", 8)], 600)
    assert table.find("TopicA", "CG") is None
    assert len(table) == 0


def test_tags_and_nothing_are_no_expressions() -> None:
    table = FilterTable(BOOT_MS)
    table.register("CG", [wants("TagA", 1, kind="TAG"), wants("", 1, "TopicB"), wants("a =", 1, "TopicC")], 100)
    assert (len(table), table.is_changed) == (0, False)


def test_who_is_gone_is_dead_and_may_come_again() -> None:
    table = FilterTable(BOOT_MS)
    table.register("CG", [wants("a = 1", 1), wants("b = 1", 1, "TopicB")], 100)
    assert table.groups_alive() == ["CG"]
    table.register("CG", [wants("a = 1", 1)], 200)
    assert (said(table).is_dead, said(table, "TopicB").is_dead, said(table, "TopicB").dead_time) == (False, True, 200)
    table.unregister("CG", 300)
    table.unregister("CG", 400)
    table.unregister("Other", 400)
    assert (said(table).dead_time, said(table, "TopicB").dead_time, table.groups_alive()) == (300, 200, [])
    table.register("CG", [wants("a = 1", 0), wants("b = 1", 2, "TopicB")], 500)
    assert (said(table).is_dead, said(table, "TopicB").is_dead) == (True, False)
    table.register("CG", [wants("a = 1", 1), wants("b = 1", 2, "TopicB")], 600)
    assert not said(table).is_dead


def test_what_has_been_dead_for_long_is_forgotten() -> None:
    table = FilterTable(BOOT_MS)
    table.register("CG", [wants("a = 1", 1), wants("b = 1", 1, "TopicB")], 100)
    table.register("CG", [wants("a = 1", 1)], 200)
    table.forget_dead(1199, 1000)
    assert len(table) == 2
    table.forget_dead(1200, 1000)
    assert (len(table), table.find("TopicB", "CG")) == (1, None)
    table.unregister("CG", 2000)
    table.forget_dead(3000, 1000)
    assert (len(table), table.groups_alive()) == (0, [])


def test_one_group_goes_and_the_other_stays() -> None:
    table = FilterTable(BOOT_MS)
    for group in ("CG", "Other"):
        table.register(group, [wants("a = 1", 1)], 100)
    table.unregister("Other", 200)
    table.forget_dead(1200, 1000)
    assert (len(table), table.find("TopicA", "Other"), said(table).expression) == (1, None, "a = 1")


def test_the_table_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filter_table, "FILTER_TABLE_CHARS_MAX", 30)
    table = FilterTable(BOOT_MS)
    table.register("CG", [wants("a = 1", 1), wants("b = 1", 1, "TopicB"), wants("c = 1", 1, "TopicC")], 100)
    assert len(table) == 2
    table.register("CG", [wants("a = 1", 1)], 200)
    table.forget_dead(1200, 1000)
    table.register("CG", [wants("a = 1", 1), wants("c = 1", 1, "TopicC")], 1300)
    assert table.find("TopicC", "CG") is not None


def test_one_heartbeat_brings_so_much_to_read_and_the_next_one_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    assert filter_table.FILTER_CHARS_PER_HEARTBEAT_MAX == 65_536
    monkeypatch.setattr(filter_table, "FILTER_CHARS_PER_HEARTBEAT_MAX", 12)
    table = FilterTable(BOOT_MS)
    wanted = [wants("a = 1", 1, topic) for topic in ("TopicA", "TopicB", "TopicC")]
    table.register("CG", wanted, 100)
    assert len(table) == 2
    table.register("CG", wanted, 200)
    assert len(table) == 3


def test_the_file_brings_it_all_back() -> None:
    table = FilterTable(BOOT_MS)
    table.register("CG", [wants("a = 1", 7), wants("b = 1", 7, "TopicB")], BOOT_MS - 40_000)
    table.unregister("CG", BOOT_MS - 35_000)
    table.register("CG", [wants("a = 1", 7)], BOOT_MS - 34_000)
    assert table.is_changed
    content = table.encode()
    assert not table.is_changed
    again = FilterTable(BOOT_MS)
    again.load(content)
    # Nobody is there yet: what lived when the file was written counts as gone for half a minute.
    assert said(again) == replace(said(table), dead_time=BOOT_MS - 30_000)
    assert said(again, "TopicB") == said(table, "TopicB")
    again.register("CG", [wants("a = 1", 7), wants("b = 1", 7, "TopicB")], BOOT_MS)
    assert again.groups_alive() == ["CG"]


JAVAS_FILE = """{
	"filterDataByTopic":{
		"TopicGolden":{
			"groupFilterData":{
				"CG_golden":{
					"bloomFilterData":{
						"bitNum":112,
						"bitPos":[111,10,11]
					},
					"bornTime":1795612610198,
					"clientVersion":5,
					"consumerGroup":"CG_golden",
					"dead":false,
					"deadTime":0,
					"expression":"n = 5",
					"expressionType":"SQL92",
					"topic":"TopicGolden"
				}
			},
			"topic":"TopicGolden"
		}
	}
}"""


def test_the_file_is_javas_byte_for_byte() -> None:
    table = FilterTable(BOOT_MS)
    table.register("CG_golden", [wants("n = 5", 5, "TopicGolden")], 1795612610198)
    assert table.encode().decode() == JAVAS_FILE
    again = FilterTable(1795612620000)
    again.load(JAVAS_FILE.encode())
    again.register("CG_golden", [wants("n = 5", 5, "TopicGolden")], 1795612630000)
    assert again.encode().decode() == JAVAS_FILE


def test_javas_file_is_read() -> None:
    row = {
        "bloomFilterData": {"bitNum": 112, "bitPos": [36, 20, 4]},
        "bornTime": BOOT_MS - 10_000,
        "clientVersion": 7,
        "consumerGroup": "CG",
        "dead": False,
        "deadTime": 0,
        "expression": "a > 5",
        "expressionType": "SQL92",
        "topic": "TopicA",
    }
    broken = row | {"topic": "TopicB", "expression": "a >"}
    by_topic = {
        name: {"groupFilterData": {"CG": one}, "topic": name} for name, one in (("TopicA", row), ("TopicB", broken))
    }
    table = FilterTable(BOOT_MS)
    table.load(json.dumps({"filterDataByTopic": by_topic}).encode())
    assert (said(table).expression, said(table).dead_time, len(table)) == ("a > 5", BOOT_MS - 10_000, 1)
    empty = FilterTable(BOOT_MS)
    empty.load(b'{"filterDataByTopic":{}}')
    assert empty.encode() == b'{\n\t"filterDataByTopic":{}\n}'


def test_a_broker_knows_after_a_restart_what_its_groups_filter_by(broker: LoneBroker) -> None:
    row = {"topic": "TopicA", "subString": "a = 1", "subVersion": 3, "expressionType": "SQL92"}
    group = {"groupName": "CG", "subscriptionDataSet": [row], "consumeType": "CONSUME_PASSIVELY"}
    body = json.dumps({"clientID": "c", "consumerDataSet": [group], "producerDataSet": []}).encode()
    broker.ask(34, body=body)
    sessions.expire(broker.state, broker.now_ms + 1)
    assert not said(broker.state.filters).is_dead
    sessions.connection_closed(broker.state, 1)
    sessions.expire(broker.state, broker.now_ms + 2)
    assert said(broker.state.filters).dead_time == broker.now_ms + 2
    broker.save("consumerFilter")
    again = LoneBroker(broker.disk)
    assert said(again.state.filters) == said(broker.state.filters)
    sessions.expire(again.state, broker.now_ms + 2 + again.state.settings.filter_data_clean_time_span)
    assert len(again.state.filters) == 0
