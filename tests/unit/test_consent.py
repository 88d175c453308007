"""The consent gate: its truth table, and the published strings it has to read as their authors meant them."""

import json
from pathlib import Path
from typing import Any

import pytest

from adserver.model.account import ConsentDefault
from adserver.model.consent import MAX_CACHED_CHARACTERS, Signals, Verdict, may_store, weigh
from adserver.model.tcf import MAX_CHARACTERS, TcfError, purpose_consents

MATERIAL = Path(__file__).parents[2].parent / "shared" / "data" / "consent"

WITH_PURPOSE_1 = "CPytTYAPytTYABEACBENDXCoAP_AAH_AAAAAAAAAAAAA"
WITHOUT_PURPOSE_1 = "CPytTYAPytTYABEACBENDXCoAH_AAH_AAAAAAAAAAAAA"
GPP_EU = "DBABMA~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA"

GRANTED, REFUSED, SILENT = Verdict.GRANTED, Verdict.REFUSED, Verdict.SILENT


def material(name: str) -> str:
    path = MATERIAL / name
    if not path.is_file():
        pytest.skip(f"the published consent strings ({name}) are not at hand")
    return path.read_text(encoding="utf-8")


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in material(name).splitlines()]


def refuses(string: str) -> bool:
    try:
        purpose_consents(string)
    except TcfError:
        return True
    return False


@pytest.mark.parametrize(
    ("signals", "verdict"),
    [
        (Signals(), SILENT),
        # the visitor's own word
        (Signals(opted_out=True), REFUSED),
        (Signals(opted_out=True, gdpr="0", declared="1"), REFUSED),
        (Signals(gpc="1"), REFUSED),
        (Signals(gpc=" 1 "), REFUSED),
        (Signals(gpc="true"), REFUSED),
        (Signals(gpc="0"), SILENT),
        (Signals(gpc=" 0 "), SILENT),
        (Signals(gpc=" "), SILENT),
        (Signals(gpc="1", gdpr="1", gdpr_consent=WITH_PURPOSE_1), REFUSED),
        (Signals(malformed=True), REFUSED),
        (Signals(malformed=True, declared="1"), REFUSED),
        # GDPR
        (Signals(gdpr="0"), GRANTED),
        (Signals(gdpr="0", gdpr_consent="broken"), GRANTED),
        (Signals(gdpr="0", gdpr_consent=WITHOUT_PURPOSE_1), GRANTED),
        (Signals(gdpr="1"), REFUSED),
        (Signals(gdpr="1", gdpr_consent=WITH_PURPOSE_1), GRANTED),
        (Signals(gdpr="1", gdpr_consent=WITHOUT_PURPOSE_1), REFUSED),
        (Signals(gdpr="1", gdpr_consent="broken"), REFUSED),
        (Signals(gdpr="1", gdpr_consent=WITH_PURPOSE_1 + " "), REFUSED),
        (Signals(gdpr="${GDPR}"), REFUSED),
        (Signals(gdpr="00", gdpr_consent=WITHOUT_PURPOSE_1), REFUSED),
        (Signals(gdpr="true", gdpr_consent=WITH_PURPOSE_1), GRANTED),
        (Signals(gdpr_consent=WITH_PURPOSE_1), GRANTED),
        (Signals(gdpr_consent=WITHOUT_PURPOSE_1), REFUSED),
        (Signals(gdpr_consent="broken"), REFUSED),
        (Signals(gdpr="1", gdpr_consent="C" * (MAX_CACHED_CHARACTERS + 1)), REFUSED),
        (Signals(gdpr="1", gdpr_consent=WITH_PURPOSE_1 + "A" * MAX_CACHED_CHARACTERS), GRANTED),
        (Signals(gdpr="1", gdpr_consent=WITH_PURPOSE_1 + "A" * MAX_CHARACTERS), REFUSED),
        # US Privacy
        (Signals(us_privacy="1---"), SILENT),
        (Signals(us_privacy="1Y--"), SILENT),
        (Signals(us_privacy="1YNN"), GRANTED),
        (Signals(us_privacy="1-N-"), GRANTED),
        (Signals(us_privacy="1YYN"), REFUSED),
        (Signals(us_privacy="1yyn"), REFUSED),
        (Signals(us_privacy="1ynn"), REFUSED),
        (Signals(us_privacy="2YNN"), REFUSED),
        (Signals(us_privacy="1YNN\n"), REFUSED),
        (Signals(us_privacy="${US_PRIVACY}"), REFUSED),
        (Signals(us_privacy="1YYN", gdpr="0", declared="1"), REFUSED),
        (Signals(us_privacy="1YNN", gdpr="1"), REFUSED),
        (Signals(us_privacy="1---", gdpr="1", gdpr_consent=WITH_PURPOSE_1), GRANTED),
        # Global Privacy Platform
        (Signals(gpp=GPP_EU), REFUSED),
        (Signals(gpp=GPP_EU, gpp_sid="2"), REFUSED),
        (Signals(gpp=GPP_EU, gpp_sid="2", declared="1"), REFUSED),
        (Signals(gpp=GPP_EU, gpp_sid="2", gdpr="1", gdpr_consent=WITH_PURPOSE_1), GRANTED),
        (Signals(gpp=GPP_EU, gpp_sid="2", gdpr_consent=WITH_PURPOSE_1), GRANTED),
        (Signals(gpp=GPP_EU, gpp_sid="2", gdpr_consent=WITHOUT_PURPOSE_1), REFUSED),
        (Signals(gpp=GPP_EU, gpp_sid="2", gdpr="0"), GRANTED),
        (Signals(gpp=GPP_EU, gpp_sid="2,7", gdpr="1", gdpr_consent=WITH_PURPOSE_1), REFUSED),
        (Signals(gpp="DBABLA~BVVqAAAAAAA.QA", gpp_sid="7"), REFUSED),
        (Signals(gpp="DBABLA~BVVqAAAAAAA.QA", gdpr="0"), REFUSED),
        (Signals(gpp_sid="2"), SILENT),
        # the page owner's declaration
        (Signals(declared="1"), GRANTED),
        (Signals(declared="0"), REFUSED),
        (Signals(declared="yes"), REFUSED),
        (Signals(declared="0", gdpr="1", gdpr_consent=WITH_PURPOSE_1), REFUSED),
        (Signals(declared="1", gdpr="1"), REFUSED),
        (Signals(declared="1", gdpr_consent="broken"), REFUSED),
        (Signals(declared="1", us_privacy="1YYN"), REFUSED),
        (Signals(declared="1", us_privacy="1---"), GRANTED),
    ],
)
def test_the_gate(signals: Signals, verdict: Verdict) -> None:
    assert weigh(signals) is verdict


@pytest.mark.parametrize(
    ("verdict", "default", "stores"),
    [
        (GRANTED, ConsentDefault.DENY, True),
        (GRANTED, ConsentDefault.ALLOW, True),
        (SILENT, ConsentDefault.DENY, False),
        (SILENT, ConsentDefault.ALLOW, True),
        (REFUSED, ConsentDefault.DENY, False),
        (REFUSED, ConsentDefault.ALLOW, False),
    ],
)
def test_only_silence_asks_the_default(verdict: Verdict, default: ConsentDefault, stores: bool) -> None:
    assert may_store(verdict, default) is stores


def test_valid_strings_decode_as_the_official_decoder_does() -> None:
    rows = lines("tcf_valid.jsonl")
    assert rows
    for row in rows:
        expected = frozenset(row["decoded"]["purposeConsents"])
        assert purpose_consents(row["string"]) == expected, row["string"]
        verdict = GRANTED if 1 in expected else REFUSED
        assert weigh(Signals(gdpr="1", gdpr_consent=row["string"])) is verdict, row["string"]


@pytest.mark.parametrize("name", ["tcf_rejected_or_disputed.jsonl", "tcf_v1_obsolete.jsonl"])
def test_strings_the_official_decoder_rejects_are_refused(name: str) -> None:
    rows = lines(name)
    assert rows
    assert [row["string"] for row in rows if not refuses(row["string"])] == []
    assert {weigh(Signals(gdpr="1", gdpr_consent=row["string"])) for row in rows} == {REFUSED}


def test_never_more_permissive_than_the_enforcement_table() -> None:
    rows = [row for row in lines("tcf_enforcement_truth_table.jsonl") if row["spec_relevant"]]
    assert rows
    for row in rows:
        granted = weigh(Signals(gdpr="1", gdpr_consent=row["string"])) is GRANTED
        allowed = any(value for purpose, value in row["expect"].items() if purpose.startswith("P1 "))
        assert allowed or not granted, row["description"]


def test_published_us_privacy_strings() -> None:
    rows = json.loads(material("us_privacy.json"))
    assert rows
    for row in rows:
        string = row["string"]
        if not string or row.get("ccpa_applies") is False:
            expected = SILENT
        elif row["valid"] is not True or row["opt_out_sale"]:
            expected = REFUSED
        else:
            expected = GRANTED
        assert weigh(Signals(us_privacy=string)) is expected, string
