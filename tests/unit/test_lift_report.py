"""``adserver lift`` and ``adserver report --by creative`` as people and programs read them, over a made-up database."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from adserver.cli import app
from adserver.model.account import Accounts, Advertiser, Campaign
from adserver.model.event import Event
from adserver.model.event_name import EventName
from adserver.model.experiment import Experiment
from adserver.model.line_item import LineItem
from adserver.model.profile import EPOCH, Claim, Exposure, Reserved
from adserver.reporting.lift import Verdict
from adserver.reporting.lift_report import measurements
from adserver.service.count_ads import exposure_records
from adserver.service.count_conversions import conversion_records
from adserver.storage.sql.accounts import SqlAccounts
from adserver.storage.sql.engine import open_engine
from adserver.storage.sql.migrate import upgrade
from adserver.storage.sql.rollups import START, ArmRow, RollupRow, SqlRollups

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
ACME = Advertiser(id="acme", name="Acme", domains=("acme.example",), currency="EUR", locale="de_DE", ref=1)
ACCOUNTS = Accounts(
    advertisers={"acme": ACME},
    campaigns={
        "summer": Campaign(id="summer", advertiser="acme"),
        "off": Campaign(id="off", advertiser="acme", holdout=0),
    },
    experiments={"colours": Experiment(id="colours", advertiser="acme", arms={"red": 1, "blue": 1, "idle": 2})},
    line_items={
        "viewers": LineItem(id="viewers", campaign="summer", creative="grid"),
        "red": LineItem(id="red", campaign="summer", creative="grid", experiment="colours", arm="red"),
        "blue": LineItem(id="blue", campaign="summer", creative="hero", experiment="colours", arm="blue"),
    },
)
ARMS: list[ArmRow] = [
    (NOON, "summer", "treated", 9_480, 480, 500, 25_000_000_000),
    (NOON, "summer", "ghost", 520, 14, 15, 700_000_000),
    (NOON + timedelta(hours=1), "summer", "treated", 20, 1, 1, 1_000_000),
    (NOON, "~colours", "red", 400, 10, 10, 0),
    (NOON, "~colours", "blue", 600, 16, 16, 0),
]
ROWS: list[RollupRow] = [
    (NOON, "viewers", "rectangle", "", "grid", 100, 90, 3, 360_000),
    (NOON, "viewers", "rectangle", "", "hero", 50, 40, 1, 160_000),
    (NOON, "", "rectangle", "holdout", "", 5, 0, 0, 0),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installation")
    engine = open_engine(f"sqlite:///{folder / 'adserver.db'}")
    upgrade(engine)
    SqlAccounts(engine).apply(lambda _: (ACCOUNTS, Accounts()))
    assert SqlRollups(engine).commit("events", START, "1-0", ROWS, ARMS)
    engine.dispose()
    return folder


def run(folder: Path, *arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, [*arguments, "--data-dir", str(folder)], env={"COLUMNS": "140", "NO_COLOR": "1"})
    assert done.exit_code == code, done.output
    return done.output


def read(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(folder, "lift", "--json", *arguments))["measurements"]
    return found


def test_what_programs_read(folder: Path) -> None:
    campaign, experiment = read(folder)
    assert (campaign["name"], campaign["kind"], campaign["currency"]) == ("summer", "campaign", "EUR")
    assert campaign["arms"][0] == {
        "arm": "ghost",
        "visitors": 520,
        "buyers": 14,
        "rate": 14 / 520,
        "purchases": 15,
        "value": "700.00",
    }
    (lift,) = campaign["lifts"]
    assert (lift["arm"], lift["baseline"]) == ("treated", "ghost")
    low, high = lift["difference_interval"]
    assert 0 < low < lift["difference"] < high
    low, high = lift["relative_interval"]
    assert low < lift["relative"] < high
    more = 25_001 - 700 * 9_500 / 520
    assert float(lift["more_value"]) == pytest.approx(more, abs=0.005)
    assert campaign["balance"]["verdict"] == "as dealt"
    assert campaign["cost"] == "0.52"
    assert campaign["return_on_cost"] == pytest.approx(more / 0.52)
    assert (experiment["name"], experiment["kind"], experiment["cost"]) == ("colours", "experiment", None)
    assert [arm["arm"] for arm in experiment["arms"]] == ["red", "blue"]  # nobody can be met in the idle one
    assert experiment["balance"]["verdict"] == "not as dealt"
    assert read(folder, "colours") == [experiment]


def test_since_is_about_who_was_met(folder: Path) -> None:
    campaign = read(folder, "summer", "--since", "2026-06-01T13:00:00")[0]
    assert [(arm["arm"], arm["visitors"], arm["buyers"]) for arm in campaign["arms"]] == [
        ("ghost", 0, 0),
        ("treated", 20, 1),
    ]
    assert (campaign["lifts"], campaign["cost"], campaign["balance"]["p_value"]) == ([], None, None)


def test_what_people_read(folder: Path) -> None:
    shown = run(folder, "lift", "summer")
    for words in (
        "What the ads of summer cause",
        "9500",
        "5.06%",
        "+88.1%",
        "More visitors buy with the ads than without",
    ):
        assert words in shown
    assert "Split: as it was dealt (520 ghost, 9500 treated)." in shown
    assert "Buyers because of the ads: 225 (" in shown
    assert "Sold because of the ads for each 1.00 of it: 23485.65." in shown.replace("\n", " ")
    assert "ALARM" not in shown
    shown = run(folder, "lift", "colours")
    assert "ALARM: the split is not as it was dealt (400 red, 600 blue;" in shown
    assert "can not be told" not in shown
    nothing_yet = run(folder, "lift", "summer", "--since", "2026-06-01T13:00:00")
    assert "too few visitors" in nothing_yet
    assert "nothing to compare yet" in nothing_yet


def test_a_name_that_nothing_has(folder: Path) -> None:
    said = run(folder, "lift", "sumer", code=1)
    assert said == "sumer: expected a campaign that has a holdout, or an experiment: summer, colours\n"


def test_a_campaign_whose_holdout_was_switched_off_keeps_what_was_measured() -> None:
    assert measurements(ACCOUNTS, [], {}).keys() == {"summer", "colours"}
    found = measurements(ACCOUNTS, [("off", "treated", 10, 1, 1, 1), ("off", "ghost", 10, 1, 1, 1)], {})["off"][0]
    assert found.balance.verdict is Verdict.TOO_FEW
    assert len(found.lifts) == 1


def test_the_report_by_creative_and_its_costs(folder: Path) -> None:
    made = json.loads(run(folder, "report", "--json", "--by", "creative"))
    assert made["rows"][0] == {
        "line_item": "viewers",
        "placement": "rectangle",
        "creative": "grid",
        "requests": 100,
        "impressions": 90,
        "clicks": 3,
        "cost": "0.36",
        "currency": "EUR",
    }
    assert [row.get("creative") for row in made["rows"]] == ["grid", "hero", None]
    assert made["totals"] == {"requests": 155, "impressions": 130, "clicks": 4, "cost": {"EUR": "0.52"}}
    assert "creative" not in json.loads(run(folder, "report", "--json"))["rows"][0]
    shown = run(folder, "report", "--by", "creative")
    for words in ("Creative", "hero", "0.16 EUR", "0.52 EUR", "holdout"):
        assert words in shown
    assert "Creative" not in run(folder, "report")


def test_records_of_who_was_met() -> None:
    claim = Claim(met=(("summer", "treated"), ("~colours", "red")))
    assert exposure_records(Reserved(0, ("~colours",)), claim, 1_000) == [("exposure", 1_000, "~colours", "red")]
    assert exposure_records(Reserved(0), claim, 1_000) == []


def test_records_of_who_bought() -> None:
    met = {"summer": Exposure(100, "ghost", 1), "~colours": Exposure(50, "red", 3)}
    bought = Event(EventName.PURCHASE, ACME, value=19_900_000, currency="EUR")
    assert conversion_records(met, bought, 5_000) == [
        ("conversion", 5_000, "summer", "ghost", 19_900_000, 1, EPOCH + 100),
        ("conversion", 5_000, "~colours", "red", 19_900_000, 3, EPOCH + 50),
    ]
    assert conversion_records({}, bought, 5_000) == []
    for foreign in (bought._replace(currency="USD"), bought._replace(value=None)):
        assert conversion_records({"summer": met["summer"]}, foreign, 5_000)[0][4] == 0
    assert conversion_records({"summer": met["summer"]}, bought._replace(currency=""), 5_000)[0][4] == 19_900_000
