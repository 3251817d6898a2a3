"""Reads settings from where people put them: a properties file, the environment, the command line, in that order."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pocketmq.model.errors import UserError
from pocketmq.model.settings import Settings, environment_name, page_of
from pocketmq.protocol.java_properties import format_properties, parse_entries

CONFIG_FILE_BYTES_MAX = 1 << 20
"""No configuration comes near it; a log or a store file named by mistake is refused before it is read."""

_SERVICE_LINK = re.compile(r"(SERVICE_(HOST|PORT\w*)|PORT(_[0-9]+_(TCP|UDP)\w*)?)")
"""What Kubernetes and Docker put into the environment for a service that is called `pocketmq-broker`."""


_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Entry:
    """A key with its text, and where it was written."""

    key: str
    text: str
    origin: str


def apply(settings: Settings, entries: Iterable[Entry]) -> list[str]:
    """Assigns the entries, later over earlier ones; returns warnings. UserError for the first one that is wrong."""
    warnings = []
    seen: dict[str, str] = {}
    for entry in entries:
        warnings += settings.assign(entry.key, entry.text, entry.origin)
        earlier = seen.get(entry.key)
        if earlier and earlier.rpartition(":")[0] == entry.origin.rpartition(":")[0] != "":
            warnings.append(f"{entry.origin}: {entry.key} is also set at {earlier}; the later one holds")
        seen[entry.key] = entry.origin
    return warnings


def file_entries(path: str) -> list[Entry]:
    """The entries of a Java properties file, with `path:line` as their origins; UserError if it cannot be read."""
    try:
        with open(path, "rb") as config:
            content = config.read(CONFIG_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    if len(content) > CONFIG_FILE_BYTES_MAX:
        raise UserError(f"{path} is no configuration: it is larger than {CONFIG_FILE_BYTES_MAX} bytes")
    return text_entries(decode(content), path)


def stored_entries(path: str) -> list[Entry]:
    """The entries of a file that may not be there: nothing has been changed over the network yet."""
    return file_entries(path) if os.path.exists(path) else []


def decode(content: bytes) -> str:
    """Text of a configuration file: UTF-8 as editors write it, else Latin-1 as Java reads it."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def text_entries(content: str, name: str) -> list[Entry]:
    """The entries of properties text, each with `name:line` as its origin."""
    try:
        return [Entry(one.key, one.value, f"{name}:{one.line}") for one in parse_entries(content)]
    except ValueError as error:
        raise UserError(f"{name}: {error}") from error


def environment_entries(settings: type[Settings], environment: Mapping[str, str]) -> list[Entry]:
    """What the environment says for these settings; UserError for a name with our prefix that no key has."""
    page = page_of(settings)
    keys = {environment_name(settings, key): key for key in page.unused}
    keys |= {
        settings.ENVIRONMENT_PREFIX + declaration.attribute.upper(): key
        for key, declaration in page.declarations.items()
    }
    entries = []
    for name in sorted(environment):
        if not name.startswith(settings.ENVIRONMENT_PREFIX):
            continue
        if key := keys.get(name):
            entries.append(Entry(key, environment[name], f"environment variable {name}"))
        elif not _SERVICE_LINK.fullmatch(name.removeprefix(settings.ENVIRONMENT_PREFIX)):
            raise UserError(f"environment variable {name} names no setting{_did_you_mean(name, keys)}")
    return entries


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


def word_entries(settings: type[Settings], words: Sequence[str]) -> list[Entry]:
    """The entries of a command line's last words: `listenPort=10911`, `--listen-port=10911`, `--listen-port 10911`."""
    flags = {declaration.flag: key for key, declaration in page_of(settings).declarations.items()}
    entries = []
    left = iter(words)
    for word in left:
        name, equals, text = word.partition("=")
        key = flags.get(name, name)
        if word.startswith("-"):
            if name not in flags:
                raise UserError(f"unknown flag {name}{_did_you_mean(name, flags)}")
            if not equals and (text := next(left, "")) == "":
                raise UserError(f"{name} needs a value")
        elif not equals:
            raise UserError(f"{word!r} is not key=value")
        entries.append(Entry(key, text, "command line"))
    return entries


def write_changes(path: str, changes: Mapping[str, str]) -> None:
    """Sets keys in a properties file, durably: lines that hold them are replaced, the others and comments stay.

    The file before the change remains as `path.bak` (MixAll#string2File). Keys without a line are added at the end.
    """
    before = ""
    if os.path.exists(path):
        with open(path, "rb") as config:
            before = decode(config.read())
    replaced = _with_changes(before, changes).encode()
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    if before:
        _write_durably(f"{path}.bak", before.encode())
    _write_durably(path, replaced)


def _with_changes(before: str, changes: Mapping[str, str]) -> str:
    lines = dict(enumerate(_LINE_END.split(before), start=1))
    left = dict(changes)
    for entry in parse_entries(before):
        if entry.key not in changes:
            continue
        number = entry.line
        while _is_continued(lines.pop(number)) and number + 1 in lines:
            number += 1
        if entry.key in left:
            lines[entry.line] = format_properties({entry.key: left.pop(entry.key)}).removesuffix("\n")
    kept = "\n".join(line for _, line in sorted(lines.items())).rstrip("\n")
    return (f"{kept}\n" if kept else "") + format_properties(left)


def _is_continued(line: str) -> bool:
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _write_durably(path: str, content: bytes) -> None:
    with open(f"{path}.tmp", "wb") as config:
        config.write(content)
        config.flush()
        os.fsync(config.fileno())
    os.replace(f"{path}.tmp", path)
    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
