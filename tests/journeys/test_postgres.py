"""The main job on PostgreSQL, outgrown from SQLite: nothing else changes."""

import re

import psycopg
import pytest

from tests.server import cookie_of, feed_xml, running_server, until

pytest_plugins = ["tests.contract.sql_servers"]

PIXEL = "/pixel.gif?a=acme&e=view_item&p=SKU1"


@pytest.fixture
def database_url(postgres_socket: str) -> str:
    with psycopg.connect(host=postgres_socket, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE main_job")
    return f"postgresql://postgres@/main_job?host={postgres_socket}"


def test_seen_clicked_and_counted(database_url: str) -> None:
    feed = feed_xml(["SKU1"])
    with running_server("--workers", "2", feed=feed, ADSERVER_DATABASE_URL=database_url) as server:
        cookie = cookie_of(server.client.get(PIXEL))
        ad = server.client.get("/ad?placement=daily-rectangle", headers={"cookie": cookie})
        impression = re.search(r'src="(/i/[\w-]+)', ad.text)
        click = re.search(r"/c/[\w-]+", ad.text)
        assert impression is not None
        assert click is not None
        assert server.client.get(impression[1]).headers.get("x-adserver-reason") is None
        assert server.client.get(click[0]).headers["location"] == "https://shop.test/p/SKU1"
        (row,) = until(lambda: [row for row in server.report()["rows"] if row["clicks"]], within=10)
        assert (row["requests"], row["impressions"], row["clicks"]) == (1, 1, 1)
        assert not (server.data_dir / "adserver.db").exists()
        assert database_url.partition("?")[0] not in server.log()
