"""A machine without a compiler can install PocketMQ, and what it installs is plain Python that runs."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


def copy_of_sources(folder: Path) -> Path:
    """What a build reads, without what earlier builds left."""
    compiled = shutil.ignore_patterns("*.so", "*.c", "__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", folder / "src", ignore=compiled)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def test_a_wheel_builds_without_a_compiler_and_runs(tmp_path: Path) -> None:
    pytest.importorskip("setuptools", reason="the build requirements are not installed here")
    pytest.importorskip("Cython", reason="the build requirements are not installed here")
    sources = copy_of_sources(tmp_path)
    wheels = tmp_path / "wheels"
    no_compiler = os.environ | {"CC": "/bin/false", "CXX": "/bin/false"}
    no_compiler.pop("POCKETMQ_COMPILE", None)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-build-isolation", "--no-deps"]
    built = subprocess.run(
        [*pip, "-w", str(wheels), str(sources)], env=no_compiler, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-2000:]
    (wheel,) = wheels.iterdir()
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in names if name.endswith((".so", ".c", ".pyd"))] == []
    assert {"pocketmq/py.typed", "pocketmq/protocol/frame/command.py"} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)

    installed = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(installed)
    program = "import pocketmq.protocol.frame.command as f; print(f.__file__, f.Command.of(10).code)"
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(installed)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == f"{installed / 'pocketmq/protocol/frame/command.py'} 10"
