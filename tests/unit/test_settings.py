"""Settings: each one has a range, and a wrong one is told by its name and never by its secret."""

from dataclasses import fields
from pathlib import Path

import pytest

from adserver.model.account import ConsentDefault
from adserver.settings import PREFIX, SettingError, Settings, load_settings

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"
NAMES = [item.name for item in fields(Settings)]
SECRETIVE = ("secret", "metrics_token", "database_url", "valkey_url")

WRONG = {
    "port": ["-1", "65536", "http", "80.5", ""],
    "workers": ["0", "257", "two", "-1", "1e1"],
    "valkey_url": ["localhost:6379", "http://valkey", "REDIS"],
    "public_url": [
        "ads.example",
        "ftp://ads.example",
        "https://",
        "https://ads.example/path",
        "https://a?b",
        "https://a#b",
    ],
    "consent_default": ["yes", "Deny", "0"],
    "ad_deadline_ms": ["4", "5001", "50ms", "5.5", "inf", "nan"],
    "retention_days": ["0", "391", "ninety"],
    "new_visitor_minutes": ["0", "1441", "-60"],
    "cookie_days": ["0", "391", "1 year"],
    "partitioned_cookie": ["2", "maybe", "-"],
    "impression_minutes": ["0", "1441"],
    "click_minutes": ["0", "10081"],
    "access_log": ["2", "sometimes"],
    "log_level": ["verbose", "trace", "10"],
    "backlog": ["15", "65536", "many"],
}
EDGES = {
    "port": ("0", "65535"),
    "workers": ("1", "256"),
    "ad_deadline_ms": ("5", "5000"),
    "retention_days": ("1", "390"),
    "new_visitor_minutes": ("1", "1440"),
    "cookie_days": ("1", "390"),
    "impression_minutes": ("1", "1440"),
    "click_minutes": ("1", "10080"),
    "backlog": ("16", "65535"),
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values if value]
)
def test_a_wrong_value_is_told_by_name_and_by_what_was_expected(name: str, value: str) -> None:
    with pytest.raises(SettingError) as caught:
        load_settings({PREFIX + name.upper(): value})
    (expected,) = [item.metadata["expected"] for item in fields(Settings) if item.name == name]
    said = str(caught.value)
    assert said.startswith(f"{PREFIX}{name.upper()}: expected {expected}")
    assert (repr(value) in said) == (name not in SECRETIVE)
    with pytest.raises(SettingError, match=f"^{PREFIX}{name.upper()}: expected "):
        load_settings({}, **{name: value})


@pytest.mark.parametrize(("name", "edges"), EDGES.items())
def test_the_edges_of_a_range_belong_to_it(name: str, edges: tuple[str, str]) -> None:
    for edge in edges:
        assert getattr(load_settings({PREFIX + name.upper(): edge}), name) == int(edge)


def test_an_error_never_shows_a_secret() -> None:
    with pytest.raises(SettingError) as caught:
        load_settings({"ADSERVER_VALKEY_URL": "http://user:hunter2-hunter2@host"})
    assert "hunter2" not in str(caught.value)


def test_the_command_line_wins_over_the_environment_over_the_default() -> None:
    environ = {"ADSERVER_PORT": "81", "ADSERVER_WORKERS": "3", "ADSERVER_HOST": ""}
    settings = load_settings(environ, port=82, workers=None)
    assert (settings.port, settings.workers, settings.host) == (82, 3, "127.0.0.1")
    assert load_settings({}) == Settings()


def test_values_get_their_types() -> None:
    settings = load_settings(
        {
            "ADSERVER_DATA_DIR": "/srv/ads",
            "ADSERVER_CONSENT_DEFAULT": "allow",
            "ADSERVER_PARTITIONED_COOKIE": "No",
            "ADSERVER_ACCESS_LOG": "on",
            "ADSERVER_LOG_LEVEL": "WARNING",
            "ADSERVER_PUBLIC_URL": "https://ads.example/",
        }
    )
    assert settings.data_dir == Path("/srv/ads")
    assert settings.consent_default is ConsentDefault.ALLOW
    assert (settings.partitioned_cookie, settings.access_log, settings.log_level) == (False, True, "warning")
    assert settings.public_url == "https://ads.example"


def test_sqlite_in_the_data_folder_unless_told_otherwise() -> None:
    assert load_settings({}, data_dir="/srv/ads").database == "sqlite:////srv/ads/adserver.db"
    assert load_settings({}, database_url="postgresql://h/n").database == "postgresql://h/n"


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_says_what_is_expected_and_why(name: str) -> None:
    (item,) = [item for item in fields(Settings) if item.name == name]
    assert item.metadata["expected"]
    assert item.metadata["why"]
    parse = item.metadata["parse"]
    assert parse(str(int(item.default) if isinstance(item.default, bool) else item.default)) == item.default


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_has_its_line_in_the_docs(name: str) -> None:
    variable = PREFIX + name.upper()
    lines = [line for line in DOCS.read_text("utf-8").splitlines() if variable in line]
    assert lines, f"docs/settings.md does not name {variable}"
