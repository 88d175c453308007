"""Decisions that were written down: who may be shown, in which order, and the first reason of everybody else."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from adserver.decision.explain import CHOSEN, Explained, explain
from adserver.decision.index import build_index
from adserver.decision.shortlist import prospects, shortlist
from adserver.decision.viewer import Viewer
from adserver.model.account import Accounts
from adserver.model.rates import Rates
from adserver.model.reason import LineItemReason
from tests.decisions import GOLDEN, SIZES, accounts_of, moment, profile_of, viewer_of


class Golden(NamedTuple):
    accounts: Accounts
    case: Mapping[str, Any]

    @property
    def placement(self) -> str:
        return str(self.case.get("placement", "here"))

    @property
    def viewer(self) -> Viewer:
        now = moment(self.case["now"].isoformat() if not isinstance(self.case["now"], str) else self.case["now"])
        profile = profile_of(self.case["profile"], self.accounts, now)
        return viewer_of(self.accounts, profile, now, self.case.get("request"))

    @property
    def later(self) -> dict[str, LineItemReason]:
        return {name: LineItemReason[reason.upper()] for name, reason in self.case.get("later", {}).items()}

    def explained(self) -> list[Explained]:
        refs = {item.id: item.ref for item in self.accounts.line_items.values()}
        return explain(
            self.accounts,
            self.accounts.placements[self.placement],
            self.viewer,
            creative_sizes=SIZES,
            rates=Rates(),
            rng=lambda: 0.5,
            later={refs[name]: reason for name, reason in self.later.items()},
        )


def golden() -> Iterator[Any]:
    for path in sorted(GOLDEN.glob("*.yaml")):
        written = yaml.safe_load(path.read_text("utf-8"))
        accounts = accounts_of(written["accounts"])
        for case in written["cases"]:
            yield pytest.param(Golden(accounts, case), id=f"{path.stem}: {case['name']}")


ALL = list(golden())


@pytest.mark.parametrize("golden", ALL)
def test_the_candidates_come_in_their_order(golden: Golden) -> None:
    entry = build_index(golden.accounts, SIZES).placements[golden.placement]
    listed = shortlist(entry, golden.viewer, Rates(), lambda: 0.5)
    assert [booking.line_item.id for booking in listed.candidates] == golden.case["candidates"]
    if not golden.case["candidates"]:
        assert listed.reason is not None
        assert listed.reason.label == golden.case["no_ad"]


@pytest.mark.parametrize("golden", ALL)
def test_everybody_else_has_a_reason(golden: Golden) -> None:
    candidates, later = golden.case["candidates"], golden.later
    chosen = golden.case.get("chosen", candidates[0] if candidates else "")
    expected = dict.fromkeys(candidates, LineItemReason.OUTRANKED.label)
    expected |= {name: reason.label for name, reason in later.items()}
    expected |= golden.case.get("reasons", {}) | ({chosen: CHOSEN} if chosen else {})
    explained = golden.explained()
    assert {told.line_item: told.reason for told in explained} == expected
    details = {told.line_item: told.detail for told in explained}
    for name, detail in golden.case.get("details", {}).items():
        assert details[name] == detail


@pytest.mark.parametrize("golden", ALL)
def test_a_request_and_the_explanation_tell_the_same_reasons(golden: Golden) -> None:
    entry = build_index(golden.accounts, SIZES).placements[golden.placement]
    listed = shortlist(entry, golden.viewer, Rates(), lambda: 0.5)
    list(listed.candidates)
    explained = {told.line_item: told.number for told in golden.explained()}
    names = {item.ref: item.id for item in golden.accounts.line_items.values()}
    assert {names[passed.line_item]: passed.reason for passed in listed.passed}.items() <= explained.items()


@pytest.mark.parametrize("golden", [p for p in ALL if "prospects" in p.values[0].case])
def test_somebody_nobody_knows_sees_what_needs_nothing_known(golden: Golden) -> None:
    entry = build_index(golden.accounts, SIZES).placements[golden.placement]
    listed = prospects(entry, golden.viewer, Rates(), lambda: 0.5)
    assert [booking.line_item.id for booking in listed.candidates] == golden.case["prospects"]


def test_the_page_about_decisions_shows_what_is_told() -> None:
    page = (Path(__file__).parents[2] / "docs" / "decisions.md").read_text("utf-8")
    (golden,) = [param.values[0] for param in ALL if param.id == "whom: somebody who looked at a product"]
    explained = golden.explained()
    lines = [f"{t.line_item:14}  {t.reason:13}  {t.number:3}  {t.detail}".rstrip() for t in explained]
    assert "\n".join(lines) in page


def test_every_reason_is_written_down_at_least_once() -> None:
    found = {told.reason for param in ALL for told in param.values[0].explained()}
    assert found == {reason.label for reason in LineItemReason} | {CHOSEN}
    assert len(ALL) >= 40
