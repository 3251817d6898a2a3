"""Settings over the network: an allow-list with types and bounds, nothing that writes elsewhere or runs anything."""

import logging

import pytest
from namesrv_dialogues import Step, say
from namesrv_harness import NameServer

from pocketmq.model.namesrv_settings import NamesrvSettings
from pocketmq.model.settings import page_of
from pocketmq.namesrv import NAMESRV_CONFIG

PAGE = page_of(NamesrvSettings)


def update(text: str) -> Step:
    return say(318, body=text)


def test_a_change_holds_at_once_and_is_to_be_written() -> None:
    server = NameServer()
    server.asked(update("orderMessageEnable=true\nwaitSecondsForService = 7"))
    assert server.state.settings.order_message_enable is True
    assert server.state.settings.wait_seconds_for_service == 7
    assert server.state.unsaved == {NAMESRV_CONFIG}
    assert server.state.changed_settings == {"orderMessageEnable": "true", "waitSecondsForService": "7"}
    text = server.state.table_text(NAMESRV_CONFIG).decode()
    assert "\norderMessageEnable=true\n" in text
    assert text == server.ask(say(319)).body.decode()


def test_a_value_that_is_there_already_is_no_change() -> None:
    server = NameServer()
    server.asked(update("enableTopicList=true"))
    assert server.state.unsaved == set()
    assert server.state.changed_settings == {}


@pytest.mark.parametrize(
    "text",
    [
        "noSuchKey=1",
        "enableTopicList=perhaps",
        "waitSecondsForService=-1",
        "waitSecondsForService=99999999999",
        "scanNotActiveBrokerInterval=0",
        "scanNotActiveBrokerInterval=1.5",
        "defaultThreadPoolNums=32",
        "enableControllerInNamesrv=true",
        "productEnvName=" + "x" * 256,
        "productEnvName=a\\nkvConfigPath=b",
        "",
        "# only a comment",
    ],
    ids=lambda text: text[:40],
)
def test_what_is_unknown_or_out_of_bounds_changes_nothing_and_is_success(text: str) -> None:
    server = NameServer()
    before = server.state.settings_text()
    assert server.ask(update(text)).code == 0
    assert server.state.settings_text() == before
    assert server.state.unsaved == set()


def test_what_is_passed_over_is_logged_with_the_one_who_sent_it(caplog: pytest.LogCaptureFixture) -> None:
    server = NameServer()
    with caplog.at_level(logging.WARNING, logger="pocketmq.namesrv"):
        server.ask(update("noSuchKey=1"))
        server.ask(update("enableTopicList=false"))
    assert [record.getMessage() for record in caplog.records] == [
        "127.0.0.1:40001 wanted 'noSuchKey' to be '1'; it cannot be changed so",
        "127.0.0.1:40001 set enableTopicList to False",
    ]


@pytest.mark.parametrize("key", [d.key for d in PAGE.declarations.values() if d.at_start])
def test_what_is_settled_at_the_start_cannot_be_changed(key: str) -> None:
    server = NameServer()
    before = server.state.settings_text()
    code = server.ask(update(f"{key}=7")).code
    assert code == (16 if key in ("configBlackList", "configStorePath", "kvConfigPath") else 0)
    assert server.state.settings_text() == before


@pytest.mark.parametrize("key", [d.key for d in PAGE.declarations.values() if not d.at_start])
def test_everything_else_can_be_changed(key: str) -> None:
    declaration = PAGE.declarations[key]
    text = {bool: str(not declaration.default).lower(), int: "17", str: "other"}[type(declaration.default)]
    server = NameServer()
    server.asked(update(f"{key}={text}"))
    assert f"{key}={text}" in server.state.settings_text().decode().splitlines()


@pytest.mark.parametrize("key", ["configBlackList", "configStorePath", "kvConfigPath", "rocketmqHome"])
def test_a_black_listed_key_takes_the_others_with_it(key: str) -> None:
    server = NameServer()
    refused = server.refused(update(f"enableTopicList=false\n{key}=x"))
    assert refused == (16, "Can not update config in black list.")
    assert server.state.settings.enable_topic_list is True


def test_the_black_list_can_be_longer() -> None:
    server = NameServer(configBlackList="enableTopicList;enableAllTopicList")
    assert server.refused(update("enableAllTopicList=false"))[0] == 16
    assert server.refused(update("kvConfigPath=x"))[0] == 16


def test_a_text_that_is_no_properties_text_is_refused() -> None:
    assert NameServer().refused(update("a=\\u00zz")) == (1, "string2Properties error")


def test_bytes_that_are_no_text_change_nothing() -> None:
    server = NameServer()
    assert server.ask(say(318, body=b"\xff\xfe=\x80\nenableTopicList=\xff")).code == 0
    assert server.state.settings.enable_topic_list is True
