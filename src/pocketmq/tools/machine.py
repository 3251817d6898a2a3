"""What the machine says about itself: ports and who holds them, disk, limits, what is installed."""

import importlib.machinery
import importlib.metadata
import importlib.util
import os
import re
import resource
import socket
from pathlib import Path

_ASKS_FOR_CYTHON = re.compile(r"^\s*import cython$", re.MULTILINE)

LISTEN = "0A"
"""TCP_LISTEN in /proc/net/tcp."""


def bind_failure(host: str, port: int) -> OSError | None:
    """Why `host:port` cannot be listened on, None if it can."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        return error
    return None


def port_owner(port: int) -> str | None:
    """`process 42 (java)` that listens on the TCP port; None if nobody does or it cannot be seen."""
    sockets = _listening_sockets(port)
    if not sockets:
        return None
    for process in filter(str.isdigit, os.listdir("/proc")):
        folder = f"/proc/{process}/fd"
        try:
            descriptors = os.listdir(folder)
        except OSError:
            continue
        for descriptor in descriptors:
            try:
                target = os.readlink(f"{folder}/{descriptor}")
            except OSError:
                continue
            if target in sockets:
                return f"process {process} ({process_name(process)})"
    return None


def process_name(process: str) -> str:
    """The short name of a process, `?` if it is gone."""
    try:
        with open(f"/proc/{process}/comm", encoding="utf-8", errors="replace") as comm:
            return comm.read().strip()
    except OSError:
        return "?"


def _listening_sockets(port: int) -> set[str]:
    sockets = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table, encoding="ascii") as lines:
                rows = [line.split() for line in lines][1:]
        except OSError:
            continue
        for row in rows:
            if row[3] == LISTEN and int(row[1].rpartition(":")[2], 16) == port:
                sockets.add(f"socket:[{row[9]}]")
    return sockets


def disk(folder: str) -> tuple[str | None, int, int]:
    """Why nothing can be made in the folder, or None; used and all bytes of its disk. A folder not yet there may be."""
    existing = os.path.abspath(folder)
    while not os.path.isdir(existing):
        existing = os.path.dirname(existing)
    refusal = None if os.access(existing, os.W_OK | os.X_OK) else f"{existing} is not writable for this user"
    if os.path.exists(folder) and not os.path.isdir(folder):
        refusal = "it is a file"
    room = os.statvfs(existing)
    return refusal, (room.f_blocks - room.f_bavail) * room.f_frsize, room.f_blocks * room.f_frsize


def newest_file_ms(folder: str) -> int | None:
    """When the folder's newest file was changed, in ms of Unix time; None if there is none."""
    times = [
        os.lstat(os.path.join(place, name)).st_mtime_ns // 1_000_000
        for place, _, names in os.walk(folder)
        for name in names
    ]
    return max(times, default=None)


def descriptor_limit() -> int | None:
    """How many files and connections this process may have open; None is no limit."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def installed_version(distribution: str) -> str | None:
    """The version of an installed distribution; None if it is not installed."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def hot_modules() -> list[str]:
    """The modules of ours that a build with Cython compiles: those whose source asks for it."""
    package = Path(__file__).resolve().parent.parent
    return [
        ".".join(("pocketmq", *path.relative_to(package).with_suffix("").parts))
        for path in sorted(package.rglob("*.py"))
        if _ASKS_FOR_CYTHON.search(path.read_text(encoding="utf-8"))
    ]


def is_compiled(module: str) -> bool:
    """Whether the module would be loaded from machine code."""
    found = importlib.util.find_spec(module)
    return found is not None and (found.origin or "").endswith(tuple(importlib.machinery.EXTENSION_SUFFIXES))
