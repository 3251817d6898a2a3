"""`pocketmq send` against a peer that is name server and broker at once: what it sends and prints, how it fails."""

import asyncio

import pytest

from pocketmq.model.outcome import Reply
from pocketmq.node import cli
from pocketmq.protocol.bodies import BrokerData, QueueData, TopicRouteData
from pocketmq.protocol.codes import RequestCode, ResponseCode
from pocketmq.protocol.frame import Command
from pocketmq.protocol.headers import SendMessageRequestV2, SendMessageResponse
from pocketmq.protocol.properties import decode_properties
from pocketmq.testing.scripted_peer import ScriptedPeer
from pocketmq.tools import send

STORED = SendMessageResponse(msg_id="0A000002", queue_id=0, queue_offset=7)


def route(address: str) -> Reply:
    queue = QueueData("broker-a", read_queue_nums=1, write_queue_nums=1, perm=6)
    broker = BrokerData("C", "broker-a", {0: address})
    return Reply(body=TopicRouteData(queue_datas=(queue,), broker_datas=(broker,)).encode())


def run(*words: str, answer: Reply) -> tuple[int, list[Command]]:
    async def talk() -> tuple[int, list[Command]]:
        async with ScriptedPeer({RequestCode.HEART_BEAT: Reply(), RequestCode.UNREGISTER_CLIENT: Reply()}) as peer:
            peer.script[RequestCode.GET_ROUTEINFO_BY_TOPIC] = lambda request: route(peer.address)
            peer.script[RequestCode.SEND_MESSAGE_V2] = answer
            arguments = cli.build_parser().parse_args(["send", *words, "--namesrv", peer.address])
            status = await send.send(arguments)
            return status, [one for one in peer.requests if one.code == RequestCode.SEND_MESSAGE_V2]

    return asyncio.run(talk())


def test_it_sends_what_the_flags_say(capsys: pytest.CaptureFixture[str]) -> None:
    flags = ("--tag", "A", "--key", "k1", "--key", "k2", "--property", "shop=7", "--property", "note=a=b")
    status, (request,) = run("Orders", "é", *flags, answer=Reply(fields=STORED.fields()))
    assert status == 0
    header = SendMessageRequestV2.decode(request.fields)
    properties = decode_properties(header.properties or "")
    sent = {name: properties[name] for name in ("TAGS", "KEYS", "shop", "note")}
    assert sent == {"TAGS": "A", "KEYS": "k1 k2", "shop": "7", "note": "a=b"}
    assert (header.topic, request.body) == ("Orders", "é".encode())
    assert capsys.readouterr().out == f"OK broker-a/0@7 id={properties['UNIQ_KEY']}\n"


def test_it_sends_as_often_as_asked(capsys: pytest.CaptureFixture[str]) -> None:
    status, requests = run("Orders", "hello", "--count", "3", answer=Reply(fields=STORED.fields()))
    lines = capsys.readouterr().out.splitlines()
    assert (status, len(requests), len(lines)) == (0, 3, 3)
    assert len(set(lines)) == 3


def test_less_durable_than_policy_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    answer = Reply(ResponseCode.FLUSH_DISK_TIMEOUT, fields=STORED.fields())
    assert run("Orders", "hello", answer=answer)[0] == 0
    assert capsys.readouterr().out.startswith("FLUSH_DISK_TIMEOUT broker-a/0@7 id=")


def test_a_refusal_is_one_line_and_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    async def closed_port() -> str:
        async with ScriptedPeer() as peer:
            return peer.address

    assert cli.main(["send", "Orders", "hello", "--namesrv", asyncio.run(closed_port())]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("pocketmq: no route to topic 'Orders': 127.0.0.1:")
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["Orders", "x", "--property", "shop"], "'shop' is not name=value"),
        (["Orders", "x", "--property", "=7"], "'=7' is not name=value"),
        (["Orders", "x", "--count", "0"], "0 is less than 1"),
        (["Orders", "x", "--count", "many"], "invalid at_least_one value: 'many'"),
        (["Orders"], "the following arguments are required: BODY"),
    ],
)
def test_flags_that_mean_nothing_are_mistakes(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["send", *words])
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err


def test_a_property_of_rocketmq_s_own_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["send", "Orders", "x", "--property", "TAGS=a"]) == 2
    assert "property 'TAGS' is one of RocketMQ's own" in capsys.readouterr().err


def test_the_name_server_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAMESRV_ADDR", "10.0.0.1:9876;10.0.0.2:9876")
    assert cli.build_parser().parse_args(["send", "T", "x"]).namesrv == "10.0.0.1:9876;10.0.0.2:9876"
    monkeypatch.setenv("NAMESRV_ADDR", "")
    assert cli.build_parser().parse_args(["send", "T", "x"]).namesrv == "127.0.0.1:9876"
