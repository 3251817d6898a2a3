"""The shape of the house: which room imports what, how large things grow, which names are out.

Every rule is a function from a file's place and text to complaints, so that the end of this file can hand each
rule a violation and see it caught.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "pocketmq"

# Room: the rooms it may import besides itself. docs/architecture.md shows the same table.
ROOMS: dict[str, set[str]] = {
    "model": set(),
    "protocol": {"model"},
    "store": {"model", "protocol"},
    "replication": {"model", "protocol", "store"},
    "namesrv": {"model", "protocol"},
    "broker": {"model", "protocol", "store"},
    "transport": {"model", "protocol"},
    "client": {"model", "protocol", "transport"},
    "proxy": {"model", "protocol", "transport", "client"},
    "tools": {"model", "protocol", "store", "client"},
}
ROOMS["testing"] = ROOMS["node"] = {*ROOMS, "node", "testing"}

PURE = {"model", "protocol", "store", "replication", "namesrv", "broker"}
EFFECTS = {"asyncio", "uvloop", "concurrent", "threading", "multiprocessing", "subprocess", "signal"}
EFFECTS |= {"socket", "ssl", "select", "selectors", "time", "random", "secrets", "uuid"}
ALLOWED_EFFECTS = {("model/peer.py", "socket")}  # inet_pton alone
LIBRARIES = {"cython", "isal", "msgspec", "uvloop"}  # each chosen in docs/adr

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
HOT_SUBJECTS_MAX = 5
BANNED_WORDS = {"util", "utils", "common", "helper", "helpers", "manager", "misc", "base", "data", "info"}
VERBS_THAT_SAY_NOTHING = re.compile(
    r"_?(do|process)(_(it|all|message|messages|request|command|result|send|pull|.*ing))?"
)
WORDS_OF_ROCKETMQ = re.compile(r"data_?version|subscription_?data", re.IGNORECASE)
NUMBERS_OF_THE_DOMAIN = re.compile(
    r"(v1|v2|crc32|sql92|ip_?v?[46]|ip[12]|utf_?(8|16)|lz4|u?int(8|16|32|64)|32|64)(?![0-9])"
)
CLOCKS = {"time.sleep", "time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.datetime.now"}
BUILT = {"target", "bin", ".work"}
ABOUT_THE_CLOCK = "tests/unit/transport/test_clock.py"
SLEEPLESS = ("unit", "golden", "vectors", "property", "simulation")


def python_files(*folders: str) -> list[Path]:
    """Every Python file of ours below these folders."""
    found = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return sorted(path for path in found if not BUILT & {*path.parts})


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything imported, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "pocketmq":
            yield from ((node.lineno, f"pocketmq.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." if node.level else node.module or ""


def wrong_imports(place: str, text: str) -> list[str]:
    """Imports that point up the table, reach for an effect from a pure room, or bring a library no ADR chose."""
    room = place.partition("/")[0]
    found = []
    for line, name in imports(ast.parse(text)):
        top, _, rest = name.partition(".")
        target = rest.partition(".")[0]
        if name.startswith("."):
            found.append(f"{place}:{line}: a relative import; write pocketmq.{room}")
        elif top == "pocketmq" and target in ROOMS and target != room and target not in ROOMS[room]:
            found.append(f"{place}:{line}: {room} imports {target}; it may import {sorted(ROOMS[room]) or 'nothing'}")
        elif room in PURE and top in EFFECTS and (place, top) not in ALLOWED_EFFECTS:
            found.append(f"{place}:{line}: {room} decides and does not do: no {top} here")
        elif top not in sys.stdlib_module_names | LIBRARIES | {"pocketmq"} and room != "testing":
            found.append(f"{place}:{line}: {top} is no chosen library; a new one needs an ADR")
    return found


def too_long(place: str, text: str) -> list[str]:
    """Files and functions beyond their bounds."""
    lines = text.count("\n")
    found = [f"{place}: {lines} lines, at most {FILE_LINES_MAX}"] if lines > FILE_LINES_MAX else []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = (node.end_lineno or node.lineno) - node.lineno + 1
            if size > FUNCTION_LINES_MAX:
                found.append(f"{place}:{node.lineno}: {node.name} has {size} lines, at most {FUNCTION_LINES_MAX}")
    return found


def computing_doors(place: str, text: str) -> list[str]:
    """An `__init__` that does more than say what the room is for and re-export."""
    allowed = (ast.Import, ast.ImportFrom)
    body = ast.parse(text).body
    if not body or ast.get_docstring(ast.parse(text)) is None:
        return [f"{place}: the door says what the room is for, in a docstring"]
    return [
        f"{place}:{node.lineno}: a door re-exports and never computes"
        for node in body[1:]
        if not isinstance(node, allowed) and not (isinstance(node, ast.Assign) and "__all__" in ast.unparse(node))
    ]


def bad_names(place: str, text: str) -> list[str]:
    """Files, classes and functions named by a word that says nothing; Java's own body names are kept in protocol."""
    found = [f"{place}: the word '{word}' names nothing" for word in words(Path(place).stem) & BANNED_WORDS]
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("__"):
            continue
        java = place.startswith("protocol/") and isinstance(node, ast.ClassDef)
        banned = (words(node.name) & BANNED_WORDS) if isinstance(node, ast.ClassDef) else {node.name} & BANNED_WORDS
        banned |= words(node.name) & (BANNED_WORDS - {"data", "info", "base"})
        if VERBS_THAT_SAY_NOTHING.fullmatch(node.name):
            banned.add(node.name)
        if re.search(r"\d", NUMBERS_OF_THE_DOMAIN.sub("", node.name.lower())):
            banned.add(node.name)
        found += [f"{place}:{node.lineno}: '{name}' in {node.name}" for name in sorted(banned) if not java]
    return found


def words(name: str) -> set[str]:
    """The words of a snake_case or CamelCase name, lower case, without what is one word in RocketMQ."""
    plain = WORDS_OF_ROCKETMQ.sub("", name)
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", plain)}


def protocol_methods() -> set[str]:
    """Methods whose contract a Protocol states once, for all classes that have them."""
    trees = [ast.parse(path.read_text()) for path in python_files("src/pocketmq")]
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    stated = [node for node in classes if any(ast.unparse(one) == "Protocol" for one in node.bases)]
    return {one.name for node in stated for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}


CONTRACTS = protocol_methods()


def missing_docstrings(place: str, text: str) -> list[str]:
    """Public classes, functions and methods that do not say their contract."""
    found = [] if ast.get_docstring(ast.parse(text)) else [f"{place}: no docstring"]

    def visit(body: list[ast.stmt], owner: str) -> None:
        for node in body:
            if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or node.name[0] == "_":
                continue
            setter = any("setter" in ast.unparse(one) or "overload" in ast.unparse(one) for one in node.decorator_list)
            if not ast.get_docstring(node) and not setter and not (owner and node.name in CONTRACTS):
                found.append(f"{place}:{node.lineno}: {owner}{node.name} has no docstring")
            if isinstance(node, ast.ClassDef):
                visit(node.body, f"{node.name}.")

    visit(ast.parse(text).body, "")
    return found


def swallowed_errors(place: str, text: str) -> list[str]:
    """Handlers that catch everything and do nothing."""
    return [
        f"{place}:{node.lineno}: catches everything and says nothing"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
        and all(isinstance(one, ast.Pass) for one in node.body)
    ]


def clocks_in_tests(place: str, text: str) -> list[str]:
    """Sleeping and wall clocks: a test's time is an argument."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            sleeps = called == "asyncio.sleep" and ast.unparse(node.args[0]) != "0"
            if called in CLOCKS or sleeps:
                found.append(f"{place}:{node.lineno}: {ast.unparse(node)}")
    return found


def all_rules(place: str, text: str) -> list[str]:
    """Everything that holds for a file of the package."""
    rules = [too_long, bad_names, missing_docstrings, swallowed_errors]
    rules += [wrong_imports] if "/" in place else []
    rules += [computing_doors] if place.endswith("__init__.py") else []
    return [complaint for rule in rules for complaint in rule(place, text)]


def test_the_package_keeps_every_rule() -> None:
    places = {path.relative_to(PACKAGE).as_posix(): path.read_text() for path in python_files("src/pocketmq")}
    strangers = {place.partition("/")[0] for place in places if "/" in place} - set(ROOMS)
    assert not strangers, f"not in the table of rooms: {strangers}"
    assert {place for place in places if "/" not in place} <= {"__init__.py", "__main__.py"}
    found = [complaint for place, text in places.items() for complaint in all_rules(place, text)]
    assert not found, "\n" + "\n".join(found)


def test_the_tests_are_short_sleepless_and_catch_narrowly() -> None:
    found = []
    for path in python_files("tests", "bench", "scripts"):
        place, text = path.relative_to(ROOT).as_posix(), path.read_text()
        found += too_long(place, text) + swallowed_errors(place, text)
        is_test = path.stem.startswith(("test_", "conftest")) and place != ABOUT_THE_CLOCK
        if is_test and path.parts[len(ROOT.parts) + 1] in SLEEPLESS:
            found += clocks_in_tests(place, text)
    assert not found, "\n" + "\n".join(found)


def test_what_asks_for_cython_is_compiled_and_five_subjects_at_most_are() -> None:
    assigned = [node for node in ast.parse((ROOT / "setup.py").read_text()).body if isinstance(node, ast.Assign)]
    named = [node.value for one in assigned for node in ast.walk(one) if isinstance(node, ast.Constant)]
    compiled = {name for name in named if isinstance(name, str) and name.startswith("pocketmq.")}
    trees = {path: ast.parse(path.read_text()) for path in python_files("src/pocketmq")}
    names = {path: ".".join(path.relative_to(ROOT / "src").with_suffix("").parts) for path in trees}
    hot = {names[path] for path, tree in trees.items() if "cython" in dict(imports(tree)).values()}
    assert hot <= compiled <= set(names.values())
    assert len({name.split(".")[2] for name in compiled}) <= HOT_SUBJECTS_MAX


def test_nothing_names_a_folder_of_one_machine() -> None:
    folder = re.compile(r"(?<![A-Za-z0-9_.~-])/(" + "|".join(["wo" + "rk", "fa" + "rm", "ro" + "ot"]) + ")/")
    folders = ["src", "tests", "docs", "bench", "scripts", "changes", ".ci", ".github"]
    kinds = {".py", ".md", ".sh", ".c", ".java", ".toml", ".yml", ".xml", ".json", ".properties", ".txt", ".csv", ""}
    files = [path for top in folders for path in (ROOT / top).rglob("*") if path.suffix in kinds and path.is_file()]
    files += [path for path in ROOT.iterdir() if path.suffix in kinds - {""} or path.name in ("Makefile", "NOTICE")]
    texts = {path: path.read_text(errors="replace") for path in files if not BUILT & {*path.parts}}
    assert [str(path.relative_to(ROOT)) for path, text in texts.items() if folder.search(text)] == []


LONG = "def f() -> None:\n" + '    """x."""\n' + "    pass\n" * FUNCTION_LINES_MAX
DOC = '"""x."""\n'


@pytest.mark.parametrize(
    ("place", "text", "complaint"),
    [
        ("model/a.py", DOC + "import pocketmq.protocol.frame", "model imports protocol"),
        ("client/a.py", DOC + "def f():\n    '''x'''\n    from pocketmq.store import disk", "client imports store"),
        ("client/a.py", DOC + "from pocketmq import broker", "client imports broker"),
        ("broker/a.py", DOC + "from ..store import disk", "relative import"),
        ("broker/a.py", DOC + "from time import time", "no time here"),
        ("model/limits.py", DOC + "import socket", "no socket here"),
        ("node/a.py", DOC + "import requests", "no chosen library"),
        ("model/a.py", DOC + LONG, "at most 70"),
        ("model/a.py", DOC + "x = 1\n" * FILE_LINES_MAX, "at most 400"),
        ("model/__init__.py", DOC + "x = 1", "never computes"),
        ("model/__init__.py", "", "says what the room is for"),
        ("model/a_util.py", DOC, "'util'"),
        ("model/a.py", DOC + "class TopicManager:\n    '''x'''", "'manager'"),
        ("model/a.py", DOC + "def process_send():\n    '''x'''", "process_send"),
        ("model/a.py", DOC + "def send2():\n    '''x'''", "send2"),
        ("model/a.py", DOC + "class A:\n    '''x'''\n    def f(self): ...", "A.f has no docstring"),
        ("model/a.py", DOC + "try:\n    x\nexcept Exception:\n    pass", "says nothing"),
    ],
)
def test_each_rule_catches_its_violation(place: str, text: str, complaint: str) -> None:
    assert [one for one in all_rules(place, text) if complaint in one]


def test_a_tidy_file_is_left_alone_and_a_sleeping_test_is_not() -> None:
    tidy = DOC + "from pocketmq.model.peer import Peer\n\ndef crc32_of(peer: Peer) -> int:\n    '''x'''\n    return 1\n"
    assert all_rules("store/a.py", tidy) == []
    assert clocks_in_tests("t.py", "asyncio.sleep(0)") == []
    assert len(clocks_in_tests("t.py", "asyncio.sleep(1); time.sleep(0); datetime.now()")) == 3
