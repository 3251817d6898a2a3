"""The programs up to the moment they serve: flags, what they add up to, mistakes, what they print."""

import argparse
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pocketmq.model.broker_settings import BrokerSettings, FlushDiskType
from pocketmq.model.errors import StoreError, UserError
from pocketmq.model.namesrv_settings import NamesrvSettings
from pocketmq.node import cli, mqbroker, mqnamesrv, up
from pocketmq.node.command import exit_status
from pocketmq.node.plan import Listening
from pocketmq.tools.store_lock import store_lock

HEAVY = {"asyncio", "uvloop", "msgspec", "logging", "dataclasses", "pocketmq.model.settings", "pocketmq.client"}


def up_settings(*words: str, environment: dict[str, str] | None = None) -> tuple[BrokerSettings, NamesrvSettings]:
    broker, namesrv, _ = up.settings_of(cli.build_parser().parse_args(["up", *words]), environment or {})
    return broker, namesrv


def broker_settings(*words: str, environment: dict[str, str] | None = None) -> BrokerSettings:
    arguments, left = mqbroker.build_parser().parse_known_args(words)
    return mqbroker.settings_of(arguments, left, environment or {})[0]


def namesrv_settings(*words: str, environment: dict[str, str] | None = None) -> NamesrvSettings:
    arguments, left = mqnamesrv.build_parser().parse_known_args(words)
    return mqnamesrv.settings_of(arguments, left, environment or {})[0]


def test_up_listens_on_loopback_and_keeps_all_in_one_folder(tmp_path: Path) -> None:
    broker, namesrv = up_settings("--data", str(tmp_path))
    assert (broker.bind_address, broker.listen_port, broker.broker_ip1) == ("127.0.0.1", 10911, "127.0.0.1")
    assert (namesrv.bind_address, namesrv.listen_port) == ("127.0.0.1", 9876)
    assert broker.namesrv_addr == "127.0.0.1:9876"
    assert broker.store_path_root_dir == str(tmp_path)
    assert broker.broker_config_path == f"{tmp_path}/config/broker.properties"
    assert namesrv.config_store_path == f"{tmp_path}/config/namesrv.properties"
    assert namesrv.kv_config_path == f"{tmp_path}/namesrv/kvConfig.json"


def test_up_takes_its_flags(tmp_path: Path) -> None:
    flags = "--port 0 --namesrv-port 0 --host 0.0.0.0 --advertise mq.example --flush async --set traceOn=false"
    broker, namesrv = up_settings("--data", str(tmp_path), *flags.split())
    assert (broker.bind_address, broker.listen_port, broker.broker_ip1) == ("0.0.0.0", 0, "mq.example")
    assert (namesrv.bind_address, namesrv.listen_port) == ("0.0.0.0", 0)
    assert broker.flush_disk_type is FlushDiskType.ASYNC_FLUSH
    assert not broker.trace_on


def test_up_answers_when_the_disk_has_it_and_mqbroker_as_java_does(tmp_path: Path) -> None:
    assert up_settings("--data", str(tmp_path))[0].flush_disk_type is FlushDiskType.SYNC_FLUSH
    assert broker_settings().flush_disk_type is FlushDiskType.ASYNC_FLUSH
    listening = Listening(namesrv_address="127.0.0.1:9876", broker_address="127.0.0.1:10911")
    by_hand, _ = up_settings("--data", str(tmp_path))
    assert by_hand.disk_space_warning_level_ratio == 98, "a laptop's disk is often nine tenths full"
    assert broker_settings().disk_space_warning_level_ratio == 90
    hasty, _ = up_settings("--data", str(tmp_path), "--flush", "async")
    assert "--flush sync is safer" in up.ready_lines(hasty, listening, as_json=False)[2]


def test_the_order_is_default_file_environment_flag(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "broker.properties").write_text("listenPort=1\nregionId=file\nbrokerName=file\n")
    (tmp_path / "config" / "namesrv.properties").write_text("listenPort=2\n")
    environment = {"POCKETMQ_BROKER_REGION_ID": "environment", "POCKETMQ_BROKER_BROKER_NAME": "environment"}
    words = ("--data", str(tmp_path), "--set", "brokerName=flag")
    broker, namesrv = up_settings(*words, environment=environment)
    assert (broker.listen_port, broker.region_id, broker.broker_name) == (1, "environment", "flag")
    assert broker.broker_cluster_name == "DefaultCluster"
    assert namesrv.listen_port == 2
    broker, namesrv = up_settings(*words, "--port", "3", "--namesrv-port", "4", environment=environment)
    assert (broker.listen_port, namesrv.listen_port) == (3, 4)


def test_the_environment_may_name_the_folder(tmp_path: Path) -> None:
    environment = {"POCKETMQ_BROKER_STORE_PATH_ROOT_DIR": str(tmp_path / "a")}
    broker, namesrv = up_settings(environment=environment)
    assert broker.store_path_root_dir == str(tmp_path / "a")
    assert namesrv.kv_config_path.startswith(str(tmp_path / "a"))
    broker, _ = up_settings("--data", str(tmp_path / "b"), environment=environment)
    assert broker.store_path_root_dir == str(tmp_path / "b")


def test_mqbroker_reads_file_environment_and_words(tmp_path: Path) -> None:
    conf = tmp_path / "broker.conf"
    conf.write_text(f"brokerName = b\nlistenPort=20911\nnamesrvAddr=file:1\nstorePathRootDir={tmp_path}\n")
    settings = broker_settings("-c", str(conf), "autoCreateTopicEnable=false")
    assert (settings.broker_name, settings.listen_port, settings.ha_listen_port) == ("b", 20911, 20912)
    assert (settings.namesrv_addr, settings.auto_create_topic_enable) == ("file:1", False)
    assert (settings.store_path_root_dir, settings.broker_config_path) == (str(tmp_path), str(conf))
    environment = {"NAMESRV_ADDR": "environment:2"}
    assert broker_settings("-c", str(conf), environment=environment).namesrv_addr == "environment:2"
    assert broker_settings("-n", "flag:3", environment=environment).namesrv_addr == "flag:3"
    assert broker_settings("--listen-port", "7", "-n", "flag:3").listen_port == 7


def test_mqnamesrv_writes_changes_into_the_file_it_read(tmp_path: Path) -> None:
    conf = tmp_path / "namesrv.conf"
    conf.write_text("listenPort=19876\n")
    settings = namesrv_settings("-c", str(conf), "enableTopicList=false")
    assert (settings.listen_port, settings.enable_topic_list) == (19876, False)
    assert settings.config_store_path == str(conf)
    assert namesrv_settings(environment={"POCKETMQ_NAMESRV_LISTEN_PORT": "5"}).listen_port == 5


def test_mqbroker_prints_all_settings_or_the_important_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert mqbroker.main(["-p", "brokerIP1=10.0.0.2"]) == 0
    everything = capsys.readouterr().out.splitlines()
    assert len(everything) > 480
    assert {"brokerIP1=10.0.0.2", "haListenPort=10912", "sendMessageThreadPoolNums=2"} <= set(everything)
    assert mqbroker.main(["-m", "brokerIP1=10.0.0.2"]) == 0
    important = capsys.readouterr().out.splitlines()
    assert "brokerIP1=10.0.0.2" in important
    assert 30 < len(important) < 80
    assert set(important) < set(everything)


def test_mqnamesrv_prints_all_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert mqnamesrv.main(["-p", "listenPort=19876"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert "listenPort=19876" in printed
    assert printed == sorted(printed)


def test_a_mistake_is_one_line_and_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conf = tmp_path / "broker.conf"
    conf.write_text("# ours\nbrokerIp1=10.0.0.2\n")
    assert mqbroker.main(["-c", str(conf)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"mqbroker: {conf}:2: unknown key 'brokerIp1'; did you mean brokerIP1?\n"
    assert mqnamesrv.main(["listenPort=x"]) == 2
    assert capsys.readouterr().err.startswith("mqnamesrv: command line: listenPort must be an integer from 0 to 65535")
    assert cli.main(["up", "--data", str(tmp_path), "--port", "70000"]) == 2
    assert capsys.readouterr().err == "pocketmq: --port: listenPort must be an integer from 0 to 65535, not '70000'\n"


def test_up_does_not_start_on_a_folder_or_port_in_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["up", "--data", str(tmp_path / "d"), "--port", "0", "--log-dir", str(tmp_path / "logs"), "--namesrv-port"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert cli.main([*words, str(port)]) == 2
        assert capsys.readouterr().err.startswith(f"pocketmq: port {port} is in use by process {os.getpid()}")
    with store_lock(str(tmp_path / "d"), "--data"):
        assert cli.main([*words, "0"]) == 2
    holder = f"pocketmq: {tmp_path}/d is in use by process {os.getpid()}; stop it or set --data\n"
    assert capsys.readouterr().err == holder


def test_warnings_and_keys_without_meaning_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    settings = BrokerSettings()
    settings.assign("sendMessageThreadPoolNums", "16")
    settings.assign("pullMessageThreadPoolNums", "16")
    caplog.set_level("INFO")
    up.report(settings, ["b.conf:1: look"])
    assert [record.getMessage() for record in caplog.records] == [
        "b.conf:1: look",
        "without meaning here, because one event loop serves all requests: there are no thread pools and queues to "
        "size: pullMessageThreadPoolNums, sendMessageThreadPoolNums",
    ]


def test_the_lines_that_scripts_wait_for() -> None:
    usual = Listening(namesrv_address="127.0.0.1:9876", broker_address="127.0.0.1:10911")
    broker, _ = up_settings("--set", "brokerName=broker-a")
    assert up.ready_lines(broker, usual, as_json=False) == [
        "The Name Server boot success. serializeType=JSON, address 127.0.0.1:9876",
        "The broker[broker-a, 127.0.0.1:10911] boot success. serializeType=JSON and name server is 127.0.0.1:9876",
        "A send is answered when its message is on the disk; --flush async answers sooner and may lose the last half "
        "second in a power cut.",
        "Try: pocketmq tail TopicTest   and in another window: pocketmq send TopicTest hello",
    ]
    other = Listening(namesrv_address="127.0.0.1:19876", broker_address="127.0.0.1:10911")
    assert "send TopicTest hello --namesrv 127.0.0.1:19876" in up.ready_lines(broker, other, as_json=False)[3]
    (line,) = up.ready_lines(broker, other, as_json=True)
    assert json.loads(line) == {"namesrv": "127.0.0.1:19876", "broker": "127.0.0.1:10911", "pid": os.getpid()}


def test_the_ready_file_appears_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listening = Listening(namesrv_address="127.0.0.1:1", broker_address="127.0.0.1:2")
    up.write_ready_file(str(tmp_path / "ready"), listening)
    assert json.loads((tmp_path / "ready").read_text())["broker"] == "127.0.0.1:2"
    assert [one.name for one in tmp_path.iterdir()] == ["ready"]
    up.write_ready_file(str(tmp_path / "absent" / "ready"), listening)
    assert capsys.readouterr().err == f"pocketmq: cannot write {tmp_path}/absent/ready: No such file or directory\n"


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (UserError("no such port"), 2, "mq: no such port\n"),
        (StoreError("broken file"), 1, "mq: broken file\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_what_ends_a_program(error: BaseException, status: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> int:
        raise error

    assert exit_status("mq", fail) == status
    assert capsys.readouterr().err == said


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    words = [sys.executable, "-m", "pocketmq.node.mqbroker", "-p"]
    program = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert program.stdout is not None
    assert program.stderr is not None
    program.stdout.close()
    with program.stderr:
        assert program.stderr.read() == b""
    assert program.wait() == 141


def test_our_bugs_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        exit_status("mq", lambda: 1 // 0)


def test_the_version_is_the_package_s() -> None:
    text = (Path(__file__).resolve().parents[3] / "pyproject.toml").read_text()
    assert f'version = "{cli.VERSION}"' in text


@pytest.mark.parametrize("command", ["up", "send", "tail", "doctor"])
def test_help_of_a_command_loads_nothing_heavy(command: str) -> None:
    program = (
        "import sys, pocketmq.node.cli as cli\n"
        "try: cli.main([sys.argv[1], '--help'])\n"
        "except SystemExit as end: code = end.code\n"
        "print(code, *sys.modules, file=sys.stderr)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program, command], capture_output=True, text=True, check=True)
    code, *modules = ran.stderr.split()
    assert code == "0"
    assert f"usage: pocketmq {command}" in ran.stdout
    assert set(modules) & HEAVY == set()


def test_abbreviated_flags_are_mistakes() -> None:
    with pytest.raises(SystemExit):
        cli.build_parser().parse_args(["up", "--dat", "x"])
    with pytest.raises(SystemExit):
        cli.build_parser().parse_args([])
    assert isinstance(cli.build_parser(), argparse.ArgumentParser)
