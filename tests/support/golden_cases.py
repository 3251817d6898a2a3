"""The cases that Java made, by group and kind (see tests/vectors/README.md)."""

import functools
import json
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).parent.parent / "vectors"


@functools.cache
def _all() -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((VECTORS / "manifest.json").read_text())["cases"]
    return cases


def cases_of(group: str, *kinds: str) -> list[dict[str, Any]]:
    """The cases of a group; of these kinds only, if any are named. Raises LookupError rather than answer none."""
    found = [case for case in _all() if case["group"] == group and (not kinds or case["kind"] in kinds)]
    if not found:
        raise LookupError(f"no cases of group {group}, kinds {kinds}")
    return found
