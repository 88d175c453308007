"""Laws of the TC string reader and of the consent gate: nothing surprises them, no refusal is undone."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adserver.model.consent import Signals, Verdict, weigh
from adserver.model.tcf import MAX_CHARACTERS, TcfError, purpose_consents

MATERIAL = Path(__file__).parents[2].parent / "shared" / "data" / "consent" / "tcf_valid.jsonl"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

Entry = tuple[int, int | None]  # a single vendor id, or a first and a last one


def encode(bits: str) -> str:
    """Write a segment the plain way: zero bits up to a whole byte, base64url, no padding characters."""
    size = -(-len(bits) // 8)
    return urlsafe_b64encode(int(bits.ljust(size * 8, "0"), 2).to_bytes(size)).decode().rstrip("=")


def ranges(entries: list[Entry]) -> str:
    written = (f"0{first:016b}" if last is None else f"1{first:016b}{last:016b}" for first, last in entries)
    return f"{len(entries):012b}" + "".join(written)


def vendor_field(present: list[bool]) -> str:
    return f"{len(present):016b}0" + "".join("1" if bit else "0" for bit in present)


def vendor_ranges(highest: int, entries: list[Entry]) -> str:
    return f"{highest:016b}1" + ranges(entries)


def restriction(purpose: int = 2, kind: int = 1, entries: list[Entry] | None = None) -> str:
    return f"{purpose:06b}{kind:02b}" + ranges([(7, None)] if entries is None else entries)


def core_bits(
    *,
    version: int = 2,
    cmp_id: int = 31,
    language: tuple[int, int] = (4, 13),
    country: tuple[int, int] = (3, 4),
    purposes: frozenset[int] = frozenset({1, 3, 24}),
    consents: str = vendor_field([True, False, True]),
    interests: str = vendor_field([]),
    restrictions: tuple[str, ...] = (),
) -> str:
    return "".join(
        [
            f"{version:06b}{16_000_000_000:036b}{16_000_000_001:036b}{cmp_id:012b}{3:012b}{1:06b}",
            f"{language[0]:06b}{language[1]:06b}{120:012b}{4:06b}10{0:012b}",
            "".join("1" if purpose in purposes else "0" for purpose in range(1, 25)),
            f"{0:024b}0{country[0]:06b}{country[1]:06b}",
            consents,
            interests,
            f"{len(restrictions):012b}" + "".join(restrictions),
        ]
    )


def core(**fields: Any) -> str:
    return encode(core_bits(**fields))


DISCLOSED = encode("001" + vendor_field([True] * 9))
ALLOWED = encode("010" + vendor_ranges(9, [(2, 9)]))
PUBLISHER = encode("011" + "0" * 48 + f"{3:06b}" + "101" + "010")


@st.composite
def ascending_entries(draw: st.DrawFn) -> tuple[int, list[Entry]]:
    ids = sorted(draw(st.sets(st.integers(1, 0xFFFF), max_size=20)))
    entries: list[Entry] = []
    while ids:
        first = ids.pop(0)
        as_range = bool(ids) and draw(st.booleans())
        entries.append((first, ids.pop(0) if as_range else None))
    last = entries[-1][1] or entries[-1][0] if entries else 0
    return draw(st.integers(last, 0xFFFF)), entries


vendor_sections = st.one_of(
    st.lists(st.booleans(), max_size=200).map(vendor_field),
    ascending_entries().map(lambda section: vendor_ranges(*section)),
)
segment_lists = st.lists(st.sampled_from([DISCLOSED, ALLOWED, PUBLISHER]), unique=True)


@given(
    purposes=st.frozensets(st.integers(1, 24)),
    consents=vendor_sections,
    interests=vendor_sections,
    restrictions=st.lists(st.builds(restriction, purpose=st.integers(1, 24), kind=st.integers(0, 2)), max_size=4).map(
        tuple
    ),
    segments=segment_lists,
)
def test_what_was_written_is_read(
    purposes: frozenset[int],
    consents: str,
    interests: str,
    restrictions: tuple[str, ...],
    segments: list[str],
) -> None:
    written = core(purposes=purposes, consents=consents, interests=interests, restrictions=restrictions)
    assert purpose_consents(".".join([written, *segments])) == purposes


@given(consents=vendor_sections, interests=vendor_sections, kept=st.floats(0, 1, exclude_max=True))
def test_a_core_that_breaks_off_is_refused(consents: str, interests: str, kept: float) -> None:
    bits = core_bits(consents=consents, interests=interests, restrictions=(restriction(), restriction(purpose=9)))
    sextets = int(kept * (len(bits) // 6))
    whole = core(consents=consents, interests=interests, restrictions=(restriction(), restriction(purpose=9)))
    with pytest.raises(TcfError):
        purpose_consents(whole[:sextets])


@pytest.mark.parametrize(
    "string",
    [
        "",
        ".",
        core() + ".",
        "." + core(),
        core() + "=",
        core() + "\n",
        " " + core(),
        "+" + core()[1:],
        "é" + core()[1:],
        core() + "A" * MAX_CHARACTERS,
        core(version=1),
        core(version=3),
        core(cmp_id=0),
        core(cmp_id=1),
        core(language=(26, 0)),
        core(language=(0, 63)),
        core(country=(26, 0)),
        core(country=(0, 26)),
        core(consents=vendor_ranges(3, [(4, None)])),
        core(consents=vendor_ranges(3, [(1, 4)])),
        core(consents=vendor_ranges(3, [(0, None)])),
        core(consents=vendor_ranges(3, [(3, 2)])),
        core(consents=vendor_ranges(9, [(5, None), (4, None)])),
        core(consents=vendor_ranges(9, [(2, 6), (5, 7)])),
        core(interests=vendor_ranges(3, [(4, None)])),
        core(restrictions=(restriction(purpose=0),)),
        core(restrictions=(restriction(purpose=25),)),
        core(restrictions=(restriction(kind=3),)),
        core(restrictions=(restriction(entries=[(0, None)]),)),
        core(restrictions=(restriction(entries=[(14, 7)]),)),
        core() + "." + core(),
        core() + "." + DISCLOSED + "." + DISCLOSED,
        core() + "." + encode("100" + "0" * 60),
        core() + "." + encode("111" + "0" * 60),
        core() + "." + DISCLOSED[:1],
        core() + "." + DISCLOSED[:4],
        core() + "." + ALLOWED[:9],
        core() + "." + encode("010" + vendor_ranges(8, [(2, 9)])),
        core() + "." + PUBLISHER[:-2],
        ".".join([core(), DISCLOSED, ALLOWED, PUBLISHER, PUBLISHER]),
        DISCLOSED,
        DISCLOSED + "." + core(),
    ],
)
def test_broken_strings_are_refused(string: str) -> None:
    with pytest.raises(TcfError) as refusal:
        purpose_consents(string)
    assert refusal.value.reason == str(refusal.value) != ""


@pytest.mark.parametrize(
    "string",
    [
        core(cmp_id=2),
        core() + "A" * 20,
        core(consents=vendor_ranges(0, [])),
        core(consents=vendor_ranges(9, [(7, None), (7, None), (9, 9)])),
        core(restrictions=(restriction(entries=[(730, None), (7, 9), (7, None)]),)),
        core(restrictions=(restriction(entries=[]),)),
        ".".join([core(), PUBLISHER, ALLOWED, DISCLOSED]),
    ],
)
def test_odd_but_valid_strings_are_read(string: str) -> None:
    assert purpose_consents(string) == {1, 3, 24}


@given(st.one_of(st.text(), st.text(ALPHABET + ".", max_size=400), st.text(ALPHABET).map(core().__add__)))
def test_any_text_gives_purposes_or_a_refusal(text: str) -> None:
    try:
        purposes = purpose_consents(text)
    except TcfError:
        return
    assert purposes <= set(range(1, 25))


@given(st.text(ALPHABET + ".", max_size=300), st.integers(2, 0xFFF), st.frozensets(st.integers(1, 24)))
def test_any_tail_behind_the_fixed_fields_is_harmless(tail: str, cmp_id: int, purposes: frozenset[int]) -> None:
    fixed = core(cmp_id=cmp_id, purposes=purposes)[:35]
    try:
        found = purpose_consents(fixed + tail)
    except TcfError:
        return
    assert found == purposes


def material() -> list[str]:
    if not MATERIAL.is_file():
        pytest.skip("the published consent strings (tcf_valid.jsonl) are not at hand")
    return [json.loads(line)["string"] for line in MATERIAL.read_text(encoding="utf-8").splitlines()]


def flips(string: str) -> Iterator[tuple[int, str]]:
    """Every string with one bit turned, and which bit; dots stay."""
    for index, character in enumerate(string):
        for bit in range(6 if character != "." else 0):
            turned = ALPHABET[ALPHABET.index(character) ^ (32 >> bit)]
            yield index * 6 + bit, string[:index] + turned + string[index + 1 :]


def test_one_turned_bit_gives_no_purpose_of_its_own() -> None:
    """Only the 24 consent bits (152 to 175) change what is read; any other bit changes nothing or refuses."""
    for string in (core(), *[string for string in material() if len(string) <= 400]):
        before = purpose_consents(string)
        for bit, turned in flips(string):
            try:
                after = purpose_consents(turned)
            except TcfError:
                continue
            assert after ^ before == ({bit - 151} if 152 <= bit < 176 else set()), (string, bit)


@pytest.mark.parametrize("odd", ["", ".", "=", "+", " ", "\x00", "\n", "é", "\ud800", "😀"])
def test_one_odd_character_is_refused_or_harmless(odd: str) -> None:
    for string in (core(), *[string for string in material() if len(string) <= 200]):
        for index in range(len(string)):
            try:
                purpose_consents(string[:index] + odd + string[index + 1 :])
            except TcfError:
                continue
            assert odd in {"", "."}, "only the length or the segments may change unnoticed"


WITHOUT_PURPOSE_1 = core(purposes=frozenset({2, 3}))

values = st.one_of(st.sampled_from(["", "0", "1", "2"]), st.text(max_size=6))
tc_strings = st.one_of(st.sampled_from(["", core(), WITHOUT_PURPOSE_1, core() + "."]), st.text(max_size=6))
signal_sets = st.builds(
    Signals,
    gpc=values,
    opted_out=st.booleans(),
    gdpr=values,
    gdpr_consent=tc_strings,
    us_privacy=st.one_of(st.just(""), st.from_regex(r"[12][YNyn-]{3}", fullmatch=True), st.text(max_size=6)),
    gpp=st.sampled_from(["", "DBABMA~C"]),
    gpp_sid=st.sampled_from(["", "2", "7", "2,7"]),
    declared=values,
    malformed=st.booleans(),
)
refusing = st.sampled_from(
    [
        {"opted_out": True},
        {"malformed": True},
        {"gpc": "1"},
        {"us_privacy": "1NYN"},
        {"us_privacy": "broken"},
        {"gpp": "DBABLA~BVVqAAAAAAA.QA", "gpp_sid": "7"},
        {"declared": "0"},
        {"gdpr": "1", "gdpr_consent": ""},
        {"gdpr": "1", "gdpr_consent": WITHOUT_PURPOSE_1},
    ]
)


@given(signal_sets, refusing)
def test_a_refusing_signal_always_refuses(signals: Signals, refusal: dict[str, Any]) -> None:
    assert weigh(signals._replace(**refusal)) is Verdict.REFUSED


@given(signal_sets)
def test_a_declaration_or_a_string_alone_never_undoes_a_refusal(signals: Signals) -> None:
    if weigh(signals._replace(declared="")) is Verdict.REFUSED:
        assert weigh(signals._replace(declared="1")) is Verdict.REFUSED


@given(signal_sets)
def test_nothing_granted_where_gdpr_applies_without_purpose_1(signals: Signals) -> None:
    signals = signals._replace(gdpr="1")
    if weigh(signals) is Verdict.GRANTED:
        assert 1 in purpose_consents(signals.gdpr_consent)
