"""The publisher's tag on pages that change, beside blockers and consent tools, and what it costs them."""

import json
import threading
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.slots import ADS, BANNER, cors, decide, entry, news, settled, slot
from tests.browser.stub_server import Answer, Request, StubServer, Tab

pytestmark = pytest.mark.browser

SHIFTS = """<script>window.shifted=0;new PerformanceObserver(list=>list.getEntries().forEach(e=>{shifted+=e.value}))
.observe({type:'layout-shift',buffered:true})</script>"""
PAINTED = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 50))))"
SHOWN = (
    "name => [...document.querySelectorAll(`#${name} iframe`)].map(f => f.srcdoc.match(/>ad \\d+</)[0].slice(1, -1))"
)


def numbered(stub: StubServer, *reasons: str) -> None:
    """The n-th request is answered with ``ad n`` in every slot, or with the n-th reason where that is not empty."""
    asked = 0

    def answer(request: Request) -> Answer:
        nonlocal asked
        reason = reasons[asked] if asked < len(reasons) else ""
        asked += 1
        ads = [entry(f"no-{reason}" if reason else name) for name in request.query["placement"]]
        for ad, name in zip(ads, request.query["placement"], strict=True):
            ad["placement"] = name
            if "html" in ad:
                ad["html"] = BANNER % (f"ad {asked}", "a")
        return cors(request, json.dumps({"ads": ads}).encode())

    stub.answers[ADS] = answer


def asked(stub: StubServer) -> list[list[str]]:
    return [request.query["placement"] for request in stub.to(ADS)]


def steady(tab: Tab) -> None:
    """Until the tag has made sure that nothing hides what it has put into the slots."""
    tab.quiet_for(400)


def test_refresh_of_one_slot(stub: StubServer, tab: Tab) -> None:
    numbered(stub)
    page = tab.open(news(stub, slot("a") + slot("b")))
    settled(tab, 2)
    one = "document.querySelector('#a')"
    for number, which in enumerate(["'#a'", one, f"[{one}]", "document.querySelectorAll('#a')"], 2):
        page.evaluate(f"adserverSlots.refresh({which})")
        assert settled(tab, number + 1)[-1] == ["filled", "a", "a", "300x250"]
        page.wait_for_function(f"({SHOWN})('a').join() === 'ad {number}'")
    assert page.evaluate(SHOWN, "b") == ["ad 1"]
    assert asked(stub) == [["a", "b"], ["a"], ["a"], ["a"], ["a"]]


def test_refresh_of_all_slots(stub: StubServer, tab: Tab) -> None:
    numbered(stub)
    page = tab.open(news(stub, slot("a") + slot("b")))
    settled(tab, 2)
    page.evaluate("adserverSlots.refresh(); adserverSlots.refresh(); adserverSlots.scan()")
    settled(tab, 4)
    page.wait_for_function(f"({SHOWN})('a') + ({SHOWN})('b') === 'ad 2ad 2'")
    assert asked(stub) == [["a", "b"], ["a", "b"]]


def test_the_old_ad_stays_until_the_new_one_is_there(stub: StubServer, tab: Tab) -> None:
    numbered(stub)
    page = tab.open(news(stub, slot("a") + "<p>text</p>", head=SHIFTS))
    settled(tab, 1)
    stub.wait("/i/a", 1, answered=True)
    steady(tab)
    page.evaluate(
        """() => { window.gaps = [];
        const look = () => { const boxes = [...document.querySelectorAll('#a iframe')]
            .filter(f => getComputedStyle(f).visibility === 'visible').map(f => f.getBoundingClientRect());
          if (boxes.length !== 1 || boxes[0].top !== document.querySelector('#a').getBoundingClientRect().top)
            gaps.push(boxes.length);
          requestAnimationFrame(look) };
        look(); window.shifted = 0; adserverSlots.refresh('#a') }"""
    )
    page.wait_for_function(f"({SHOWN})('a').join() === 'ad 2'")
    page.evaluate("adserverSlots.refresh('#a')")
    page.wait_for_function(f"({SHOWN})('a').join() === 'ad 3'")
    steady(tab)
    assert page.evaluate("[gaps, shifted]") == [[], 0]


def test_refreshed_twice_before_the_first_is_shown(stub: StubServer, tab: Tab) -> None:
    numbered(stub)
    page = tab.open(news(stub, slot("a")))
    settled(tab, 1)
    page.evaluate("addEventListener('adserver:filled', () => adserverSlots.refresh('#a'), {once: true})")
    page.evaluate("adserverSlots.refresh('#a')")
    settled(tab, 3)
    page.wait_for_function(f"({SHOWN})('a').join() === 'ad 3'")


def test_a_refresh_without_a_new_ad_keeps_the_old_one(stub: StubServer, tab: Tab) -> None:
    numbered(stub, "", "capped")
    page = tab.open(news(stub, slot("a")))
    settled(tab, 1)
    page.evaluate("adserverSlots.refresh('#a')")
    assert settled(tab, 2)[1] == ["kept", "a", "a", "capped"]
    assert page.evaluate(SHOWN, "a") == ["ad 1"]
    assert page.is_visible("#a")


PASSBACKS = {
    "collapsed": ("", ""),
    "template": ("<template data-ad-passback><b class='own'>house</b></template>", ""),
    "function": ("", "data-ad-passback=house"),
}


@pytest.mark.parametrize("kind", PASSBACKS)
def test_an_ad_takes_the_place_of_the_passback(stub: StubServer, tab: Tab, kind: str) -> None:
    numbered(stub, "capped", "capped")
    inner, attribute = PASSBACKS[kind]
    head = """<script>window.calls = 0;
    function house(slot) { calls++; slot.insertAdjacentHTML('beforeend', '<b class=own>') }</script>"""
    body = slot("a", f'data-ad-size="300x250" {attribute}', f"<i id=label>Ad</i>{inner}")
    page = tab.open(news(stub, body, head=head))
    settled(tab, 1)
    page.evaluate("adserverSlots.refresh('#a')")
    assert settled(tab, 2)[1] == ["kept", "a", "a", "capped"]
    assert page.locator(".own").count() == (0 if kind == "collapsed" else 1)
    page.evaluate("adserverSlots.refresh('#a')")
    settled(tab, 3)
    page.wait_for_function("!document.querySelector('.own')")
    assert page.evaluate(SHOWN, "a") == ["ad 3"]
    assert page.is_visible("#a iframe")
    assert page.locator("#label").count() == 1
    assert page.evaluate("calls") == (1 if kind == "function" else 0)


def test_nothing_is_asked_again_by_itself(stub: StubServer, tab: Tab) -> None:
    page = tab.open(news(stub, slot("a") + slot("no-paused") + slot("b", "data-ad-lazy")))
    settled(tab, 3)
    steady(tab)
    page.evaluate("scrollTo(0, 500); adserverSlots.scan(); dispatchEvent(new Event('resize'))")
    page.evaluate("dispatchEvent(new Event('popstate')); adserverSlots.scan()")
    tab.quiet_for(300)
    assert asked(stub) == [["a", "no-paused", "b"]]


def test_an_emptied_slot_asks_again(stub: StubServer, tab: Tab) -> None:
    numbered(stub)
    page = tab.open(news(stub, slot("a") + slot("b")))
    settled(tab, 2)
    steady(tab)
    page.evaluate("document.querySelector('#a').innerHTML = ''; adserverSlots.scan()")
    settled(tab, 3)
    assert page.evaluate(SHOWN, "a") == ["ad 2"]
    assert asked(stub) == [["a", "b"], ["a"]]


def test_a_slot_with_another_placement_asks_again(stub: StubServer, tab: Tab) -> None:
    page = tab.open(news(stub, slot("a") + slot("b")))
    settled(tab, 2)
    page.evaluate("document.querySelector('#a').dataset.adPlacement = 'far'; adserverSlots.scan()")
    assert settled(tab, 3)[2] == ["filled", "a", "far", "300x250"]
    page.wait_for_function("document.querySelectorAll('#a iframe').length === 1")
    page.evaluate("document.querySelector('#a').dataset.adPlacement = 'no-capped'; adserverSlots.scan()")
    assert settled(tab, 4)[3] == ["passback", "a", "no-capped", "capped"]
    assert page.query_selector("#a iframe") is None
    assert asked(stub) == [["a", "b"], ["far"], ["no-capped"]]


def test_another_placement_while_the_first_is_asked_for(stub: StubServer, tab: Tab) -> None:
    page = tab.open(news(stub, slot("a")))
    settled(tab, 1)
    page.evaluate(
        """html => { document.body.insertAdjacentHTML('beforeend', html); adserverSlots.scan();
        setTimeout(() => { document.querySelector('#b').dataset.adPlacement = 'far'; adserverSlots.scan() }, 1) }""",
        slot("b"),
    )
    assert settled(tab, 2)[1] == ["filled", "b", "far", "300x250"]
    tab.quiet_for(100)
    assert page.locator("#b iframe").count() == 1


def test_a_slot_that_has_left_gets_nothing(stub: StubServer, tab: Tab) -> None:
    head = "<script>window.__tcfapi=function(c,v,cb){window.consent=cb}</script>"
    page = tab.open(news(stub, slot("a") + slot("b") + slot("no-capped", "data-ad-passback=nobody"), head=head))
    page.evaluate("['#a', '#no-capped'].forEach(name => document.querySelector(name).remove())")
    page.evaluate("consent({eventStatus:'tcloaded',gdprApplies:false}, true)")
    assert settled(tab, 1) == [["filled", "b", "b", "300x250"]]
    assert asked(stub) == [["b"]]


def test_slots_that_have_left_are_forgotten(stub: StubServer, tab: Tab) -> None:
    """Filled, passed back, refreshed, lazy and never near: the browser's collector takes them all."""
    far = '<div style="height:5000px"></div>' + slot("far", "data-ad-lazy")
    page = tab.open(news(stub, f"<main>{slot('a')}{slot('b')}{slot('no-capped')}{far}</main>"))
    settled(tab, 3)
    page.evaluate("adserverSlots.refresh('#b')")
    settled(tab, 4)
    steady(tab)
    page.evaluate(
        """() => { window.refs = [...document.querySelectorAll('[data-ad-placement], iframe')]
          .map(element => new WeakRef(element));
        seen.length = 0; document.querySelector('main').remove(); }"""
    )
    client = page.context.new_cdp_session(page)
    for _ in range(10):
        client.send("HeapProfiler.collectGarbage")
        if not page.evaluate("refs.filter(ref => ref.deref()).length"):
            return
        tab.quiet_for(50)
    raise AssertionError(
        page.evaluate("refs.map(ref => ref.deref()).filter(Boolean).map(e => e.outerHTML.slice(0, 80))")
    )


def test_the_queue(stub: StubServer, tab: Tab) -> None:
    head = """<script>var adserverSlots = adserverSlots || []; window.ran = [];
    adserverSlots.push(function () { throw new Error('theirs') });
    adserverSlots.push(function (slots) { ran.push('before', slots === adserverSlots) });
    adserverSlots.push('no function')</script>"""
    page = tab.open(news(stub, slot("a"), head=head))
    settled(tab, 1)
    page.evaluate("adserverSlots.push(slots => ran.push('after', slots === adserverSlots))")
    assert page.evaluate("ran") == ["before", True, "after", True]
    assert len([line for line in tab.console if line.startswith("warning: adserver: Error: theirs")]) == 1


def test_calls_that_make_no_sense_are_harmless(stub: StubServer, tab: Tab) -> None:
    page = tab.open(news(stub, slot("a") + "<p id=p></p>"))
    settled(tab, 1)
    page.evaluate("['#none', '#p', '[', 7, {}, [null], document.body].forEach(x => adserverSlots.refresh(x))")
    tab.quiet_for(100)
    assert asked(stub) == [["a"]]


def test_a_fluid_ad_fills_the_box_of_its_slot(stub: StubServer, tab: Tab) -> None:
    head = "<style>#fluid{width:60%;aspect-ratio:3/1} iframe{max-width:10px;height:auto}</style>"
    body = slot("fluid", 'data-ad-size="fluid"') + slot("fluid", 'data-ad-size="fluid"', name="flat")
    page = tab.open(news(stub, body, head=head))
    assert settled(tab, 2)[0] == ["filled", "fluid", "fluid", "0x0"]
    boxes = """name => ['', ' iframe'].map(part => { const box = document.querySelector('#' + name + part)
      .getBoundingClientRect(); return [box.x, box.y, box.width, box.height] })"""
    around, frame = page.evaluate(boxes, "fluid")
    assert around == frame
    assert frame[3] > 100
    around, frame = page.evaluate(boxes, "flat")
    assert around == frame
    assert frame[3] == 50
    page.set_viewport_size({"width": 500, "height": 800})
    around, frame = page.evaluate(boxes, "fluid")
    assert around == frame
    assert frame[2] < 300
    page.evaluate("adserverSlots.refresh('#fluid')")
    settled(tab, 3)
    page.wait_for_function("document.querySelectorAll('#fluid iframe').length === 1")
    assert page.evaluate(boxes, "fluid") == [around, frame]


@pytest.mark.parametrize("reserved", ["by the page", "by the tag"])
def test_nothing_moves(stub: StubServer, tab: Tab, reserved: str) -> None:
    """The tag alone can reserve only once it is there: from then on nothing moves, when the ads come late, too."""
    gate = threading.Event()

    def late(request: Request) -> Answer:
        gate.wait(5)
        return decide(request)

    stub.answers[ADS] = late
    by_page = reserved == "by the page"
    style = 'style="min-height:250px"' if by_page else ""
    body = "".join(slot(name, f'data-ad-size="300x250" {style}') + "<p>text</p>" for name in ("a", "b"))
    body += slot("fluid", 'data-ad-size="fluid" style="height:90px"') + "<p>text</p>"
    page = tab.open(news(stub, f"<p>text</p>{body}", head=SHIFTS))
    stub.wait(ADS, 1)
    page.evaluate(PAINTED)
    if not by_page:
        page.evaluate("shifted = 0")
    gate.set()
    settled(tab, 3)
    steady(tab)
    page.evaluate("adserverSlots.refresh()")
    settled(tab, 6)
    steady(tab)
    assert page.evaluate("shifted") == 0


# What blockers do to a page, as a script or a style in its head.
HIDING = {
    "frame hidden": "<style>#a iframe{display:none!important}</style>",
    "frame without height": "<style>#a iframe{height:0!important}</style>",
    "frame removed": """<script>new MutationObserver(list => list.forEach(m => m.addedNodes.forEach(n =>
        n.tagName === 'IFRAME' && n.parentNode.id === 'a' && n.remove())))
        .observe(document, {childList: true, subtree: true})</script>""",
}


@pytest.mark.parametrize("how", HIDING)
def test_a_hidden_frame_leads_to_the_passback(stub: StubServer, tab: Tab, how: str) -> None:
    inner = "<template data-ad-passback><b>house</b></template>"
    page = tab.open(news(stub, slot("a", inner=inner) + slot("b"), head=HIDING[how]))
    heard = settled(tab, 3)
    assert heard[2] == ["passback", "a", "a", "blocked"]
    assert page.inner_text("#a") == "house"
    assert page.locator("#a iframe").count() == 0
    assert page.is_visible("#b iframe")
    page.evaluate("adserverSlots.scan()")
    tab.quiet_for(100)
    assert asked(stub) == [["a", "b"]]
    assert [line for line in tab.console if "Blocked script execution" not in line] == []


def test_a_slot_that_the_page_hides_is_not_blocked(stub: StubServer, tab: Tab) -> None:
    page = tab.open(news(stub, f"<section hidden>{slot('a')}</section>"))
    settled(tab, 1)
    steady(tab)
    page.evaluate("document.querySelector('section').hidden = false")
    assert page.is_visible("#a iframe")
    assert page.evaluate("seen.length") == 1


# Scripts of the page's world that blockers take away, break or replace.
BROKEN = {
    "fetch answers nothing": "fetch = () => undefined",
    "fetch answers an empty page": "fetch = () => Promise.resolve(new Response(''))",
    "fetch answers something": "fetch = () => Promise.resolve(new Response('{}'))",
    "no AbortController": "AbortController = undefined",
    "no URLSearchParams": "URLSearchParams = undefined",
}


@pytest.mark.long
@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_world_leads_to_the_passback(stub: StubServer, tab: Tab, how: str) -> None:
    tab.open(news(stub, slot("a"), head=f"<script>{BROKEN[how]}</script>"))
    assert settled(tab, 1) == [["passback", "a", "a", "unreachable"]]
    tab.quiet_for(50)


@pytest.mark.long
@pytest.mark.parametrize(
    "how", ["IntersectionObserver = undefined", "IntersectionObserver = function () { throw new Error('no') }"]
)
def test_without_an_observer_lazy_slots_are_filled_at_once(stub: StubServer, tab: Tab, how: str) -> None:
    body = '<div style="height:5000px"></div>' + slot("far", "data-ad-lazy")
    tab.open(news(stub, body, head=f"<script>{how}</script>"))
    assert settled(tab, 1) == [["filled", "far", "far", "300x250"]]


@pytest.mark.parametrize("path", ["/ads", "/slot.js"])
def test_a_refused_connection(stub: StubServer, tab: Tab, path: str) -> None:
    """As blockers that know our addresses do it; the page gets by without the script, too."""
    tab.page.route(f"**{path}?*" if path == "/ads" else f"**{path}", lambda route: route.abort("blockedbyclient"))
    head = "<script>var adserverSlots = adserverSlots || []; adserverSlots.push(function () {})</script>"
    page = tab.open(news(stub, slot("a"), head=head))
    if path == "/ads":
        assert settled(tab, 1) == [["passback", "a", "a", "unreachable"]]
    page.evaluate("adserverSlots.push(function () {})")
    assert stub.to(ADS) == []


def busy_ms(page: Page, events: list[dict[str, Any]]) -> tuple[float, float]:
    """Milliseconds of main thread that the tag took in all, and its longest stretch."""
    mine = [
        (event["ts"], event["dur"])
        for event in events
        if event.get("ph") == "X"
        and event["name"] in {"EvaluateScript", "FunctionCall", "v8.compile"}
        and "slot.js" in str(event["args"])
    ]
    whole = [
        (ts, dur) for ts, dur in mine if not any(a <= ts and ts + dur <= a + b and (a, b) != (ts, dur) for a, b in mine)
    ]
    return sum(dur for _, dur in whole) / 1000, max(dur for _, dur in whole) / 1000


@pytest.mark.long
def test_what_ten_slots_cost_the_page(browser: Browser, stub: StubServer, tab: Tab) -> None:
    slots = "".join(slot("a", name=f"s{n}") + "<p>text</p>" for n in range(10))
    page = tab.page
    browser.start_tracing(page=page, categories=["devtools.timeline", "v8"])
    tab.open(news(stub, slots, head="<style>body{columns:4}</style>"))
    settled(tab, 10)
    steady(tab)
    events = json.loads(browser.stop_tracing())["traceEvents"]
    total, longest = busy_ms(page, events)
    print(f"ten slots: {total:.1f} ms of the main thread, {longest:.1f} ms at a stretch")
    assert 0 < longest < 50  # what is longer is a "long task", which people notice
