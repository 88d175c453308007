"""The shop's tag in a real Chromium against a stub server that hands out the visitor's cookie."""

import gzip
import hashlib
import threading
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from adserver.model.consent import Signals, Verdict, weigh
from tests.browser.browsers import FLAGS, profile
from tests.browser.stub_server import (
    SCRIPT_BYTES_MAX,
    STATIC,
    Request,
    StubServer,
    Tab,
)
from tests.needs import chromium

pytestmark = pytest.mark.browser

PIXEL = "/pixel.gif"
STUB = "window.adserver=window.adserver||function(){(adserver.q=adserver.q||[]).push(arguments)};"


def tag(stub: StubServer, attributes: str = 'data-advertiser="acme"') -> str:
    return f'<script async src="{stub.url("ads.demo", "/tag.js")}" {attributes}></script>'


def shop(stub: StubServer, script: str, attributes: str = 'data-advertiser="acme"', head: str = "") -> str:
    """A page of the shop: the tag, then the shop's own calls. Shop and ad server are one site here."""
    stub.page("/product", f"{tag(stub, attributes)}<script>{STUB}{script}</script>", head)
    return stub.url("shop.demo", "/product")


def names(requests: list[Request]) -> list[str | None]:
    return [request.one("e") for request in requests]


def verdict(request: Request) -> Verdict:
    """What the server's gate makes of the consent signals of a request."""
    return weigh(
        Signals(
            gdpr=request.one("gdpr") or "",
            gdpr_consent=request.one("gdpr_consent") or "",
            us_privacy=request.one("us_privacy") or "",
            gpp=request.one("gpp") or "",
            gpp_sid=request.one("gpp_sid") or "",
        )
    )


def leave(stub: StubServer, tab: Tab) -> None:
    """Go to another page of the shop, which has no tag."""
    stub.page("/next", "next")
    tab.open(stub.url("shop.demo", "/next"))


def test_size() -> None:
    assert len(gzip.compress((STATIC / "tag.js").read_bytes(), 9)) < SCRIPT_BYTES_MAX


@pytest.mark.parametrize(("told", "sent"), [("true", "1"), ("false", None), ("undefined", None)])
def test_global_privacy_control_is_passed_on(stub: StubServer, tab: Tab, told: str, sent: str | None) -> None:
    """By pages that alone can see it."""
    head = f"<script>Object.defineProperty(navigator,'globalPrivacyControl',{{value:{told}}})</script>"
    tab.open(shop(stub, "adserver('consent',true);adserver('view','A');", head=head))
    for request in stub.wait(PIXEL, 2):
        assert (request.one("gpc"), request.one("consent")) == (sent, "1")


def test_the_event_of_the_page_goes_before_the_page_view(stub: StubServer, tab: Tab) -> None:
    tab.open(shop(stub, "adserver('event','view_item',{items:[{id:'SKU 1+'}]});") + "?colour=red#reviews")
    view_item, page_view = stub.wait(PIXEL, 2)
    url = stub.url("shop.demo", "/product")  # what a query holds is nobody's business
    assert view_item.query == {"a": ["acme"], "e": ["view_item"], "p": ["SKU 1+"], "url": [url]}
    assert page_view.query == {"a": ["acme"], "e": ["page_view"], "url": [url]}
    assert tab.console == []


def test_the_next_event_waits_for_the_first_answer_and_carries_its_cookie(stub: StubServer, tab: Tab) -> None:
    stub.hold[1] = threading.Event()
    page = tab.open(shop(stub, "adserver('view','A');"))
    stub.wait(PIXEL, 1)
    page.evaluate("adserver('view','B')")
    tab.quiet_for(700)
    assert len(stub.to(PIXEL)) == 1
    stub.hold[1].set()
    first, second, third = stub.wait(PIXEL, 3)
    assert first.cookie == ""
    assert second.arrived > first.answered
    assert third.arrived > second.answered
    assert (second.cookie, third.cookie) == ("visitor=1", "visitor=1")


def test_two_sites_one_visitor_where_third_party_cookies_are_allowed(
    browser: Browser, stub: StubServer, tmp_path: Path
) -> None:
    src = stub.url("ads", "/tag.js")
    views = f"<script>{STUB}adserver('view','A');adserver('view','B');</script>"
    stub.page("/product", f'<script async src="{src}" data-advertiser="acme"></script>{views}')
    context = browser.browser_type.launch_persistent_context(
        profile(tmp_path, third_party_cookies=True), executable_path=chromium(), args=FLAGS
    )
    try:
        context.new_page().goto(stub.url("shop", "/product"))
        requests = stub.wait(PIXEL, 3)
    finally:
        context.close()
    assert [request.cookie for request in requests] == ["", "visitor=1", "visitor=1"]


def test_a_first_answer_that_never_comes_is_waited_for_ten_seconds(stub: StubServer, tab: Tab) -> None:
    stub.hold[1] = threading.Event()
    tab.page.clock.install()
    tab.open(shop(stub, "adserver('view','A');"))
    stub.wait(PIXEL, 1)
    tab.page.clock.fast_forward(9000)
    tab.page.wait_for_timeout(300)
    assert names(stub.to(PIXEL)) == ["view_item"]
    tab.page.clock.fast_forward(1500)
    assert names(stub.wait(PIXEL, 2)) == ["view_item", "page_view"]


def test_a_later_answer_that_never_comes_holds_nothing_up_for_more_than_two_seconds(stub: StubServer, tab: Tab) -> None:
    stub.hold[2] = threading.Event()
    tab.open(shop(stub, "adserver('view','A');adserver('view','B');"))
    _, second, third = stub.wait(PIXEL, 3)
    assert 1.8 < third.arrived - second.arrived < 6


def test_leaving_after_the_first_answer_sends_what_is_queued(stub: StubServer, tab: Tab) -> None:
    stub.hold[2] = threading.Event()
    tab.open(shop(stub, "adserver('view','A');adserver('view','B');adserver('view','C');"))
    stub.wait(PIXEL, 2)
    leave(stub, tab)
    requests = stub.wait(PIXEL, 4, timeout_s=1.5)
    assert sorted(str(request.one("p")) for request in requests[2:]) == ["C", "None"]
    assert [request.cookie for request in requests] == ["", "visitor=1", "visitor=1", "visitor=1"]


@pytest.mark.parametrize("script", ["adserver('view','A');", "adserver('view','A');adserver('event','purchase',{});"])
def test_leaving_before_the_first_answer_sends_nothing_more(stub: StubServer, tab: Tab, script: str) -> None:
    stub.pixel_delay_s = 1.5
    tab.open(shop(stub, script))
    tab.quiet_for(400)
    leave(stub, tab)
    tab.quiet_for(2000)
    print([(r.query, r.cookie, r.arrived, r.answered) for r in stub.to(PIXEL)])
    (only,) = stub.to(PIXEL)
    assert (only.one("e"), only.one("p"), only.cookie) == ("view_item", "A", "")
    assert only.answered


def test_a_page_that_comes_back_goes_on_where_it_was(stub: StubServer, tab: Tab) -> None:
    stub.hold[1] = threading.Event()
    page = tab.open(shop(stub, "adserver('view','A');adserver('view','B');"))
    stub.wait(PIXEL, 1)
    page.evaluate("dispatchEvent(new Event('pagehide'))")
    tab.quiet_for(300)
    assert len(stub.to(PIXEL)) == 1
    stub.hold[1].set()
    requests = stub.wait(PIXEL, 3)
    assert [request.one("p") for request in requests] == ["A", "B", None]
    assert [request.cookie for request in requests] == ["", "visitor=1", "visitor=1"]


ANNA = hashlib.sha256(b"anna@example.com").hexdigest()


@pytest.mark.parametrize("mail", [" Anna@Example.COM\\n", "anna@example.com", ANNA, ANNA.upper()])
def test_an_e_mail_address_leaves_the_page_as_its_hash_only(stub: StubServer, tab: Tab, mail: str) -> None:
    page = tab.open(shop(stub, f"adserver('view','A');adserver('set',{{email:'{mail}'}});"))
    requests = stub.wait(PIXEL, 2)
    page.evaluate("adserver('set',{email:''});adserver('view','B')")
    requests = stub.wait(PIXEL, 3)
    assert [request.one("em") for request in requests] == [ANNA, ANNA, None]
    assert not any("example" in str(request.query).casefold() for request in requests)
    assert tab.console == []


@pytest.mark.parametrize("mail", ["'anna'", "undefined", "null", "{}", "12", "'a'.repeat(64)+'@x.de'"])
def test_what_is_no_address_is_never_sent_as_it_is(stub: StubServer, tab: Tab, mail: str) -> None:
    tab.open(shop(stub, f"adserver('set');adserver('set',{{email:{mail}}});adserver('view','A');"))
    for request in stub.wait(PIXEL, 2):
        assert request.one("em") in (None, hashlib.sha256(b"a" * 64 + b"@x.de").hexdigest())


def test_without_https_an_address_is_not_sent_and_events_go_on(stub: StubServer, tab: Tab) -> None:
    hide = "Object.defineProperty(crypto,'subtle',{value:undefined});"
    tab.open(shop(stub, hide + "adserver('set',{email:'anna@example.com'});adserver('view','A');"))
    assert [request.one("em") for request in stub.wait(PIXEL, 2)] == [None, None]


def test_loaded_twice_sends_one_page_view(stub: StubServer, tab: Tab) -> None:
    stub.page("/twice", tag(stub) + tag(stub) + f"<script>{STUB}adserver('view','A')</script>" + tag(stub))
    tab.open(stub.url("shop.demo", "/twice"))
    stub.wait(PIXEL, 2)
    tab.quiet_for(400)
    assert names(stub.to(PIXEL)) == ["view_item", "page_view"]


def test_only_one_global(stub: StubServer, tab: Tab) -> None:
    stub.page("/plain", "")
    page = tab.open(stub.url("shop.demo", "/plain"))
    before = set(page.evaluate("Object.getOwnPropertyNames(window)"))
    tab.open(shop(stub, ""))
    stub.wait(PIXEL, 1)
    assert set(page.evaluate("Object.getOwnPropertyNames(window)")) - before == {"adserver"}


def test_both_forms_of_event_with_everything(stub: StubServer, tab: Tab) -> None:
    order = (
        "{items:[{id:'A',quantity:2,price:9.5},{item_id:'B',price:'1.00'}],value:20,currency:'EUR',"
        "transaction_id:'O-1',event_id:'E-1'}"
    )
    script = f"adserver('event','purchase',{order});adserver('event',Object.assign({{event:'purchase'}},{order}));"
    tab.open(shop(stub, script, 'data-advertiser="acme" data-page-view="off"'))
    one, two = stub.wait(PIXEL, 2)
    assert one.query == two.query
    expected = {"p": ["A", "B"], "q": ["3"], "v": ["20"], "c": ["EUR"], "o": ["O-1"], "eid": ["E-1"]}
    assert {key: one.query[key] for key in expected} == expected


def test_value_is_added_up_when_every_item_has_a_price(stub: StubServer, tab: Tab) -> None:
    script = (
        "adserver('event','purchase',{items:[{id:'A',quantity:3,price:0.1},{id:'B',price:'2',currency:'CHF'}]});"
        "adserver('event','purchase',{items:[{id:'A',price:'2,50'}]});"
        "adserver('event','purchase',{items:[{id:'A',price:1},{id:'B'}]});"
    )
    tab.open(shop(stub, script, 'data-advertiser="acme" data-page-view="off"'))
    requests = stub.wait(PIXEL, 3)
    assert [request.one("v") for request in requests] == ["2.3", None, None]
    assert [request.one("q") for request in requests] == ["4", None, None]


def test_amounts_are_sent_as_the_pixel_reads_them(stub: StubServer, tab: Tab) -> None:
    script = (
        "adserver('event','purchase',{value:0.1+0.2,currency:'eur',items:[{id:12345,quantity:'2'}]});"
        "adserver('event','purchase',{value:'19.90',items:[{id:'A',quantity:0.5},{id:'B',quantity:2}]});"
        "adserver('event','purchase',{value:1e12-0.5,items:[{id:'A',quantity:'many'}]});"
    )
    tab.open(shop(stub, script, 'data-advertiser="acme" data-page-view="off"'))
    requests = stub.wait(PIXEL, 3)
    assert [request.one("v") for request in requests] == ["0.3", "19.90", "999999999999.5"]
    assert [request.one("q") for request in requests] == ["2", None, None]
    assert (requests[0].one("c"), requests[0].one("p")) == ("EUR", "12345")


def test_consent_declared_by_the_page(stub: StubServer, tab: Tab) -> None:
    script = "adserver('view','A');adserver('consent','granted');adserver('view','B');"
    page = tab.open(shop(stub, script))
    stub.wait(PIXEL, 3)
    for number, answer in enumerate(["false", "true", "undefined"], 4):
        page.evaluate(f"adserver('consent',{answer});adserver('view','C')")
        stub.wait(PIXEL, number)
    requests = stub.wait(PIXEL, 6)
    assert [request.one("consent") for request in requests] == [None, "1", "1", "0", "1", "0"]


def test_a_refusal_reaches_the_events_that_still_wait(stub: StubServer, tab: Tab) -> None:
    stub.hold[1] = threading.Event()
    page = tab.open(shop(stub, "adserver('consent',true);adserver('view','A');"))
    stub.wait(PIXEL, 1)
    page.evaluate("adserver('consent',false)")
    stub.hold[1].set()
    assert [request.one("consent") for request in stub.wait(PIXEL, 2)] == ["1", "0"]


def test_init_instead_of_the_attribute(stub: StubServer, tab: Tab) -> None:
    page = tab.open(shop(stub, "adserver('view','A');", attributes=""))
    tab.quiet_for(300)
    assert stub.to(PIXEL) == []
    assert tab.console == ["warning: adserver: the tag has no data-advertiser"]
    page.evaluate("adserver('init','acme')")
    assert [request.one("a") for request in stub.wait(PIXEL, 2)] == ["acme", "acme"]


def test_the_queue_function_kept_from_before_the_load_still_works(stub: StubServer, tab: Tab) -> None:
    page = tab.open(shop(stub, "window.kept=window.adserver;"))
    stub.wait(PIXEL, 1)
    page.evaluate("kept('view','LATE')")
    assert stub.wait(PIXEL, 2)[1].one("p") == "LATE"


LAYER = """window.dataLayer=window.dataLayer||[];function gtag(){dataLayer.push(arguments)}
gtag('js',new Date());gtag('event','view_item',{currency:'EUR',value:5,items:[{item_id:'PAST'}]});
dataLayer.push({event:'gtm.js'});dataLayer.push(null);"""


def test_data_layer_past_and_later(stub: StubServer, tab: Tab) -> None:
    page = tab.open(shop(stub, LAYER, 'data-advertiser="acme" data-datalayer="on"'))
    stub.wait(PIXEL, 2)
    length = page.evaluate(
        """() => dataLayer.push({ecommerce:null},{event:'purchase',ecommerce:{transaction_id:'T1',value:7.5,
           currency:'EUR',items:[{item_id:'A',quantity:2},{id:'B'}]}})"""
    )
    assert length == 6
    page.evaluate("gtag('event','add_to_cart',{items:[{id:'C'}]});gtag('event','page_view');gtag('event','scroll')")
    requests = stub.wait(PIXEL, 4)
    tab.quiet_for(300)
    assert names(stub.to(PIXEL)) == ["view_item", "page_view", "purchase", "add_to_cart"]
    assert [request.query.get("p") for request in requests] == [["PAST"], None, ["A", "B"], ["C"]]
    assert (requests[2].one("o"), requests[2].one("v"), requests[2].one("q")) == ("T1", "7.5", "3")


def test_data_layer_is_left_alone_unless_asked_for(stub: StubServer, tab: Tab) -> None:
    page = tab.open(shop(stub, LAYER))
    stub.wait(PIXEL, 1)
    tab.quiet_for(300)
    assert names(stub.to(PIXEL)) == ["page_view"]
    assert page.evaluate("dataLayer.hasOwnProperty('push')") is False


def test_a_push_of_the_shop_that_throws_still_throws_its_own_error(stub: StubServer, tab: Tab) -> None:
    layer = "window.dataLayer=[];dataLayer.push=function(){throw new Error('theirs')};"
    page = tab.open(shop(stub, layer, 'data-advertiser="acme" data-datalayer="on"'))
    stub.wait(PIXEL, 1)
    caught = page.evaluate("() => { try { dataLayer.push({event:'view_item'}) } catch (e) { return e.message } }")
    assert caught == "theirs"


TCF = """window.__tcfapi=function(c,v,cb){if(c==='addEventListener'){window.tell=cb;%s}};"""


def test_tcf_string_is_waited_for(stub: StubServer, tab: Tab) -> None:
    page = tab.open(shop(stub, TCF % "" + "adserver('view','A');"))
    tab.quiet_for(300)
    assert stub.to(PIXEL) == []
    page.evaluate("tell({eventStatus:'tcloaded',gdprApplies:true,tcString:'CPstring.YAAA'},true)")
    for request in stub.wait(PIXEL, 2):
        assert (request.one("gdpr"), request.one("gdpr_consent")) == ("1", "CPstring.YAAA")


def test_tcf_that_does_not_apply(stub: StubServer, tab: Tab) -> None:
    tab.open(shop(stub, TCF % "cb({eventStatus:'tcloaded',gdprApplies:false,tcString:''},true)"))
    request = stub.wait(PIXEL, 1)[0]
    assert (request.one("gdpr"), request.one("gdpr_consent")) == ("0", None)


@pytest.mark.parametrize("call", ["", "throw new Error('broken')", "cb(null,false);cb(null,true)"])
def test_a_silent_or_broken_tcf_is_waited_for_three_seconds(stub: StubServer, tab: Tab, call: str) -> None:
    tab.open(shop(stub, TCF % call))
    tab.quiet_for(2000)
    assert stub.to(PIXEL) == []
    request = stub.wait(PIXEL, 1, timeout_s=3)[0]
    assert (request.one("gdpr"), request.one("gdpr_consent")) == ("pending", None)
    assert verdict(request) is Verdict.REFUSED


US_PRIVACY = "window.__uspapi=function(c,v,cb){%s};"
GPP = "window.__gpp=function(c,cb){%s};"
NOT_READY = "cb({eventName:'listenerRegistered',pingData:{signalStatus:'not ready',gppString:''}},true)"


@pytest.mark.parametrize(
    ("tool", "field"),
    [
        (US_PRIVACY % "", "us_privacy"),
        (US_PRIVACY % "throw new Error('broken')", "us_privacy"),
        (US_PRIVACY % "setTimeout(cb,9000,{uspString:'1YNN'},true)", "us_privacy"),
        (GPP % "", "gpp"),
        (GPP % NOT_READY, "gpp"),
    ],
)
def test_a_silent_tool_is_a_refusal_after_three_seconds(stub: StubServer, tab: Tab, tool: str, field: str) -> None:
    tab.open(shop(stub, tool + "adserver('view','A');"))
    tab.quiet_for(2000)
    assert stub.to(PIXEL) == []
    for request in stub.wait(PIXEL, 2, timeout_s=3):
        assert request.one(field) == "pending"
        assert verdict(request) is Verdict.REFUSED


@pytest.mark.parametrize("answer", ["cb(null,false)", "cb({version:1,uspString:''},true)", "cb({version:1},true)"])
def test_a_us_privacy_answer_without_a_string_is_a_refusal(stub: StubServer, tab: Tab, answer: str) -> None:
    tab.open(shop(stub, US_PRIVACY % answer))
    request = stub.wait(PIXEL, 1)[0]
    assert (request.one("us_privacy"), verdict(request)) == ("pending", Verdict.REFUSED)


def test_us_privacy_that_does_not_apply_is_no_refusal(stub: StubServer, tab: Tab) -> None:
    tab.open(shop(stub, US_PRIVACY % "cb({version:1,uspString:'1---'},true)"))
    request = stub.wait(PIXEL, 1)[0]
    assert (request.one("us_privacy"), verdict(request)) == ("1---", Verdict.SILENT)


def test_gpp_that_does_not_apply_says_nothing(stub: StubServer, tab: Tab) -> None:
    ready = "cb({pingData:{signalStatus:'ready',gppString:'',applicableSections:[-1]}},true)"
    tab.open(shop(stub, GPP % ready))
    request = stub.wait(PIXEL, 1)[0]
    assert (request.one("gpp"), verdict(request)) == (None, Verdict.SILENT)


def test_a_late_answer_counts_for_the_events_after_it(stub: StubServer, tab: Tab) -> None:
    page = tab.open(shop(stub, US_PRIVACY % "window.tell=cb"))
    stub.wait(PIXEL, 1)
    page.evaluate("tell({uspString:'1YNN'},true)")
    page.evaluate("adserver('view','A')")
    assert [request.one("us_privacy") for request in stub.wait(PIXEL, 2)] == ["pending", "1YNN"]


@pytest.mark.parametrize(
    ("tool", "field"), [(TCF % "", "gdpr"), (US_PRIVACY % "", "us_privacy"), (GPP % NOT_READY, "gpp")]
)
def test_leaving_before_a_tool_has_answered_sends_the_one_event_worth_most(
    stub: StubServer, tab: Tab, tool: str, field: str
) -> None:
    calls = "adserver('view','A');adserver('event','purchase',{order_id:'O'});adserver('event','begin_checkout',{});"
    page = tab.open(shop(stub, tool + calls))
    page.evaluate("adserver('event','add_to_cart',{items:['A']})")
    leave(stub, tab)
    tab.quiet_for(600)
    print([(r.query, r.cookie, r.arrived, r.answered) for r in stub.to(PIXEL)])
    (only,) = stub.to(PIXEL)
    assert (only.one("e"), only.one("o"), only.cookie) == ("purchase", "O", "")
    assert (only.one(field), verdict(only)) == ("pending", Verdict.REFUSED)


@pytest.mark.parametrize(
    ("queued", "sent"),
    [
        (["view_item", "begin_checkout", "add_to_cart"], "add_to_cart"),
        (["view_item", "begin_checkout"], "begin_checkout"),
        (["view_item_list", "view_item", "remove_from_cart"], "view_item"),
        (["search"], "search"),
        ([], "page_view"),
    ],
)
def test_what_is_worth_most(stub: StubServer, tab: Tab, queued: list[str], sent: str) -> None:
    page = tab.open(shop(stub, TCF % ""))
    for name in queued:
        page.evaluate("name => adserver('event', name, {})", name)
    leave(stub, tab)
    tab.quiet_for(300)
    assert names(stub.to(PIXEL)) == [sent]


def test_events_wait_while_the_visitor_looks_at_the_dialog(stub: StubServer, tab: Tab) -> None:
    open_dialog = "cb({eventStatus:'cmpuishown',gdprApplies:true,tcString:'OLD'},true)"
    page = tab.open(shop(stub, TCF % open_dialog + "adserver('view','A');"))
    tab.quiet_for(3500)
    assert stub.to(PIXEL) == []
    page.evaluate("tell({eventStatus:'useractioncomplete',gdprApplies:true,tcString:'NEW'},true)")
    assert [request.one("gdpr_consent") for request in stub.wait(PIXEL, 2)] == ["NEW", "NEW"]


def test_leaving_with_the_dialog_open_sends_no_string(stub: StubServer, tab: Tab) -> None:
    tab.open(shop(stub, TCF % "cb({eventStatus:'cmpuishown',gdprApplies:true,tcString:'OLD'},true)"))
    leave(stub, tab)
    request = stub.wait(PIXEL, 1)[0]
    assert (request.one("gdpr"), request.one("gdpr_consent")) == ("pending", None)


def test_us_privacy_and_gpp(stub: StubServer, tab: Tab) -> None:
    script = """window.usp='1YNN';window.__uspapi=function(c,v,cb){cb({version:1,uspString:usp},true)};
    window.__gpp=function(c,cb){
    cb({eventName:'listenerRegistered',pingData:{signalStatus:'not ready',gppString:''}},true);
    setTimeout(function(){cb({eventName:'signalStatus',pingData:{signalStatus:'ready',gppString:'DBAA~1YNN',
    applicableSections:[7,8]}},true)},100)};"""
    page = tab.open(shop(stub, script))
    request = stub.wait(PIXEL, 1)[0]
    assert (request.one("us_privacy"), request.one("gpp"), request.one("gpp_sid")) == (
        "1YNN",
        "DBAA~1YNN",
        "7,8",
    )
    page.evaluate("usp='1YYN';adserver('view','A')")
    assert stub.wait(PIXEL, 2)[1].one("us_privacy") == "1YYN"


@pytest.mark.parametrize("fetch", ["undefined", "function(){throw new Error('no')}"])
def test_an_image_where_fetch_is_missing_or_throws(stub: StubServer, tab: Tab, fetch: str) -> None:
    tab.open(shop(stub, f"window.fetch={fetch};adserver('view','A');"))
    first, second = stub.wait(PIXEL, 2)
    assert (first.headers["sec-fetch-dest"], second.headers["sec-fetch-dest"]) == ("image", "image")
    assert second.arrived > first.answered
    assert second.cookie == "visitor=1"


def test_a_blocker_leaves_no_error_behind(stub: StubServer, tab: Tab) -> None:
    tab.open(
        shop(
            stub,
            "window.fetch=function(){return Promise.reject(new TypeError('blocked'))};adserver('view','A');",
        )
    )
    tab.quiet_for(300)
    assert stub.to(PIXEL) == []
    assert tab.console == []


HOSTILE = """
var circular={event:'view_item'};circular.items=[circular];circular.self=circular;
var thrower={get event(){throw new Error('getter')}};
var items={get items(){throw new Error('getter')}};
var item={get id(){throw new Error('getter')}};
var huge=[];for(var i=0;i<200000;i++)huge.push({id:'H'+i});
var proxy=new Proxy({},{get:function(){throw new Error('proxy')}});
adserver();adserver(null);adserver('nonsense');adserver('__proto__');adserver('constructor',1);adserver({});
adserver('event');adserver('event',null);adserver('event',undefined,undefined);adserver('event','',{});
adserver('event',7n);adserver('event',Symbol('s'),{});adserver('event',function(){});adserver('event',[]);
adserver('event','x',{value:Symbol('v')});adserver('event',thrower);adserver('event','x',items);
adserver('event','x',{items:[item]});adserver('event',proxy);adserver('event','x',proxy);
adserver('view',proxy);adserver('view',undefined);adserver('init',{});adserver('init','acme');
adserver('consent',proxy);adserver('event',circular);
adserver('event','lone',{items:['\\ud800']});adserver('event','huge',{items:huge});
adserver('event','sparse',{items:new Array(4294967295)});
adserver('event','long',{items:huge.map(function(h){return {id:Array(300).join('\\ud83d\\ude00')+h.id}})});
adserver('event','nan',{value:NaN,items:[{id:1e999},{id:5,quantity:NaN}]});
adserver('view','LAST');
"""


def test_hostile_arguments_never_reach_the_page(stub: StubServer, tab: Tab) -> None:
    page = tab.open(shop(stub, HOSTILE))
    found: list[Request] = []
    for count in range(1, 30):
        found = stub.wait(PIXEL, count)
        if found[-1].one("p") == "LAST":
            break
    page.evaluate(f"() => {{ {HOSTILE} }}")
    by_name = {request.one("e"): request for request in found}
    assert by_name["huge"].query["p"] == [f"H{number}" for number in range(20)]
    assert by_name["lone"].query["p"] == ["�"]
    assert by_name["nan"].query["p"] == ["5"]
    assert "p" not in by_name["sparse"].query
    assert "v" not in by_name["nan"].query
    assert "url" not in by_name["long"].query
    assert 1 <= len(by_name["long"].query["p"]) < 20
    assert max(request.url_length for request in found) <= 8192
    assert tab.console == []


def test_no_more_than_a_hundred_events_wait(stub: StubServer, tab: Tab) -> None:
    stub.hold[2] = threading.Event()
    tab.open(shop(stub, "for(var i=0;i<500;i++)adserver('view','P'+i);"))
    stub.wait(PIXEL, 2)
    leave(stub, tab)
    stub.wait(PIXEL, 101)
    tab.quiet_for(300)
    assert len(stub.to(PIXEL)) == 101  # the page view comes on top


def test_a_foreign_global_of_that_name_does_not_stop_the_tag(stub: StubServer, tab: Tab) -> None:
    stub.page("/clash", f'<div id="adserver"></div>{tag(stub)}')
    tab.open(stub.url("shop.demo", "/clash"))
    assert stub.wait(PIXEL, 1)[0].one("e") == "page_view"
