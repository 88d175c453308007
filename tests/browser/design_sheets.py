"""Many banners side by side on one page, so that all of them are looked at with one question."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.browser.design_exhibits import Exhibit

LAWS = Path(__file__).with_name("design_laws.js").read_text(encoding="utf-8")

SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
"""What the publisher's tag gives a banner."""

LOOKED_INTO = f"{SANDBOX} allow-same-origin"
"""No script runs in there either, and the page around it may look inside."""

# A frame costs more than what is written into it, so frames stay. Loaded means: documents, pictures, and fonts.
_HANG = """async ({frames, sandbox, gap, written}) => {
  const style = `margin:${gap}px;display:flex;flex-wrap:wrap;gap:${gap}px;background:#fff;align-items:flex-start`;
  document.body.style.cssText = style;
  const there = [...document.querySelectorAll("iframe")], old = there.slice(0, written ? frames.length : 0);
  there.slice(old.length).forEach(frame => frame.remove());  // moved ones would load anew
  const deadline = performance.now() + 20000;
  const loaded = async doc => {
    await doc.fonts.ready;
    while ([...doc.images].some(image => !image.complete) && performance.now() < deadline)
      await new Promise(done => setTimeout(done, 5));
  };
  await Promise.all(frames.map(async ({width, height, html, ...data}, number) => {
    const frame = old[number] ?? document.createElement("iframe");
    frame.width = width;
    frame.height = height;
    frame.style.cssText = "border:0;flex:none";
    Object.assign(frame.dataset, data);
    if (!old[number]) {
      if (sandbox !== null) frame.setAttribute("sandbox", sandbox);
      const ready = new Promise(done => frame.onload = done);
      frame.srcdoc = written ? "<!doctype html>" : html;
      document.body.append(frame);
      await ready;
    }
    if (written) {
      const root = new DOMParser().parseFromString(html, "text/html").documentElement;
      frame.contentDocument.replaceChild(frame.contentDocument.adoptNode(root), frame.contentDocument.documentElement);
    }
    if (frame.contentDocument) await loaded(frame.contentDocument);
  }));
}"""

_MOST = 60


def hang(
    page: Page, exhibits: Iterable[Exhibit], *, sandbox: str | None = LOOKED_INTO, gap: int = 0, written: bool = False
) -> None:
    """Put banners on the page, instead of those that are there, and wait until each has loaded. ``written``: into the
    frames that are there, which is quick and needs a context that bypasses their policies."""
    frames = [
        {
            "width": exhibit.width,
            "height": exhibit.height,
            "html": exhibit.html,
            "size": exhibit.size,
            "count": str(exhibit.products),
            "coupon": exhibit.coupon,
        }
        for exhibit in exhibits
    ]
    page.evaluate(_HANG, {"frames": frames, "sandbox": sandbox, "gap": gap, "written": written})


def breaches(page: Page, exhibits: Sequence[Exhibit], *, focus: bool = False, menu: bool = False) -> list[str]:
    """What is wrong: one line for each element of each banner that breaks a law."""

    def ask(some: Sequence[Exhibit]) -> list[str]:
        found: list[tuple[int, str, str]] = page.evaluate(LAWS, {"focus": focus, "menu": menu})
        return [f"{some[number]}: {element} {complaint}" for number, element, complaint in found]

    return in_sheets(page, exhibits, ask)


def in_sheets(page: Page, exhibits: Sequence[Exhibit], ask: Callable[[Sequence[Exhibit]], list[Any]]) -> list[Any]:
    """All answers to a question about so many banners at a time as a page holds well."""
    answers = []
    for start in range(0, len(exhibits), _MOST):
        some = exhibits[start : start + _MOST]
        hang(page, some, written=True)
        answers += ask(some)
    return answers
