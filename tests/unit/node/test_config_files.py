"""Settings out of files, environment and command line: order, places, mistakes, and changes written back."""

from pathlib import Path

import pytest

from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.errors import UserError
from pocketmq.model.namesrv_settings import NamesrvSettings
from pocketmq.node.config_files import (
    CONFIG_FILE_BYTES_MAX,
    Entry,
    apply,
    environment_entries,
    file_entries,
    text_entries,
    word_entries,
    write_changes,
)


def entries_of(text: str) -> list[tuple[str, str, str]]:
    return [(entry.key, entry.text, entry.origin) for entry in text_entries(text, "b.conf")]


def test_each_entry_knows_its_line() -> None:
    text = (
        "# first\n\n  ! second\nbrokerName = a\r\nlistenPort:10911\n"
        "namesrvAddr\\\n   =10.0.0.1:9876;\\\n  10.0.0.2:9876\nbrokerId 3"
    )
    assert entries_of(text) == [
        ("brokerName", "a", "b.conf:4"),
        ("listenPort", "10911", "b.conf:5"),
        ("namesrvAddr", "10.0.0.1:9876;10.0.0.2:9876", "b.conf:6"),
        ("brokerId", "3", "b.conf:9"),
    ]


@pytest.mark.parametrize("text", ["", "\n\n", "# a", "   ", "! a\\\n", "#=1\r\r"])
def test_comments_and_blanks_are_no_entries(text: str) -> None:
    assert entries_of(text) == []


def test_a_backslash_at_the_end_of_the_file_ends_the_line() -> None:
    assert entries_of("brokerName=a\\") == [("brokerName", "a", "b.conf:1")]


def test_a_file_is_read_with_its_path_as_place(tmp_path: Path) -> None:
    path = tmp_path / "b.conf"
    path.write_bytes("\ufeffbrokerName=a\n".encode())
    assert file_entries(str(path)) == [Entry("brokerName", "a", f"{path}:1")]
    path.write_bytes(b"brokerName=\xe9\n")
    assert file_entries(str(path)) == [Entry("brokerName", "é", f"{path}:1")]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read .*absent.conf: No such file or directory"):
        file_entries(str(tmp_path / "absent.conf"))
    with pytest.raises(UserError, match=r"cannot read .*: Is a directory"):
        file_entries(str(tmp_path))


def test_a_file_of_the_wrong_kind_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "commitlog"
    with path.open("wb") as huge:
        huge.truncate(CONFIG_FILE_BYTES_MAX + 1)
    with pytest.raises(UserError, match=r"commitlog is no configuration: it is larger than 1048576 bytes"):
        file_entries(str(path))
    with path.open("wb") as fits:
        fits.write(b"#" * CONFIG_FILE_BYTES_MAX)
    assert file_entries(str(path)) == []


def test_a_mistake_is_told_with_file_and_line() -> None:
    with pytest.raises(UserError, match=r"^b.conf:2: unknown key 'brokerIp1'; did you mean brokerIP1\?"):
        apply(BrokerSettings(), text_entries("brokerName=a\nbrokerIp1=10.0.0.2\n", "b.conf"))


def test_a_key_given_twice_is_told_and_the_later_holds() -> None:
    settings = BrokerSettings()
    warnings = apply(settings, text_entries("brokerName=a\nlistenPort=1\nbrokerName=b\n", "b.conf"))
    assert warnings == ["b.conf:3: brokerName is also set at b.conf:1; the later one holds"]
    assert settings.broker_name == "b"


def test_environment_over_file_is_no_warning() -> None:
    settings = BrokerSettings()
    entries = [Entry("brokerName", "a", "b.conf:1"), Entry("brokerName", "b", "environment variable X")]
    entries += [Entry("brokerName", "c", "command line"), Entry("brokerName", "d", "command line")]
    assert apply(settings, entries) == []
    assert settings.broker_name == "d"


def test_the_environment_sets_any_key() -> None:
    environment = {
        "POCKETMQ_BROKER_LISTEN_PORT": "20911",
        "POCKETMQ_BROKER_BROKER_IP1": "10.0.0.2",
        "POCKETMQ_BROKER_SEND_MESSAGE_THREAD_POOL_NUMS": "16",
        "POCKETMQ_NAMESRV_LISTEN_PORT": "19876",
        "PATH": "x",
    }
    settings = BrokerSettings()
    assert apply(settings, environment_entries(BrokerSettings, environment)) == []
    assert (settings.listen_port, settings.broker_ip1) == (20911, "10.0.0.2")
    assert settings.passed_over == {"sendMessageThreadPoolNums": "16"}
    namesrv = NamesrvSettings()
    assert apply(namesrv, environment_entries(NamesrvSettings, environment)) == []
    assert namesrv.listen_port == 19876


def test_a_wrong_value_in_the_environment_names_the_variable() -> None:
    entries = environment_entries(BrokerSettings, {"POCKETMQ_BROKER_LISTEN_PORT": "x"})
    with pytest.raises(UserError, match=r"^environment variable POCKETMQ_BROKER_LISTEN_PORT: listenPort must be"):
        apply(BrokerSettings(), entries)


def test_an_unknown_variable_of_ours_is_a_typing_error() -> None:
    with pytest.raises(UserError, match=r"names no setting; did you mean POCKETMQ_BROKER_LISTEN_PORT\?"):
        environment_entries(BrokerSettings, {"POCKETMQ_BROKER_LISTENPORT": "1"})
    with pytest.raises(UserError, match=r"POCKETMQ_BROKER_ names no setting"):
        environment_entries(BrokerSettings, {"POCKETMQ_BROKER_": "1"})


@pytest.mark.parametrize(
    "name",
    [
        "SERVICE_HOST",
        "SERVICE_PORT",
        "SERVICE_PORT_REMOTING",
        "PORT",
        "PORT_10911_TCP",
        "PORT_10911_TCP_ADDR",
        "PORT_10911_TCP_PROTO",
    ],
)
def test_what_kubernetes_sets_for_a_service_called_pocketmq_broker_is_no_mistake(name: str) -> None:
    assert environment_entries(BrokerSettings, {f"POCKETMQ_BROKER_{name}": "tcp://10.0.0.1:10911"}) == []


def test_words_after_the_flags_set_any_key() -> None:
    words = [
        "autoCreateTopicEnable=false",
        "--listen-port=20911",
        "--broker-name",
        "b",
        "namesrvAddr=a:1;b:2",
        "regionId=",
    ]
    assert [(entry.key, entry.text) for entry in word_entries(BrokerSettings, words)] == [
        ("autoCreateTopicEnable", "false"),
        ("listenPort", "20911"),
        ("brokerName", "b"),
        ("namesrvAddr", "a:1;b:2"),
        ("regionId", ""),
    ]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["start"], "'start' is not key=value"),
        (["--listen-prot=1"], "unknown flag --listen-prot; did you mean --listen-port?"),
        (["--listen-port"], "--listen-port needs a value"),
        (["-x"], "unknown flag -x"),
    ],
)
def test_words_that_mean_nothing_are_mistakes(words: list[str], complaint: str) -> None:
    with pytest.raises(UserError) as caught:
        word_entries(BrokerSettings, words)
    assert str(caught.value) == complaint


def test_a_change_replaces_its_line_and_leaves_the_others(tmp_path: Path) -> None:
    path = tmp_path / "b.conf"
    before = "# ours\nbrokerName = a\nnamesrvAddr=10.0.0.1:9876;\\\n  10.0.0.2:9876\n\n# end\n"
    path.write_text(before)
    write_changes(str(path), {"namesrvAddr": "10.0.0.3:9876", "traceOn": "false"})
    assert path.read_text() == "# ours\nbrokerName = a\nnamesrvAddr=10.0.0.3:9876\n\n# end\ntraceOn=false\n"
    assert Path(f"{path}.bak").read_text() == before
    assert sorted(one.name for one in tmp_path.iterdir()) == ["b.conf", "b.conf.bak"]


def test_a_change_to_a_file_that_is_not_there_makes_it(tmp_path: Path) -> None:
    path = tmp_path / "config" / "broker.properties"
    write_changes(str(path), {"brokerPermission": "4"})
    assert path.read_text() == "brokerPermission=4\n"
    assert not Path(f"{path}.bak").exists()


def test_a_key_that_is_there_twice_is_there_once_after_a_change(tmp_path: Path) -> None:
    path = tmp_path / "b.conf"
    path.write_text("traceOn=true\nbrokerName=a\ntraceOn=true\n")
    write_changes(str(path), {"traceOn": "false"})
    assert path.read_text() == "traceOn=false\nbrokerName=a\n"


@pytest.mark.parametrize("value", ["C:\\new", "two\nlines", "tab\there", "é", "a=b:c", "#x", ""])
def test_what_is_written_is_read_back(tmp_path: Path, value: str) -> None:
    path = tmp_path / "b.conf"
    write_changes(str(path), {"regionId": value, "brokerName": "a"})
    assert [(one.key, one.text) for one in file_entries(str(path))] == [("regionId", value), ("brokerName", "a")]
