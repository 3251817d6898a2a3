"""docs/configuration.md says what the declarations say."""

import importlib.util
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[3]


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gen_config_docs", ROOT / "scripts" / "gen_config_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date() -> None:
    written = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert written == generator().page_text(), "run scripts/gen_config_docs.py"


def test_every_key_of_both_servers_is_on_the_page() -> None:
    script = generator()
    text = script.page_text()
    for page in (script.BrokerSettings, script.NamesrvSettings):
        known = script.page_of(page)
        for key in (*known.declarations, *known.unused):
            assert f"`{key}`" in text
