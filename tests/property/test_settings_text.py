"""Whatever a file holds, reading it ends in settings or in a UserError."""

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from pocketmq.model.broker_settings import BrokerSettings
from pocketmq.model.errors import UserError
from pocketmq.model.namesrv_settings import NamesrvSettings
from pocketmq.model.settings import Settings, page_of
from pocketmq.node.completion import complete_broker
from pocketmq.node.config_files import apply, decode, environment_entries, text_entries, word_entries

PAGES: tuple[type[Settings], ...] = (BrokerSettings, NamesrvSettings)

known_keys = st.sampled_from([*page_of(BrokerSettings).declarations, *page_of(BrokerSettings).unused])
separators = st.sampled_from(["=", ":", " ", " = ", "\\\n=", "\t"])
values = st.one_of(
    st.text(max_size=20),
    st.integers().map(str),
    st.sampled_from(["true", "FALSE", "1.5", "ASYNC_FLUSH", "SLAVE", "\\u00e9", "\\u12", "\\", "nan", "1s 2s"]),
)
lines = st.one_of(st.tuples(known_keys, separators, values).map("".join), st.text(max_size=40))
texts = st.lists(lines, max_size=12).map("\n".join)

steady = settings(max_examples=300, deadline=None, print_blob=True)


@given(text=texts)
@steady
def test_any_properties_text_gives_settings_or_a_user_error(text: str) -> None:
    for page in PAGES:
        one = page()
        with contextlib.suppress(UserError):
            apply(one, text_entries(text, "b.conf"))
        assert set(one.to_properties()) <= {*page_of(page).declarations, *page_of(page).unused}


@given(content=st.binary(max_size=200))
@steady
def test_any_bytes_give_settings_or_a_user_error(content: bytes) -> None:
    for page in PAGES:
        with contextlib.suppress(UserError):
            apply(page(), text_entries(decode(content), "b.conf"))


@given(key=known_keys, value=values)
@steady
def test_any_value_of_a_known_key_is_kept_in_bounds_or_refused(key: str, value: str) -> None:
    one = BrokerSettings()
    before = one.to_properties()
    try:
        one.assign(key, value)
    except UserError:
        assert one.to_properties() == before
        return
    if declared := page_of(BrokerSettings).declarations.get(key):
        kept = getattr(one, declared.attribute)
        assert type(kept) is type(declared.default)
        assert isinstance(kept, bool | str) or declared.low <= kept <= declared.high
    else:
        assert one.passed_over[key] == value.strip()
    with contextlib.suppress(UserError):
        complete_broker(one)


@given(
    words=st.lists(st.text(max_size=20), max_size=4), names=st.dictionaries(st.text(max_size=20), st.text(), max_size=3)
)
@steady
def test_any_command_line_and_environment_end_in_entries_or_a_user_error(
    words: list[str], names: dict[str, str]
) -> None:
    for page in PAGES:
        with contextlib.suppress(UserError):
            word_entries(page, words)
        with contextlib.suppress(UserError):
            environment_entries(page, {page.ENVIRONMENT_PREFIX + name: text for name, text in names.items()})
