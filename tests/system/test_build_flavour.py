"""The tests say which code they ran: machine code in CI's `make test`, plain Python in `make test-uncompiled`."""

import importlib.util
import os
import re
from pathlib import Path

SETUP = Path(__file__).resolve().parent.parent.parent / "setup.py"


def test_all_hot_modules_or_none_are_compiled_as_the_caller_expects() -> None:
    modules = re.findall(r'^ *"(pocketmq\.[a-z_.]+)"', SETUP.read_text(), re.MULTILINE)
    origins = [str(spec.origin) for spec in map(importlib.util.find_spec, modules) if spec is not None]
    assert len(origins) == len(modules) > 0
    flavours = {"uncompiled" if origin.endswith(".py") else "compiled" for origin in origins}
    expected = os.environ.get("POCKETMQ_EXPECT")
    assert flavours == {expected} if expected else len(flavours) == 1, origins
