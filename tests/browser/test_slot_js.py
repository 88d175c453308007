"""The publisher's tag in a real Chromium: the news site and the ad server are two sites here."""

import gzip
import hashlib
import json
import threading
from typing import Any

import pytest

from adserver.model.consent import Signals, Verdict, weigh
from tests.browser.slots import ADS, RED, cors, decide, entry, news, script, settled, slot
from tests.browser.stub_server import SCRIPT_BYTES_MAX, STATIC, Answer, Request, StubServer, Tab

pytestmark = pytest.mark.browser


def test_size() -> None:
    assert len(gzip.compress((STATIC / "slot.min.js").read_bytes(), 9)) < SCRIPT_BYTES_MAX


def test_what_is_served_was_made_from_the_source() -> None:
    made_from = (STATIC / "slot.min.js").read_text().split()[1]
    assert made_from == hashlib.sha256((STATIC / "slot.js").read_bytes()).hexdigest()[:16], "please run: make slot"


def test_two_slots_one_request(stub: StubServer, tab: Tab) -> None:
    page = tab.open(news(stub, slot("a") + "<p>text</p>" + slot("b")))
    assert settled(tab, 2) == [["filled", "a", "a", "300x250"], ["filled", "b", "b", "300x250"]]
    stub.wait("/i/a", 1)
    stub.wait("/i/b", 1)
    assert len(stub.to(ADS)) == 1
    assert stub.to(ADS)[0].query == {"placement": ["a", "b"]}
    assert page.frame_locator("#b iframe").locator("a").inner_text() == "b"
    # The only words on the console are Chromium's own: the creative's script may not run in the sandbox.
    assert [line for line in tab.console if "Blocked script execution" not in line] == []


def test_the_frame(stub: StubServer, tab: Tab) -> None:
    page = tab.open(news(stub, slot("a")))
    settled(tab, 1)
    assert page.evaluate(
        """() => { const f = document.querySelector('#a iframe'), box = f.getBoundingClientRect();
        return [f.sandbox.value, f.title, f.getAttribute('allow'), f.getAttribute('loading'), f.scrolling,
                f.referrerPolicy, box.width, box.height, document.querySelector('#a').offsetHeight] }"""
    ) == [
        "allow-popups allow-popups-to-escape-sandbox",
        "Advertisement",
        None,
        None,
        "no",
        "strict-origin-when-cross-origin",
        300,
        250,
        250,
    ]
    assert page.title() == "page"


def test_root_relative_addresses_reach_the_ad_server(stub: StubServer, tab: Tab) -> None:
    page = tab.open(news(stub, slot("a")))
    image = stub.wait("/i/a", 1)[0]
    assert image.host == f"ads.localhost:{stub.port}"
    assert stub.url("news") not in page.frame_locator("#a iframe").locator("a").evaluate("a => a.href")
    assert page.frame_locator("#a iframe").locator("header").inner_text() == "$& $1"
    with page.context.expect_page() as popup:
        page.frame_locator("#a iframe").locator("a").click()
    click = stub.wait("/c/token", 1)[0]
    assert click.host == f"ads.localhost:{stub.port}"
    popup.value.wait_for_load_state()
    assert popup.value.title() == "landed"


@pytest.mark.parametrize(
    "html",
    [
        "<!doctype html><HTML><HEAD data-x='1'></HEAD><body><header></header><img src='/i/a'></body></HTML>",
        "<!DOCTYPE html><title>t</title><img src='/i/a'>",
        "<header>x</header><img src='/i/a'>",
    ],
)
def test_base_in_documents_of_any_shape(stub: StubServer, tab: Tab, html: str) -> None:
    ad = {"placement": "a", "width": 300, "height": 250, "html": html}
    stub.answers[ADS] = lambda request: cors(request, json.dumps({"ads": [ad]}).encode())
    page = tab.open(news(stub, slot("a")))
    assert stub.wait("/i/a", 1)[0].host == f"ads.localhost:{stub.port}"
    if html[:2] == "<!":
        body = page.frame_locator("#a iframe").locator("body")
        assert body.evaluate("body => body.ownerDocument.compatMode") == "CSS1Compat"


def test_the_size_is_reserved_before_the_answer(stub: StubServer, tab: Tab) -> None:
    gate = threading.Event()

    def later(request: Request) -> Answer:
        gate.wait(5)
        return decide(request)

    stub.answers[ADS] = later
    page = tab.open(news(stub, slot("a") + '<p id="below">text</p>'))
    stub.wait(ADS, 1)
    box = "() => [document.querySelector('#a').offsetWidth, document.querySelector('#below').offsetTop]"
    before = page.evaluate(box)
    gate.set()
    settled(tab, 1)
    assert before[0] == 300
    assert page.evaluate(box) == before


def test_a_reason_calls_the_function(stub: StubServer, tab: Tab) -> None:
    head = """<script>var site={ads:{house:function(slot,reason){
    slot.textContent='house '+reason+(this===site.ads)}}}</script>"""
    page = tab.open(news(stub, slot("no-no_history", 'data-ad-passback="site.ads.house"', name="s"), head=head))
    assert settled(tab, 1) == [["passback", "s", "no-no_history", "no_history"]]
    assert page.inner_text("#s") == "house no_historytrue"
    assert tab.console == []


def test_a_reason_shows_the_template_and_runs_its_script(stub: StubServer, tab: Tab) -> None:
    inner = "<template data-ad-passback><b>house</b><script>window.ran=1</script></template>"
    page = tab.open(news(stub, slot("no-paused", inner=inner, name="s")))
    assert settled(tab, 1) == [["passback", "s", "no-paused", "paused"]]
    assert page.inner_text("#s") == "house"
    assert page.evaluate("ran") == 1


def test_no_passback_collapses_the_box(stub: StubServer, tab: Tab) -> None:
    page = tab.open(news(stub, slot("no-paused", name="s") + slot("a")))
    assert [heard[0] for heard in settled(tab, 2)] == ["passback", "filled"]
    assert page.is_hidden("#s")
    assert page.is_visible("#a")


def test_a_listener_may_take_the_box_over(stub: StubServer, tab: Tab) -> None:
    head = """<script>addEventListener('adserver:passback',function(e){
    e.preventDefault();e.target.textContent='mine'})</script>"""
    page = tab.open(news(stub, slot("no-paused", name="s"), head=head))
    settled(tab, 1)
    assert page.inner_text("#s") == "mine"


@pytest.mark.parametrize("name", ["nothing.here", "constructor.constructor", "site.bad", "toString", "a..b", "seen"])
def test_a_passback_that_is_none_or_throws(stub: StubServer, tab: Tab, name: str) -> None:
    head = "<script>var site={bad:function(){throw new Error('theirs')}}</script>"
    tab.open(news(stub, slot("no-paused", f'data-ad-passback="{name}"', name="s") + slot("a"), head=head))
    assert [heard[0] for heard in settled(tab, 2)] == ["passback", "filled"]
    warnings = [line for line in tab.console if line.startswith("warning:")]
    assert len(warnings) == 1
    assert f"adserver: passback {name}" in warnings[0]


BAD: dict[str, Any] = {
    "status 500": lambda request: cors(request, b'{"ads":[]}', 500),
    "status 204": lambda request: cors(request, b"", 204),
    "not JSON": lambda request: cors(request, b"<html>"),
    "null": lambda request: cors(request, b"null"),
    "no list": lambda request: cors(request, b'{"ads":{"0":{}}}'),
    "too short": lambda request: cors(request, b'{"ads":[]}'),
    "odd entries": lambda request: cors(request, b'{"ads":[null,7]}'),
    "html is no text": lambda request: cors(request, b'{"ads":[{"placement":"a","html":5},{"placement":"b"}]}'),
    "other order": lambda request: cors(request, json.dumps({"ads": [entry("b"), entry("a")]}).encode()),
    "no CORS": Answer(b'{"ads":[]}', "application/json"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_answer_is_unreachable(stub: StubServer, tab: Tab, case: str) -> None:
    stub.answers[ADS] = BAD[case]
    tab.open(news(stub, slot("a") + slot("b")))
    assert settled(tab, 2) == [["passback", "a", "a", "unreachable"], ["passback", "b", "b", "unreachable"]]
    assert len([line for line in tab.console if line.startswith("warning:")]) <= 1


@pytest.mark.parametrize("fetch", ["undefined", "function(){throw 1}", "function(){return Promise.reject(1)}"])
def test_a_blocker_leads_to_the_passback(stub: StubServer, tab: Tab, fetch: str) -> None:
    tab.open(news(stub, slot("a"), head=f"<script>window.fetch={fetch}</script>"))
    assert settled(tab, 1) == [["passback", "a", "a", "unreachable"]]


def test_no_answer_within_three_seconds_is_unreachable(stub: StubServer, tab: Tab) -> None:
    gate = threading.Event()

    def late(request: Request) -> Answer:
        gate.wait(8)
        return decide(request)

    stub.answers[ADS] = late
    tab.page.clock.install()
    tab.open(news(stub, slot("a")))
    stub.wait(ADS, 1)
    tab.page.clock.fast_forward(2000)
    tab.quiet_for(100)
    assert tab.page.evaluate("seen") == []
    tab.page.clock.fast_forward(1000)
    heard = settled(tab, 1)
    gate.set()
    tab.quiet_for(300)
    assert tab.page.evaluate("seen") == heard == [["passback", "a", "a", "unreachable"]]


def test_one_placement_twice(stub: StubServer, tab: Tab) -> None:
    answer = {"ads": [{"placement": "a", "reason": "capped"}, entry("a")]}
    stub.answers[ADS] = lambda request: cors(request, json.dumps(answer).encode())
    tab.open(news(stub, slot("a", name="one") + slot("a", name="two")))
    assert settled(tab, 2) == [["passback", "one", "a", "capped"], ["filled", "two", "a", "300x250"]]
    assert stub.to(ADS)[0].query["placement"] == ["a", "a"]


def test_loaded_twice_asks_once(stub: StubServer, tab: Tab) -> None:
    tab.open(news(stub, slot("a") + script(stub) + slot("b") + script(stub)))
    settled(tab, 2)
    tab.quiet_for(300)
    assert [request.query["placement"] for request in stub.to(ADS)] == [["a", "b"]]
    assert len(tab.page.query_selector_all("iframe")) == 2


def test_scan_finds_new_slots_only_and_is_the_only_global(stub: StubServer, tab: Tab) -> None:
    stub.page("/plain", "")
    page = tab.open(stub.url("news", "/plain"))
    before = set(page.evaluate("Object.getOwnPropertyNames(window)"))
    tab.open(news(stub, slot("a")))
    settled(tab, 1)
    new = set(page.evaluate("Object.getOwnPropertyNames(window)")) - before
    assert new == {"adserverSlots", "seen", "0"}  # window[0] is the ad's frame, "seen" the test's own
    assert page.evaluate("Object.keys(adserverSlots)") == ["scan", "refresh", "push"]
    page.evaluate("html => { document.body.insertAdjacentHTML('beforeend', html); adserverSlots.scan() }", slot("b"))
    settled(tab, 2)
    assert [request.query["placement"] for request in stub.to(ADS)] == [["a"], ["b"]]


def test_lazy_slots_wait_until_they_are_near(stub: StubServer, tab: Tab) -> None:
    lazy = slot("far", 'data-ad-size="300x250" data-ad-lazy')
    near = slot("b", 'data-ad-size="300x250" data-ad-lazy')
    page = tab.open(news(stub, slot("a") + near + '<div style="height:5000px"></div>' + lazy))
    settled(tab, 2)
    tab.quiet_for(300)
    assert [request.query["placement"] for request in stub.to(ADS)] == [["a", "b"]]
    page.evaluate("scrollTo(0, 4400)")
    assert settled(tab, 3)[2][:2] == ["filled", "far"]


def test_many_slots_go_in_requests_of_twenty(stub: StubServer, tab: Tab) -> None:
    tab.open(news(stub, "".join(slot(f"no-{number}", "") for number in range(45))))
    heard = settled(tab, 45)
    assert sorted(len(request.query["placement"]) for request in stub.wait(ADS, 3)) == [5, 20, 20]
    assert sorted(heard) == sorted(["passback", f"no-{n}", f"no-{n}", str(n)] for n in range(45))


def test_an_empty_placement_is_not_asked_for(stub: StubServer, tab: Tab) -> None:
    tab.open(news(stub, slot("", name="empty") + slot("a")))
    settled(tab, 1)
    assert [request.query["placement"] for request in stub.to(ADS)] == [["a"]]


@pytest.mark.parametrize(("value", "sent"), [("granted", "1"), ("denied", "0"), ("", "0")])
def test_consent_declared_on_the_script(stub: StubServer, tab: Tab, value: str, sent: str) -> None:
    tab.open(news(stub, slot("a"), f'data-consent="{value}"'))
    assert stub.wait(ADS, 1)[0].one("consent") == sent


def test_consent_tools_of_the_page(stub: StubServer, tab: Tab) -> None:
    head = """<script>window.__tcfapi=function(c,v,cb){window.tell=cb};
    window.__uspapi=function(c,v,cb){cb({uspString:'1YNN'},true)};
    window.__gpp=function(c,cb){cb({pingData:{signalStatus:'ready',gppString:'DBAA',applicableSections:[7]}},true)}
    </script>"""
    page = tab.open(news(stub, slot("a") + slot("b"), head=head))
    tab.quiet_for(300)
    assert stub.to(ADS) == []
    page.evaluate("tell({eventStatus:'useractioncomplete',gdprApplies:true,tcString:'CPx'},true)")
    query = stub.wait(ADS, 1)[0].query
    assert query == {
        "placement": ["a", "b"],
        "gdpr": ["1"],
        "gdpr_consent": ["CPx"],
        "gpp": ["DBAA"],
        "gpp_sid": ["7"],
        "us_privacy": ["1YNN"],
    }


def test_a_choice_that_changes_later_is_told_with_the_next_request(stub: StubServer, tab: Tab) -> None:
    """The signals are those of the IAB's own tools, in their order: a dialog, an answer, another answer."""
    head = """<script>window.__tcfapi=function(c,v,cb){window.tcf=cb;
    cb({eventStatus:'cmpuishown',gdprApplies:true,tcString:'',listenerId:1},true)};
    window.__gpp=function(c,cb){window.gpp=function(status,text){cb({eventName:'signalStatus',listenerId:1,data:status,
      pingData:{signalStatus:status,gppString:text,applicableSections:[7]}},true)};
    cb({eventName:'listenerRegistered',listenerId:1,data:true,
      pingData:{signalStatus:'not ready',gppString:'',applicableSections:[]}},true)}</script>"""
    page = tab.open(news(stub, slot("a"), head=head))
    page.evaluate("tcf({eventStatus:'useractioncomplete',gdprApplies:true,tcString:'CPx'},true)")
    tab.quiet_for(100)
    assert stub.to(ADS) == []
    page.evaluate("gpp('ready','DBAA')")
    settled(tab, 1)
    page.evaluate("tcf({eventStatus:'useractioncomplete',gdprApplies:true,tcString:'CPy'},true); gpp('ready','DBBB')")
    page.evaluate("adserverSlots.refresh()")
    told = [(request.one("gdpr_consent"), request.one("gpp")) for request in stub.wait(ADS, 2)]
    assert told == [("CPx", "DBAA"), ("CPy", "DBBB")]


def test_an_open_dialog_holds_the_page_three_seconds_at_most(stub: StubServer, tab: Tab) -> None:
    head = """<script>window.__tcfapi=function(c,v,cb){
    cb({eventStatus:'cmpuishown',gdprApplies:true,tcString:'OLD'},true)}</script>"""
    tab.page.clock.install()
    tab.open(news(stub, slot("a"), head=head))
    tab.page.clock.fast_forward(2000)
    tab.quiet_for(100)
    assert stub.to(ADS) == []
    tab.page.clock.fast_forward(1000)
    request = stub.wait(ADS, 1, timeout_s=3)[0]
    assert (request.one("gdpr"), request.one("gdpr_consent")) == ("pending", None)
    assert weigh(Signals(gdpr="pending")) is Verdict.REFUSED


@pytest.mark.parametrize(
    ("tool", "field"),
    [
        ("__uspapi=function(){}", "us_privacy"),
        ("__uspapi=function(c,v,cb){setTimeout(cb,9000,{uspString:'1YNN'},true)}", "us_privacy"),
        ("__gpp=function(c,cb){cb({pingData:{signalStatus:'not ready',gppString:''}},true)}", "gpp"),
    ],
)
def test_a_silent_tool_is_a_refusal_after_three_seconds(stub: StubServer, tab: Tab, tool: str, field: str) -> None:
    tab.page.clock.install()
    tab.open(news(stub, slot("a"), head=f"<script>window.{tool}</script>"))
    tab.page.clock.fast_forward(2000)
    tab.quiet_for(100)
    assert stub.to(ADS) == []
    tab.page.clock.fast_forward(1000)
    request = stub.wait(ADS, 1, timeout_s=3)[0]
    assert request.query == {"placement": ["a"], field: ["pending"]}
    refused = {"us_privacy": Signals(us_privacy="pending"), "gpp": Signals(gpp="pending")}
    assert weigh(refused[field]) is Verdict.REFUSED


@pytest.mark.parametrize(
    ("answer", "sent"),
    [("{uspString:'1---'},true", "1---"), ("{uspString:''},true", "pending"), ("null,false", "pending")],
)
def test_us_privacy_answers(stub: StubServer, tab: Tab, answer: str, sent: str) -> None:
    head = f"<script>window.__uspapi=function(c,v,cb){{cb({answer})}}</script>"
    tab.open(news(stub, slot("a"), head=head))
    assert stub.wait(ADS, 1)[0].one("us_privacy") == sent


def test_gpp_that_does_not_apply_says_nothing(stub: StubServer, tab: Tab) -> None:
    ready = "cb({pingData:{signalStatus:'ready',gppString:'',applicableSections:[-1]}},true)"
    tab.open(news(stub, slot("a"), head=f"<script>window.__gpp=function(c,cb){{{ready}}}</script>"))
    assert stub.wait(ADS, 1)[0].query == {"placement": ["a"], "gpp_sid": ["-1"]}


def test_global_privacy_control_is_passed_on(stub: StubServer, tab: Tab) -> None:
    head = "<script>Object.defineProperty(navigator,'globalPrivacyControl',{value:true})</script>"
    tab.open(news(stub, slot("a"), 'data-consent="granted"', head=head))
    assert stub.wait(ADS, 1)[0].query == {"placement": ["a"], "gpc": ["1"], "consent": ["1"]}


def strict(stub: StubServer) -> str:
    """The narrowest policy of a page under which an ad is shown; docs/slot.md tells it to publishers."""
    ads = stub.url("ads")
    return (
        f"default-src 'none'; script-src {ads}; connect-src {ads}; img-src {ads}; font-src {ads}; "
        f"style-src 'unsafe-inline'; base-uri {ads}"
    )


def under(stub: StubServer, policy: str, body: str) -> str:
    """The address of a page with that policy and without scripts of its own."""
    stub.page("/story", script(stub) + body, Content_Security_Policy=policy)
    return stub.url("news", "/story")


@pytest.mark.parametrize(
    "types",
    ["", "; require-trusted-types-for 'script'", "; require-trusted-types-for 'script'; trusted-types adserver"],
)
def test_a_strict_policy_of_the_page(stub: StubServer, tab: Tab, types: str) -> None:
    page = tab.open(under(stub, strict(stub) + types, slot("a")))
    image = stub.wait("/i/a", 1)[0]
    assert image.host == f"ads.localhost:{stub.port}"
    assert page.frame_locator("#a iframe").locator("a").inner_text() == "a"
    assert page.frame_locator("#a iframe").locator("header").evaluate("e => getComputedStyle(e).color") == RED
    said = [line for line in tab.console if "Blocked script execution" not in line]
    assert said == []


def test_a_page_that_forbids_our_policy_for_trusted_types_gets_its_passback(stub: StubServer, tab: Tab) -> None:
    page = tab.open(under(stub, strict(stub) + "; require-trusted-types-for 'script'; trusted-types other", slot("a")))
    page.wait_for_selector("#a", state="hidden")
    assert page.query_selector("iframe") is None
    assert len([line for line in tab.console if line.startswith("warning: adserver: TypeError")]) == 1
