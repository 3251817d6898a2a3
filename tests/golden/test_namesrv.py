"""Our name server is asked what a Java name server was asked, over the same frames, and answers the same.

`namesrv/*.json` were written by `record_namesrv.py`. Maps and lists are compared in any order, since Java's is that of
its hash tables; that the bytes are otherwise the same, quotes and all, is seen by sorting them.
"""

import json
from pathlib import Path

import pytest
from namesrv_dialogues import Step
from namesrv_harness import NameServer

from pocketmq.protocol.fastjson import loads
from pocketmq.protocol.frame import Command

FOLDER = Path(__file__).parent / "namesrv"
CONFIGURATION_TEXT = FOLDER / "configuration-text.json"
DIALOGUES = sorted(set(FOLDER.glob("*.json")) - {CONFIGURATION_TEXT})
SYSTEM_TOPICS_CODE = 304


@pytest.mark.parametrize("path", DIALOGUES, ids=lambda path: path.stem)
def test_the_answers_are_those_of_java(path: Path) -> None:
    dialogue = json.loads(path.read_text())
    server = NameServer(**dialogue["settings"])
    for number, step in enumerate(dialogue["steps"]):
        where = f"{path.stem}[{number}] {step.get('note', '')}"
        if "pause_ms" in step:
            server.pause(step["pause_ms"])
        elif "hang_up" in step:
            server.hang_up(step["hang_up"])
        else:
            check(server.ask(step), step, where)
        assert in_any_order(server.notices()) == in_any_order(step.get("notices", [])), where


def check(answer: Command, step: Step, where: str) -> None:
    """Compares an answer with Java's, or with our own where a step says that we differ."""
    java, ours = step["answer"], step.get("ours")
    expected = java if ours is None else ours
    is_as_java = (answer.code, answer.remark, answer.body) == (java["code"], java["remark"], java["body"].encode())
    assert ours is None or not is_as_java, f"{where}: no difference left"
    assert answer.code == expected["code"], where
    assert answer.fields == expected["fields"], where
    if ours is not None and ours["remark"] is not None:
        assert (answer.remark or "").startswith(ours["remark"]), where
    else:
        assert answer.remark == expected["remark"], where
    if step["say"]["code"] == SYSTEM_TOPICS_CODE:
        check_system_topics(answer.body, expected["body"].encode(), where)
    elif expected["body"]:
        assert in_any_order(loads(answer.body)) == in_any_order(loads(expected["body"].encode())), where
        assert sorted(answer.body) == sorted(expected["body"].encode()), where
    else:
        assert answer.body == b"", where


def check_system_topics(body: bytes, expected: bytes, where: str) -> None:
    """The broker that is named is Java's first one by hash."""
    ours, java = loads(body), loads(expected)
    assert isinstance(ours, dict)
    assert isinstance(java, dict)
    assert in_any_order(ours.get("topicList")) == in_any_order(java.get("topicList")), where
    assert ours.keys() == java.keys(), where
    assert ours.get("brokerAddr") in (None, "127.0.0.1:10911", "127.0.0.1:11911"), where


def in_any_order(value: object) -> object:
    """The value with its lists sorted."""
    if isinstance(value, dict):
        return {key: in_any_order(member) for key, member in value.items()}
    if isinstance(value, list):
        return sorted((in_any_order(member) for member in value), key=repr_sorted)
    return value


def repr_sorted(value: object) -> str:
    """A text to sort values by, whatever the order of their keys."""
    return repr(sorted(value.items(), key=repr)) if isinstance(value, dict) else repr(value)


def test_the_settings_are_printed_as_java_prints_them() -> None:
    (step,) = json.loads(CONFIGURATION_TEXT.read_text())["steps"]
    java = step["answer"]["body"].splitlines()
    ours = NameServer().ask(step).body.decode().splitlines()
    own_places = ("bindAddress", "configStorePath", "kvConfigPath", "rocketmqHome", "ROOT")
    assert [line.partition("=")[0] for line in ours] == [line.partition("=")[0] for line in java]
    assert [line for line in ours if not line.startswith(own_places)] == [
        line for line in java if not line.startswith(own_places)
    ]


def test_every_dialogue_is_recorded() -> None:
    assert len(DIALOGUES) == 20
    assert sum(len(json.loads(path.read_text())["steps"]) for path in DIALOGUES) > 300
