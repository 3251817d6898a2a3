"""The key-value table: its file, its bound, and what has to be on disk before an answer leaves."""

import io
import tarfile

import pytest
from golden_cases import VECTORS
from namesrv_dialogues import identity, register, registration, say, topic
from namesrv_harness import NameServer

from pocketmq.model.errors import Refusal
from pocketmq.namesrv import KV_CONFIG, KvConfig

JAVA_FILE = b'{"configTable":{"ORDER_TOPIC_CONFIG":{"TopicOrdered":"broker-a:4"}}}'


def put(namespace: str, key: str, value: str) -> dict[str, object]:
    return say(100, {"namespace": namespace, "key": key, "value": value})


def test_a_file_of_a_java_name_server_is_read_and_written_byte_for_byte() -> None:
    with tarfile.open(VECTORS / "brokers" / "broker.tar.gz") as archive:
        written = archive.extractfile("namesrv/kvConfig.json")
        assert isinstance(written, io.BufferedReader)
        text = written.read()
    kv_config = KvConfig.load(text)
    assert kv_config.find("ORDER_TOPIC_CONFIG", "TopicOrdered") == "broker-a:4"
    assert kv_config.text() == text == JAVA_FILE


def test_a_pretty_file_with_a_number_and_a_null_is_read_as_java_reads_it() -> None:
    kv_config = KvConfig.load(b'{\n\t"configTable":{\n\t\t"n":{"number":4,"yes":true,"none":null}\n\t}\n}')
    assert kv_config.text() == b'{"configTable":{"n":{"number":"4","yes":"true"}}}'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "JSON "),
        (b"{", "JSON "),
        (b"\xff", "JSON "),
        (b"[]", "JSON is a list, not an object"),
        (b"{}", "there is no configTable in it"),
        (b'{"configTable":[]}', "there is no configTable in it"),
        (b'{"configTable":{"n":3}}', "its namespace 'n' is no table"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_the_reason(text: bytes, reason: str) -> None:
    with pytest.raises(Refusal, match=reason):
        KvConfig.load(text)


def test_a_change_is_to_be_written_before_the_answer_leaves() -> None:
    server = NameServer()
    server.asked(say(102, {"namespace": "n", "key": "k"}))
    assert server.state.unsaved == set()
    server.asked(put("n", "k", "v"))
    assert server.state.unsaved == {KV_CONFIG}
    assert server.state.table_text(KV_CONFIG) == b'{"configTable":{"n":{"k":"v"}}}'
    server.state.unsaved.clear()
    server.asked(say(102, {"namespace": "n", "key": "k"}))
    assert server.state.unsaved == {KV_CONFIG}
    assert server.state.table_text(KV_CONFIG) == b'{"configTable":{"n":{}}}'


def test_a_value_is_required() -> None:
    server = NameServer()
    refused = server.refused(say(100, {"namespace": "n", "key": "k"}))
    assert refused == (1, "the custom field <value> is null")
    assert server.state.unsaved == set()


def test_the_table_is_bounded_in_characters() -> None:
    kv_config = KvConfig(chars_max=10)
    kv_config.put("n", "k", "12345678")
    with pytest.raises(Refusal, match="the key-value table is full: 11 of 10 characters; delete keys"):
        kv_config.put("n", "k", "123456789")
    with pytest.raises(Refusal, match="full: 11 of 10"):
        kv_config.put("n", "x", "")
    with pytest.raises(Refusal, match="full: 11 of 10"):
        kv_config.put("x", "", "")
    kv_config.put("n", "k", "1234567")
    kv_config.put("n", "x", "")
    assert kv_config.find_namespace("x") is None
    assert kv_config.delete("n", "k")
    kv_config.put("n", "y", "1234567")
    assert kv_config.text() == b'{"configTable":{"n":{"x":"","y":"1234567"}}}'


def test_a_table_that_was_loaded_counts() -> None:
    kv_config = KvConfig.load(JAVA_FILE)
    kv_config._chars_max = len("ORDER_TOPIC_CONFIG" + "TopicOrdered" + "broker-a:4")
    kv_config.put("ORDER_TOPIC_CONFIG", "TopicOrdered", "broker-a:5")
    with pytest.raises(Refusal):
        kv_config.put("ORDER_TOPIC_CONFIG", "TopicOrdered", "broker-a:10")


def test_an_emptied_order_configuration_still_goes_to_brokers() -> None:
    server = NameServer()
    server.asked(put("ORDER_TOPIC_CONFIG", "t", "broker-a:4"))
    server.asked(say(102, {"namespace": "ORDER_TOPIC_CONFIG", "key": "t"}))
    body = server.asked(register(identity(), registration([topic("a"), topic("b")])))
    assert body == {"table": {}}
