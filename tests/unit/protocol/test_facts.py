"""One walk over the properties, compiled or not, finds what the decoder finds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketmq.model.java import java_string_hash
from pocketmq.protocol.properties import decode_properties, encode_properties
from pocketmq.protocol.record import examine
from pocketmq.protocol.record.facts import Facts, _examine_by_splitting, _examine_plainly

NAMES = st.sampled_from(
    ["TAGS", "KEYS", "UNIQ_KEY", "WAIT", "DELAY", "KEYZ", "TAG", "WAITS", "plain", "ключ", "DELAYED"]
)
VALUES = st.text(st.characters(exclude_characters="\x00\x01\x02", exclude_categories=["Cs"]), min_size=1, max_size=12)


def _all(facts: Facts) -> tuple[object, ...]:
    names = ("is_special", "is_open", "waits", "tags_code", "unique_key", "keys", "delay_level")
    return tuple(getattr(facts, name) for name in names)


@given(st.dictionaries(NAMES, VALUES, max_size=8), st.booleans())
def test_the_walk_agrees_with_the_decoder(properties: dict[str, str], is_open: bool) -> None:
    text = encode_properties(properties)
    if is_open and text:
        text = text[:-1]
    facts = examine(text)
    decoded = decode_properties(text)
    assert decoded == properties
    assert facts.unique_key.decode() == properties.get("UNIQ_KEY", "")
    assert facts.keys.decode() == properties.get("KEYS", "")
    assert facts.waits == (properties.get("WAIT", "true").lower() == "true")
    assert facts.tags_code == java_string_hash(properties.get("TAGS", ""))
    assert facts.is_special == ("DELAY" in properties)
    assert facts.is_open == bool(is_open and text)


@given(
    st.binary(max_size=60)
    | st.lists(st.sampled_from([b"TAGS", b"\x01", b"\x02", b"a", b"DELAY", b"3"])).map(b"".join)
    | st.lists(
        st.sampled_from([b"TAGS\x01t\x02", b"KEYS\x01k\x02", b"UNIQ_KEY\x01u\x02", b"WAIT\x01true", b"\x02", b"a\x01b"])
    ).map(b"".join)
)
def test_both_walks_say_the_same_of_any_bytes(text: bytes) -> None:
    plain, split = _examine_plainly(text), _examine_by_splitting(Facts(), text) if text else Facts()
    assert _all(plain) == _all(split)
    fast = examine(text)
    if fast.is_special and plain.is_special:
        return
    assert _all(fast) == _all(plain)


@pytest.mark.parametrize(
    "name",
    ["DELAY", "TRAN_MSG", "CLUSTER", "MSG_REGION", "TRACE_ON", "POP_CK", "TIMER_DELAY_SEC",
     "TIMER_DELIVER_MS", "INNER_NUM",
     "INNER_MULTI_DISPATCH", "__CRC32#", "__RMQ.TRANSIENT.x"],
)  # fmt: skip
def test_what_asks_for_care_is_special(name: str) -> None:
    assert examine(encode_properties({"a": "b", name: "1", "c": "d"})).is_special


@pytest.mark.parametrize(
    "name", ["KEYS", "PGROUP", "RETRY_TOPIC", "__SHARDINGKEY", "CORRELATION_ID", "MSG_TYPE", "TTL"]
)
def test_what_does_not_is_plain(name: str) -> None:
    assert not examine(encode_properties({name: "1"})).is_special


@pytest.mark.parametrize(("text", "level"), [(b"3", 3), (b"-1", -1), (b"x", 0), (b"9" * 20, 0)])
def test_a_delay_level_is_a_number(text: bytes, level: int) -> None:
    assert examine(b"DELAY\x01" + text + b"\x02").delay_level == level
