"""The documents are true where a machine can tell: links, commands, flags, the table of rooms, every feature's row."""

import argparse
import importlib.util
import re
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
WRITTEN_BY_OTHERS = {"vectors", "target", ".work"}
ASKED_OF_CLIENTS = {40, 220, 221, 326}  # the broker's requests to clients, which no router of ours handles
FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
COMMAND = re.compile(r"(?:^|[\s`($/])(pocketmq|make) ([a-z][a-z-]*)([^`\n|]*)", re.MULTILINE)


def documents() -> list[Path]:
    """Every Markdown file of ours."""
    found = [*ROOT.glob("*.md"), *(path for top in ("docs", "bench", "changes") for path in (ROOT / top).rglob("*.md"))]
    return sorted(path for path in found if not WRITTEN_BY_OTHERS & {*path.parts})


def name(path: Path) -> str:
    """Relative to the checkout."""
    return path.relative_to(ROOT).as_posix()


def code(text: str) -> str:
    """What stands in code spans and code blocks."""
    blocks = FENCE.findall(text)
    return "\n".join([*blocks, *re.findall(r"`[^`\n]+`", FENCE.sub("", text))])


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to headings."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def broken_links(path: Path, text: str) -> list[str]:
    """Relative links to files or headings that are not there."""
    broken = []
    for link in LINK.findall(FENCE.sub("", text)):
        target, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        there = (path.parent / target).resolve() if target else path
        if not there.exists() or (anchor and anchor not in anchors(there.read_text())):
            broken.append(f"{name(path)}: {link}")
    return broken


def subcommands() -> dict[str, str]:
    """The commands of `pocketmq` with the help text of each and of the commands below it."""
    from pocketmq.node.cli import build_parser

    return {key: help_text(parser) for key, parser in parsers_below(build_parser()).items()}


def parsers_below(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parsers of a parser's commands; argparse has no public way."""
    actions = parser._subparsers._group_actions if parser._subparsers else []
    return {key: found for action in actions for key, found in action.choices.items()}  # type: ignore[union-attr]


def help_text(parser: argparse.ArgumentParser) -> str:
    """Everything that a command and those below it say of their flags."""
    return parser.format_help() + "".join(map(help_text, parsers_below(parser).values()))


def unknown_commands(text: str, commands: dict[str, str], targets: set[str]) -> list[str]:
    """Commands in code that do not exist, and flags that their command does not have."""
    unknown = []
    for program, word, rest in COMMAND.findall(code(text)):
        if word not in (commands if program == "pocketmq" else targets):
            unknown.append(f"{program} {word}")
        elif program == "pocketmq":
            flags = re.findall(r"(?<!\S)--[a-z][a-z-]*", rest)
            unknown += [f"pocketmq {word} {flag}" for flag in flags if flag not in commands[word]]
    return unknown


def make_targets() -> set[str]:
    """The targets that the Makefile declares as commands."""
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return set(phony[1].split()) if phony else set()


def load(path: str) -> ModuleType:
    """A script of ours as a module."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", documents(), ids=name)
def test_links_commands_and_flags_exist(path: Path) -> None:
    text = path.read_text()
    assert broken_links(path, text) == []
    assert unknown_commands(text, subcommands(), make_targets()) == []


def test_readme_shows_how_to_run_and_how_to_test() -> None:
    shown = code((ROOT / "README.md").read_text())
    assert {"make run", "make test", "pocketmq send", "pocketmq tail"} <= {
        f"{program} {word}" for program, word, _ in COMMAND.findall(shown)
    }


def test_every_make_target_is_described_and_written() -> None:
    makefile = (ROOT / "Makefile").read_text()
    described = set(re.findall(r"^([a-z-]+):.*## \S", makefile, re.MULTILINE))
    assert described == make_targets()


def test_every_feature_has_one_row_and_the_page_is_current() -> None:
    generator = load("scripts/gen_compatibility.py")
    features = generator.read_features()
    page = (ROOT / "docs" / "compatibility.md").read_text()
    rows = Counter(re.findall(r"^\| ([A-Z]{2}-\d+) \|", page, re.MULTILINE))
    assert rows == Counter(feature.id for feature in features)
    assert len(features) == 809
    assert page == generator.page(features, generator.read_states()), "run `make docs`"


def test_the_codes_said_to_work_are_those_that_have_a_handler() -> None:
    from pocketmq.broker.router import HANDLERS as BROKER
    from pocketmq.namesrv.router import HANDLERS as NAMESRV

    generator = load("scripts/gen_compatibility.py")
    states = generator.read_states()
    codes = {
        feature.id: int(feature.name.split()[0]) for feature in generator.read_features() if feature.id[:2] == "RC"
    }
    works = {codes[key] for key in codes if states[key][0] != "not yet" and not states[key][1].startswith("answered 3")}
    cut = {code & 0xFFFF for code in works if code > 0x7FFF}  # what a binary header makes of them
    assert works | cut == {int(code) for code in (*BROKER, *NAMESRV)} | ASKED_OF_CLIENTS


def test_architecture_shows_the_table_of_rooms_that_is_enforced() -> None:
    tidy = load("tests/test_tidy.py")
    text = (ROOT / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^\| `([a-z]+)` \|[^|]*\|[^|]*\| ([^|]*) \|$", text, re.MULTILINE)
    shown = {room: set(re.findall(r"`([a-z]+)`", cell)) for room, cell in rows}
    assert shown == {
        room: may - {"node", "testing"} if room in ("node", "testing") else may for room, may in tidy.ROOMS.items()
    }


def test_architecture_marks_the_modules_that_setup_compiles() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    compiled = load("scripts/build_flavour.py").hot_modules()
    assert set(re.findall(r"`([a-z_/]+)\.py` ⚡", text)) == {"/".join(module.split(".")[1:]) for module in compiled}


def test_decisions_are_all_in_their_index() -> None:
    folder = ROOT / "docs" / "adr"
    index = (folder / "README.md").read_text()
    assert [path.name for path in sorted(folder.glob("0*.md")) if f"({path.name})" not in index] == []


def test_each_check_sees_what_it_is_for(tmp_path: Path) -> None:
    page = ROOT / "docs" / "page.md"
    assert broken_links(page, "[a](nowhere.md) [b](compatibility.md#no-such-heading) [c](#gone)\n# Here") == [
        "docs/page.md: nowhere.md",
        "docs/page.md: compatibility.md#no-such-heading",
        "docs/page.md: #gone",
    ]
    assert broken_links(page, "[a](https://example.org/x) [b](compatibility.md#name-server)\n```\n[x](y)\n```") == []
    commands = {"up": "--data DIR --port N"}
    text = (
        "Run `pocketmq up --data D --pot 1`, then\n```\n$ .venv/bin/pocketmq sned x\nmake tset\n```\nmake sure of it."
    )
    assert sorted(unknown_commands(text, commands, {"test"})) == ["make tset", "pocketmq sned", "pocketmq up --pot"]
