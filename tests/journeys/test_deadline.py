"""Valkey is slow: the publisher's page does not wait, and what was asked for is counted all the same."""

import httpx

from tests.server import cookie_of, feed_xml, running_server, until


def test_past_the_deadline_there_is_no_ad_and_the_request_is_counted() -> None:
    with running_server(feed=feed_xml(["SKU1"]), ADSERVER_AD_DEADLINE_MS="50") as server:
        cookie = cookie_of(server.client.get("/pixel.gif?a=acme&e=view_item&p=SKU1"))
        ask = {"headers": {"cookie": cookie}, "params": {"placement": "daily-rectangle"}}

        def filled() -> bool:
            return server.client.get("/ad", **ask).status_code == 200  # type: ignore[arg-type]

        until(filled, what="a first ad")
        with server.valkey() as valkey:
            valkey.execute_command("CLIENT", "PAUSE", "1000", "ALL")
        late = httpx.get(f"{server.base_url}/ad", **ask)  # type: ignore[arg-type]
        assert (late.status_code, late.headers["x-adserver-reason"]) == (204, "deadline")
        known = until(lambda: [row for row in server.report()["no_ad"] if row["reason"] == "deadline"], within=10)
        assert known[0]["placement"] == "daily-rectangle"
        assert known[0]["requests"] >= 1  # on a busy machine there may have been others before
        report = server.report()
        assert report["totals"]["requests"] == sum(row["requests"] for row in report["rows"])
