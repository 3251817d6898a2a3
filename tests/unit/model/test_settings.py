"""The mechanism: one declaration, read from text, printed as text, and the mistakes it explains."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

import pytest

from pocketmq.model.errors import UserError
from pocketmq.model.settings import (
    Settings,
    UnusedKeys,
    choice,
    environment_name,
    integer,
    number,
    page_of,
    snake_case,
    switch,
    text,
)


class Colour(StrEnum):
    RED = "RED"
    BLUE = "BLUE"


@dataclass(slots=True, eq=False, repr=False)
class Kettle(Settings):
    """Settings of a kettle."""

    UNUSED: ClassVar[tuple[UnusedKeys, ...]] = (
        UnusedKeys("water finds its way", "pipeWidth=12 pipeColour= pipeMaker"),
        UnusedKeys("there is no lock", "childLock=false guardLock", only_default=True),
    )
    HISTORIC: ClassVar[Mapping[str, str]] = {"maxTemperatur": "maxTemperature"}
    ENVIRONMENT_PREFIX: ClassVar[str] = "KETTLE_"

    max_temperature: int = integer("maxTemperature", 100, "Degrees.", low=10, high=120, important=True)
    lid_ratio: float = number("lidRatio", 0.5, "Part of the lid that is open.", low=0, high=1)
    whistle: bool = switch("whistle", True, "Whistle.")
    owner_ip1: str = text("ownerIP1", "", "Who is told.", at_start=True, absent_when_empty=True)
    label: str = text("label", "", "What is written on it.")
    colour: Colour = choice("colour", Colour.RED, "Paint.")  # noqa: RUF009 - it makes a field


@pytest.mark.parametrize(
    ("key", "given", "attribute", "value"),
    [
        ("maxTemperature", "10", "max_temperature", 10),
        ("maxTemperature", " +120\t", "max_temperature", 120),
        ("lidRatio", "0", "lid_ratio", 0.0),
        ("lidRatio", "0.25", "lid_ratio", 0.25),
        ("whistle", "FALSE", "whistle", False),
        ("whistle", "true ", "whistle", True),
        ("label", " green tea ", "label", "green tea"),
        ("label", "", "label", ""),
        ("colour", "BLUE", "colour", Colour.BLUE),
    ],
)
def test_a_text_becomes_a_value(key: str, given: str, attribute: str, value: object) -> None:
    kettle = Kettle()
    assert kettle.assign(key, given) == []
    assert getattr(kettle, attribute) == value
    assert type(getattr(kettle, attribute)) is type(value)


@pytest.mark.parametrize(
    ("key", "given", "complaint"),
    [
        ("maxTemperature", "9", "k.conf:3: maxTemperature must be an integer from 10 to 120, not '9'"),
        ("maxTemperature", "121", "k.conf:3: maxTemperature must be an integer from 10 to 120, not '121'"),
        ("maxTemperature", "1_0", "k.conf:3: maxTemperature must be an integer from 10 to 120, not '1_0'"),
        ("maxTemperature", "٥٠", "k.conf:3: maxTemperature must be an integer from 10 to 120, not '٥٠'"),
        ("maxTemperature", "9" * 5000, f"must be an integer from 10 to 120, not '{'9' * 80}'…"),
        ("maxTemperature", "", "k.conf:3: maxTemperature must be an integer from 10 to 120, not ''"),
        ("maxTemperature", "50 # warm", "a comment needs a line of its own: after a value it is part of the value"),
        ("lidRatio", "1.5", "k.conf:3: lidRatio must be a number from 0 to 1, not '1.5'"),
        ("lidRatio", "nan", "k.conf:3: lidRatio must be a number from 0 to 1, not 'nan'"),
        ("whistle", "yes", "k.conf:3: whistle must be true or false, not 'yes'"),
        ("colour", "red", "k.conf:3: colour must be one of RED, BLUE, not 'red'"),
        ("ownerIp1", "x", "k.conf:3: unknown key 'ownerIp1'; did you mean ownerIP1?"),
        ("maxTemprature", "50", "k.conf:3: unknown key 'maxTemprature'; did you mean maxTemperature?"),
        ("pipeWith", "50", "k.conf:3: unknown key 'pipeWith'; did you mean pipeWidth?"),
        ("zzz", "50", "k.conf:3: unknown key 'zzz'"),
        ("childLock", "true", "k.conf:3: childLock=true cannot be honoured: there is no lock; remove the key"),
        ("guardLock", "x", "k.conf:3: guardLock=x cannot be honoured: there is no lock; remove the key"),
    ],
)
def test_a_mistake_names_place_key_value_and_remedy(key: str, given: str, complaint: str) -> None:
    kettle = Kettle()
    before = kettle.to_properties()
    with pytest.raises(UserError) as caught:
        kettle.assign(key, given, "k.conf:3")
    assert complaint in str(caught.value)
    assert kettle.to_properties() == before


def test_without_a_place_a_mistake_starts_with_the_key() -> None:
    with pytest.raises(UserError, match=r"^unknown key 'zzz'$"):
        Kettle().assign("zzz", "1")


def test_a_historic_name_is_taken_with_a_warning() -> None:
    kettle = Kettle()
    assert kettle.assign("maxTemperatur", "80", "k.conf:1") == [
        "k.conf:1: maxTemperatur is the historic name of maxTemperature"
    ]
    assert kettle.max_temperature == 80


def test_a_comment_after_a_text_is_kept_with_a_warning() -> None:
    kettle = Kettle()
    (warning,) = kettle.assign("ownerIP1", "10.0.0.2 #mine", "k.conf:1")
    assert kettle.owner_ip1 == "10.0.0.2 #mine"
    assert warning.startswith("k.conf:1: ownerIP1 is '10.0.0.2 #mine', with its '#': a comment needs a line of its own")


def test_keys_without_meaning_are_kept_and_told_under_their_reason() -> None:
    kettle = Kettle()
    assert kettle.passed_over_by_reason() == {}
    for key, given in (("pipeMaker", "ACME"), ("pipeWidth", "14"), ("pipeColour", ""), ("childLock", "FALSE")):
        assert kettle.assign(key, given) == []
    assert kettle.passed_over_by_reason() == {
        "water finds its way": ["pipeWidth", "pipeMaker"],
        "there is no lock": ["childLock"],
    }


def test_all_keys_are_printed_sorted_as_java_would() -> None:
    kettle = Kettle()
    assert list(kettle.to_properties().items()) == [
        ("childLock", "false"),
        ("colour", "RED"),
        ("label", ""),
        ("lidRatio", "0.5"),
        ("maxTemperature", "100"),
        ("pipeColour", ""),
        ("pipeWidth", "12"),
        ("whistle", "true"),
    ]
    for key, given in (("ownerIP1", "10.0.0.2"), ("whistle", "false"), ("pipeMaker", "ACME"), ("pipeWidth", "14")):
        kettle.assign(key, given)
    printed = kettle.to_properties()
    assert (printed["ownerIP1"], printed["whistle"]) == ("10.0.0.2", "false")
    assert (printed["pipeMaker"], printed["pipeWidth"]) == ("ACME", "14")


def test_what_is_printed_can_be_read_back() -> None:
    first, second = Kettle(), Kettle()
    for key, given in (("colour", "BLUE"), ("lidRatio", "0.75"), ("pipeMaker", "ACME"), ("label", "tea")):
        first.assign(key, given)
    for key, printed in first.to_properties().items():
        second.assign(key, printed)
    assert second.to_properties() == first.to_properties()


def test_a_copy_is_independent() -> None:
    kettle = Kettle()
    twin = kettle.copy()
    twin.assign("maxTemperature", "50")
    twin.assign("pipeWidth", "1")
    assert (kettle.max_temperature, kettle.passed_over) == (100, {})
    assert (twin.max_temperature, twin.passed_over) == (50, {"pipeWidth": "1"})


def test_a_misspelt_attribute_is_an_error() -> None:
    with pytest.raises(AttributeError):
        Kettle().max_temprature = 5  # type: ignore[attr-defined]


def test_one_declaration_gives_every_name() -> None:
    declared = page_of(Kettle).declarations["ownerIP1"]
    assert (declared.attribute, declared.flag, declared.doc) == ("owner_ip1", "--owner-ip1", "Who is told.")
    assert (declared.at_start, declared.important) == (True, False)
    assert page_of(Kettle).declarations["maxTemperature"].important
    assert environment_name(Kettle, "ownerIP1") == "KETTLE_OWNER_IP1"
    assert page_of(Kettle) is page_of(Kettle)


@pytest.mark.parametrize(
    ("key", "snake"),
    [
        ("brokerIP1", "broker_ip1"),
        ("checkCRCOnRecover", "check_crc_on_recover"),
        ("enableDLegerCommitLog", "enable_d_leger_commit_log"),
        ("listenPort", "listen_port"),
        ("useTLS", "use_tls"),
    ],
)
def test_keys_are_spelt_in_snake_case(key: str, snake: str) -> None:
    assert snake_case(key) == snake
