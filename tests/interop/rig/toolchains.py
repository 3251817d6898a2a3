"""Official clients and tools, fetched by their own package managers into ``.work`` and built there once."""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest

from .processes import WORK

P = ParamSpec("P")
T = TypeVar("T")

HERE = Path(__file__).resolve().parent.parent
WHEEL = "rocketmq==0.4.4"
DRIVER_SOURCES = ("Line.java", "Driver.java", "Producing.java", "Consuming.java", "Pulling.java", "Requesting.java")
POP_SOURCES = ("Line.java", "Popping.java")
ADMIN_SOURCES = ("Line.java", "Admin.java")
MAVEN_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies"
FETCH_TIMEOUT_S = 420.0
JVM = ("-Xmx256m", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-XX:+UseSerialGC", "-Djava.net.preferIPv4Stack=true")


def require(tool: str, why: str) -> str:
    """Find a program, or skip the test by its name."""
    found = shutil.which(tool)
    if found is None:
        pytest.skip(f"{tool} is not installed: {why}")
    return found


def run(argv: list[str], what: str, **options: object) -> str:
    """Run a package manager or compiler; its failure is a named skip, for it means the client cannot be had here."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=FETCH_TIMEOUT_S, check=False, **options)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{what}: {argv[0]} did not finish within {FETCH_TIMEOUT_S:.0f} s")
    if done.returncode != 0:
        lines = (done.stderr + done.stdout).strip().splitlines()
        pytest.skip(f"{what}: {Path(argv[0]).name} failed: {lines[-1] if lines else 'no output'}")
    return done.stdout


def _one_at_a_time(build: Callable[P, T]) -> Callable[P, T]:
    """Build once per run, and not while another run does."""

    @functools.cache
    def guarded(*arguments: P.args, **named: P.kwargs) -> T:
        WORK.mkdir(parents=True, exist_ok=True)
        with (WORK / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return build(*arguments, **named)

    return guarded


def _digest(*paths: Path) -> str:
    together = hashlib.sha256()
    for path in paths:
        together.update(path.read_bytes())
    return together.hexdigest()


def _is_built(stamp: Path, digest: str) -> bool:
    return stamp.exists() and stamp.read_text() == digest


@_one_at_a_time
def official_python() -> str:
    """Install the wheel with the official C++ client in its own venv and return that venv's Python."""
    home = WORK / "python"
    python = home / "bin" / "python"
    if not _is_built(home / "stamp", WHEEL):
        shutil.rmtree(home, ignore_errors=True)
        run([sys.executable, "-m", "venv", str(home)], "a venv for the official Python client")
        run([str(python), "-m", "pip", "install", "--quiet", "--no-input", WHEEL], f"PyPI {WHEEL}")
        run([str(python), "-c", "import rocketmq.client"], f"loading the C++ library of {WHEEL}")
        (home / "stamp").write_text(WHEEL)
    return str(python)


def _jars(profile: str, version: str) -> Path:
    maven = require("mvn", f"it fetches rocketmq-{profile} {version}")
    home = WORK / "java" / f"{profile}-{version}"
    pom = HERE / "java" / "pom.xml"
    digest = _digest(pom)
    if not _is_built(home / "stamp", digest):
        shutil.rmtree(home / "lib", ignore_errors=True)
        argv = [maven, "-B", "-q", "-f", str(pom), f"-P{profile}", f"-Drocketmq.version={version}", MAVEN_PLUGIN]
        argv += ["-DincludeScope=runtime", f"-DoutputDirectory={home / 'lib'}"]
        run(argv, f"Maven rocketmq-{profile} {version}")
        (home / "stamp").write_text(digest)
    return home


def _compiled(home: Path, sources: tuple[str, ...], into: str = "classes") -> str:
    javac = require("javac", "it compiles the Java drivers")
    paths = [HERE / "java" / name for name in sources]
    digest = _digest(*paths)
    classes = home / into
    if not _is_built(classes / "stamp", digest):
        shutil.rmtree(classes, ignore_errors=True)
        classes.mkdir(parents=True)
        argv = [javac, "-nowarn", "-Xlint:-options", "--release", "11", "-cp", f"{home / 'lib'}{os.sep}*"]
        done = subprocess.run(
            [*argv, "-d", str(classes), *map(str, paths)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        (classes / "stamp").write_text(digest)
    return f"{classes}{os.pathsep}{home / 'lib'}{os.sep}*"


@_one_at_a_time
def java_client_classpath(version: str) -> str:
    """Return a classpath with the driver compiled against ``rocketmq-client`` of that version."""
    require("java", "it runs the Java client")
    return _compiled(_jars("client", version), DRIVER_SOURCES)


@_one_at_a_time
def java_pop_classpath(version: str) -> str:
    """Return a classpath with the popping driver compiled against ``rocketmq-client`` of that version."""
    require("java", "it runs the Java client")
    return _compiled(_jars("client", version), POP_SOURCES, "pop-classes")


@_one_at_a_time
def java_tools_classpath(version: str) -> str:
    """Return a classpath with the ``mqadmin`` loop compiled against ``rocketmq-tools`` of that version."""
    require("java", "it runs mqadmin")
    return _compiled(_jars("tools", version), ADMIN_SOURCES)


@_one_at_a_time
def java_server_classpath(version: str) -> str:
    """Return a classpath with Apache's name server and broker."""
    require("java", "it runs the Java broker")
    return f"{_jars('server', version) / 'lib'}{os.sep}*"


@_one_at_a_time
def go_driver() -> str:
    """Build the Go driver and return the program."""
    go = require("go", "it builds the driver of rocketmq-client-go")
    home = WORK / "go"
    program = home / "driver"
    sources = sorted(path for path in (HERE / "go").iterdir() if path.suffix in {".go", ".mod", ".sum"})
    digest = _digest(*sources)
    if not _is_built(home / "stamp", digest):
        home.mkdir(parents=True, exist_ok=True)
        run([go, "mod", "download"], "Go modules of rocketmq-client-go", cwd=HERE / "go")
        done = subprocess.run(
            [go, "build", "-o", str(program), "."], cwd=HERE / "go", capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        (home / "stamp").write_text(digest)
    return str(program)
