"""Prints how the installed pocketmq runs here: which hot modules are compiled, which are plain Python."""

import ast
import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def hot_modules() -> list[str]:
    """The modules that setup.py compiles, by their dotted names."""
    body = ast.parse((ROOT / "setup.py").read_text()).body
    (compiled,) = [one for one in body if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == "COMPILED"]
    texts = [one.value for one in ast.walk(compiled) if isinstance(one, ast.Constant)]
    return [text for text in texts if isinstance(text, str) and text.startswith("pocketmq.")]


def is_compiled(module: str) -> bool:
    """Whether importing `module` would load machine code."""
    found = importlib.util.find_spec(module)
    return found is not None and not str(found.origin).endswith(".py")


def main() -> int:
    """Print one line; `--short` prints `compiled`, `uncompiled` or `mixed` alone."""
    modules = hot_modules()
    compiled = [module for module in modules if is_compiled(module)]
    flavour = "compiled" if len(compiled) == len(modules) else "mixed" if compiled else "uncompiled"
    if "--short" in sys.argv:
        print(flavour)
    else:
        print(f"pocketmq runs {flavour}: {len(compiled)} of {len(modules)} hot modules are machine code")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
