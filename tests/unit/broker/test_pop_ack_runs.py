"""Acknowledgements that come together: each is answered as it would be alone, and they share records."""

import random
import struct
from collections.abc import Sequence

import pytest
from popper import BROKER, TOPIC, Popper, bodies, messages

from pocketmq.broker.popping.ack_runs import ack_run
from pocketmq.broker.topics import create_plain
from pocketmq.model import names
from pocketmq.model.outcome import Outcome, Reply, ReplyWhenDurable
from pocketmq.protocol.bodies.popping import TAG_BATCH_ACK
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.connection import Connection
from pocketmq.protocol.frame import encode_request
from pocketmq.protocol.frame.encoding import JSON, ROCKETMQ
from pocketmq.testing.lone_broker import ALICE, LoneBroker
from pocketmq.testing.popped import Popped

OK, GONE, ILLEGAL = ResponseCode.SUCCESS, ResponseCode.NO_MESSAGE, ResponseCode.MESSAGE_ILLEGAL

Fields = dict[str, object]


@pytest.fixture
def popper() -> Popper:
    return made()


def made() -> Popper:
    """A topic of two queues, eight messages in each, on a broker of its own."""
    broker = LoneBroker()
    broker.state.settings.broker_name = BROKER
    create_plain(broker.state, TOPIC, 2, broker.now_ms)
    for index in range(16):
        broker.store(TOPIC, index % 2, b"%d" % index)
    return Popper(broker)


def decided(popper: Popper, asked: Sequence[Fields], kind: int = JSON) -> list[Outcome]:
    """The outcomes of these acknowledgements, when they come together, their headers serialized so."""
    texts = [{name: str(value) for name, value in fields.items()} for fields in asked]
    frames = [encode_request(RequestCode.ACK_MESSAGE, fields, opaque=1, serialize_type=kind) for fields in texts]
    return list(ack_run(Connection().feed(b"".join(frames)), ALICE, popper.broker.state, popper.broker.now_ms))


def together(popper: Popper, asked: Sequence[Fields], kind: int = JSON) -> list[int]:
    """The codes of the answers, once the turn has ended."""
    return codes_of(popper, decided(popper, asked, kind))


def codes_of(popper: Popper, outcomes: Sequence[Outcome]) -> list[int]:
    popper.broker.end_turn()
    replies = [outcome.reply if isinstance(outcome, ReplyWhenDurable) else outcome for outcome in outcomes]
    return [reply.code for reply in replies if isinstance(reply, Reply)]


def fields_of(popper: Popper, popped: Sequence[Popped]) -> list[Fields]:
    return [one.ack_fields(popper.group) for one in popped]


def revive_tags(popper: Popper) -> list[str | None]:
    """The tags of the records that were written of a group's pops."""
    broker = popper.broker
    topic = names.revive_topic(broker.state.settings.broker_cluster_name)
    return [found.tags for queue_id in broker.state.store.queues(topic) for found in messages(broker, topic, queue_id)]


def test_those_of_a_checkpoint_share_a_record_and_wait_for_it(popper: Popper) -> None:
    popped = popper.pop(8, queue_id=0)
    outcomes = decided(popper, fields_of(popper, popped))
    end = popper.broker.state.store.log.end
    assert all(isinstance(outcome, ReplyWhenDurable) and outcome.log_offset_end == end for outcome in outcomes)
    popper.broker.end_turn()
    assert revive_tags(popper).count(TAG_BATCH_ACK) == 1
    assert popper.committed() == 8


def test_what_came_together_is_done_after_a_kill(popper: Popper) -> None:
    popped = popper.pop(8, queue_id=0)
    assert together(popper, fields_of(popper, popped[:3] + popped[5:])) == [OK] * 6
    again = Popper(popper.broker.restarted(popper.broker.disk.crash_process()))
    again.revive(after_ms=60_000)
    assert bodies(again.pop(8, queue_id=0)) == [popped[3].body, popped[4].body]


def test_one_that_is_no_message_is_refused_and_the_others_are_not(popper: Popper) -> None:
    popped = popper.pop(8, queue_id=0)
    asked = fields_of(popper, popped)
    asked[1] |= {"extraInfo": "nonsense"}
    asked[2] |= {"offset": 7}
    asked[3] |= {"topic": "Nowhere"}
    del asked[4]["extraInfo"]
    codes = together(popper, asked)
    assert codes == [
        OK,
        ResponseCode.SYSTEM_ERROR,
        ILLEGAL,
        ResponseCode.TOPIC_NOT_EXIST,
        ResponseCode.SYSTEM_ERROR,
        OK,
        OK,
        OK,
    ]
    assert [found.left() for found in popper.broker.state.pops.open.values()] == [[1, 2, 3, 4]]


def test_a_handle_with_the_messages_log_offset_is_looked_at_each_time(popper: Popper) -> None:
    popped = popper.pop(8, queue_id=0)
    asked = fields_of(popper, popped)
    for fields in asked[:2]:
        fields["extraInfo"] = f"{fields['extraInfo']} 1"
    asked[1] |= {"extraInfo": f"{popped[0].handle.encode()} {popped[1].message.queue_offset}"}
    assert together(popper, asked[:2]) == [OK, ILLEGAL]


def test_a_store_that_takes_nothing_refuses_all_and_forgets_none(popper: Popper) -> None:
    popped = popper.pop(8, queue_id=0)
    popper.broker.state.store.refuses = "full"
    asked = fields_of(popper, popped)
    assert together(popper, [*asked, asked[0]]) == [ResponseCode.SERVICE_NOT_AVAILABLE] * 9
    popper.broker.state.store.refuses = None
    assert together(popper, fields_of(popper, popped)) == [OK] * 8


@pytest.mark.parametrize("seed", range(60))
def test_each_is_answered_as_it_would_be_alone(seed: int) -> None:
    choose = random.Random(seed)
    alone, joined = made(), made()
    popped = [
        (alone.pop(count, queue_id=queue_id), joined.pop(count, queue_id=queue_id))
        for queue_id in (0, 1)
        for count in (5, 2)
    ]
    hidden = choose.randrange(2)
    if hidden:
        alone.hide(popped[0][0][1], 90_000)
        joined.hide(popped[0][1][1], 90_000)
    time_passes = choose.choice([0, 0, 60_000])
    for _ in range(4):
        asked = []
        for one in choose.choices([one for batch, _ in popped for one in batch], k=choose.randrange(1, 12)):
            fields = one.ack_fields(alone.group)
            if choose.random() < 0.2:
                fields |= choose.choice(
                    [{"offset": 3}, {"queueId": 1}, {"extraInfo": "0 1 2"}, {"consumerGroup": "Other"}, {"offset": 99}]
                )
            asked.append(fields)
        separate = [alone.broker.ask(RequestCode.ACK_MESSAGE, fields).code for fields in asked]
        assert together(joined, asked, choose.choice((JSON, ROCKETMQ))) == separate
        left = [
            sorted((key, found.left()) for key, found in each.broker.state.pops.open.items())
            for each in (alone, joined)
        ]
        assert left[0] == left[1]
        assert [alone.committed(place) for place in (0, 1)] == [joined.committed(place) for place in (0, 1)]
        alone.broker.now_ms += time_passes
        joined.broker.now_ms += time_passes


def written(ext: bytes) -> bytes:
    """A frame with these extension fields, as they stand."""
    head = b'{"code":%d,"language":"JAVA","version":513,"opaque":1,"flag":0,"extFields":%b}' % (
        RequestCode.ACK_MESSAGE,
        ext,
    )
    return struct.pack(">II", 4 + len(head), len(head)) + head


@pytest.mark.parametrize(
    ("how", "codes"),
    [
        (b'{"offset":"%(n)d","extraInfo":"%(h)b %(n)d",%(rest)b}', [OK, OK, OK]),
        (b'{"extraInfo": "%(h)b %(n)d", "offset": "%(n)d", %(rest)b}', [OK, OK, OK]),
        (b'{"extraInfo":"%(h)b %(n)d","offset":%(n)d,%(rest)b}', [OK, OK, OK]),
        (b'{"extraInfo":"%(h)b %(n)d","offset":"0%(n)d",%(rest)b}', [OK, OK, OK]),
        (b'{"offset":"0","extraInfo":"%(h)b %(n)d","offset":"%(n)d",%(rest)b}', [OK, OK, OK]),
        (b'{"extraInfo":"%(h)b %(n)d","offset":"%(n)d","offset":"0",%(rest)b}', [OK, ILLEGAL, ILLEGAL]),
        (b'{"extraInfo":"%(h)b %(n)d","offset":"0","o\\u0066fset":"%(n)d",%(rest)b}', [OK, OK, OK]),
        (b'{"extraInfo":"%(h)b %(n)d","offset":"%(n)d","o\\u0066fset":"0",%(rest)b}', [OK, ILLEGAL, ILLEGAL]),
        (b'{"extraInfo":"%(h)b 0%(n)d","offset":"0%(n)d",%(rest)b}', [OK, OK, OK]),
        (b'{"extraInfo":"%(h)b 0 %(n)d","offset":"%(n)d",%(rest)b}', [OK, ILLEGAL, ILLEGAL]),
        (b'{"extraInfo":"%(h)b 0","offset":"%(n)d",%(rest)b}', [OK, ILLEGAL, ILLEGAL]),
        (b'{"extraInfo":"%(h)b %(n)d","offset":"0",%(rest)b}', [OK, ILLEGAL, ILLEGAL]),
        (b'{"extraInfo":"%(h)b %(n)d","offset":"%(n)d","x":"\\"offset\\":\\"0\\"",%(rest)b}', [OK, OK, OK]),
    ],
)
def test_whatever_the_text_of_a_request_it_is_the_message_that_it_names(
    popper: Popper, how: bytes, codes: list[int]
) -> None:
    popped = popper.pop(8, queue_id=0)
    rest = b'"consumerGroup":"%b","topic":"%b","queueId":"0"' % (popper.group.encode(), TOPIC.encode())
    handle = popped[0].handle.encode().rpartition(" ")[0].encode()
    frames = [written(how % {b"h": handle, b"n": number, b"rest": rest}) for number in range(3)]
    outcomes = ack_run(Connection().feed(b"".join(frames)), ALICE, popper.broker.state, popper.broker.now_ms)
    assert codes_of(popper, list(outcomes)) == codes
    (checkpoint,) = popper.broker.state.pops.open.values()
    assert checkpoint.left() == [number for number, code in enumerate(codes) if code != OK] + list(range(3, 8))


@pytest.mark.parametrize(
    ("number", "is_known"), [(7, True), (8, False), (-1, False), (1 << 63, False), (10**30, False)]
)
def test_only_messages_of_the_batch_are_like_its_others(popper: Popper, number: int, is_known: bool) -> None:
    popped = popper.pop(8, queue_id=0)
    asked = fields_of(popper, popped[:2])
    handle = popped[0].handle.encode().rpartition(" ")[0]
    asked.insert(1, asked[0] | {"extraInfo": f"{handle} {number}", "offset": number})
    codes = together(popper, asked)
    assert (codes[0], codes[1] == OK, codes[2]) == (OK, is_known, OK)


def test_messages_that_have_expired_are_not_acknowledged_with_others(
    popper: Popper, monkeypatch: pytest.MonkeyPatch
) -> None:
    popped = popper.pop(8, queue_id=0)
    monkeypatch.setattr(popper.broker.state.store, "min_offset", lambda topic, queue_id: 3)
    asked = [fields for fields in fields_of(popper, popped) if fields["offset"] in (2, 3, 4)]
    assert together(popper, [asked[1], asked[0], asked[2]]) == [OK, GONE, OK]
