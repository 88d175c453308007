// The laws of a banner, for every frame of a sheet: gives one [number of the frame, element, complaint] for each breach.
// `asked`: whether the menus are opened as well, and whether each focus ring is looked at.
asked => {
  const AA = 4.5, AA_LARGE = 3, SMALLEST_TEXT = 9, SMALLEST_TARGET = 24, SLACK = 0.75;
  const SHORTENED = ".title, .brand, .headline, .line, .offer";  // may end in an ellipsis, and nothing else may
  const SPOKEN = ".brand, .title, .prices, .badge, .action, .headline, .line, .offer, .coupon, .ends, .notice, summary";
  const found = [];

  // Colours. A canvas knows every way to write one.
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true }), seen = new Map();
  const rgba = text => {
    if (!seen.has(text)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = text;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      seen.set(text, [r, g, b, a / 255]);
    }
    return seen.get(text);
  };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const light = colour => colour.slice(0, 3).map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (one, two) => {
    const [less, more] = [light(one), light(two)].sort((a, b) => a - b);
    return (more + 0.05) / (less + 0.05);
  };

  const named = element => {
    const kind = element.tagName.toLowerCase() + [...element.classList].map(name => "." + name).join("");
    const tile = element.closest(".tile");
    const place = tile && tile !== element ? `.tile ${[...tile.ownerDocument.querySelectorAll(".tile")].indexOf(tile) + 1} ` : "";
    return `${place}${kind} "${element.textContent.trim().replace(/\s+/g, " ").slice(0, 28)}"`;
  };
  const boxed = rect => ({ left: rect.left, top: rect.top, right: rect.right, bottom: rect.bottom });
  const inside = (inner, outer) => inner.left >= outer.left - SLACK && inner.right <= outer.right + SLACK
    && inner.top >= outer.top - SLACK && inner.bottom <= outer.bottom + SLACK;
  const meet = (one, two) => Math.min(one.right, two.right) - Math.max(one.left, two.left) > SLACK
    && Math.min(one.bottom, two.bottom) - Math.max(one.top, two.top) > SLACK;

  [...document.querySelectorAll("iframe")].forEach((frame, number) => {
    const doc = frame.contentDocument, win = frame.contentWindow, body = doc.body, told = new Set();
    const tell = (element, complaint) => {
      const name = typeof element === "string" ? element : named(element);
      if (!told.has(name + complaint)) found.push([number, name, complaint]);
      told.add(name + complaint);
    };
    const styles = new Map();
    const style = element => {
      if (!styles.has(element)) styles.set(element, win.getComputedStyle(element));
      return styles.get(element);
    };
    const slot = { left: 0, top: 0, right: win.innerWidth, bottom: win.innerHeight };
    const once = ask => {
      const known = new Map();
      return element => {
        if (!known.has(element)) known.set(element, ask(element));
        return known.get(element);
      };
    };
    const ancestors = once(element => {
      const list = [];
      for (let at = element; at && at !== doc; at = at.parentNode) list.push(at);
      return list;
    });
    // Words for screen readers only are no part of the picture.
    const unseen = once(at => style(at).position === "absolute" && at.offsetWidth <= 1 && at.offsetHeight <= 1);
    const shown = element => element.checkVisibility({ opacityProperty: true, visibilityProperty: true })
      && !ancestors(element).some(unseen);
    let visible = once(shown);

    // Everything that clips what is painted of an element; what scrolls by itself stands apart.
    const clips = once(element => {
      let { left, top, right, bottom } = slot, position = style(element).position;
      for (const at of ancestors(element)) {
        const its = style(at);
        if (at !== element && position === "absolute" && its.position === "static" && its.transform === "none") continue;
        if (at !== element) position = its.position;
        if (at === doc.documentElement) break;
        const rect = at.getBoundingClientRect();
        if (its.overflowX !== "visible" && its.display !== "inline") {
          left = Math.max(left, rect.left + at.clientLeft);
          right = Math.min(right, rect.left + at.clientLeft + at.clientWidth);
          top = Math.max(top, rect.top + at.clientTop);
          bottom = Math.min(bottom, rect.top + at.clientTop + at.clientHeight);
        }
      }
      return { left, top, right, bottom };
    });
    // Nothing moves while it is measured.
    for (const animation of doc.getAnimations()) {
      animation.pause();
      animation.currentTime = 0;
    }
    const animated = doc.getAnimations().map(animation => animation.effect.target);
    const moving = element => animated.some(at => at === element || at.contains(element))
      || ancestors(element).slice(1).some(at => /auto|scroll/.test(style(at).overflowX));
    const offStage = new Set();
    for (const tile of doc.querySelectorAll(".tile")) {
      const rect = boxed(tile.getBoundingClientRect());
      if (inside(rect, clips(tile.parentNode))) continue;
      if (moving(tile) && rect.right - rect.left <= win.innerWidth + SLACK) offStage.add(tile);
      else tell(tile, "leaves its box");
    }
    const clipOf = once(element => {
      const tile = element.closest(".tile");
      if (!offStage.has(tile)) return clips(element);
      const rect = tile.getBoundingClientRect();
      const shift = { left: rect.left, right: rect.right, top: rect.top, bottom: rect.bottom };
      for (const at of ancestors(element)) {
        if (at === tile) break;
        if (style(at).overflowX === "visible" || style(at).display === "inline") continue;
        const box = at.getBoundingClientRect();
        shift.left = Math.max(shift.left, box.left); shift.right = Math.min(shift.right, box.right);
        shift.top = Math.max(shift.top, box.top); shift.bottom = Math.min(shift.bottom, box.bottom);
      }
      return shift;
    });

    // Every line of text: from the top of its capitals to the bottom of its descenders.
    const lines = root => {
      const list = [], walker = doc.createTreeWalker(root, 4), range = doc.createRange();
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const element = node.parentNode;
        if (!node.data.trim() || !visible(element)) continue;
        range.selectNodeContents(node);
        const size = parseFloat(style(element).fontSize);
        const rects = [...range.getClientRects()].filter(rect => rect.width >= 0.5);
        if (!rects.length) tell(element, "has a text that is not painted");
        for (const rect of rects) {
          const middle = (rect.top + rect.bottom) / 2;
          list.push({ element, node, size, left: rect.left, right: rect.right,
            top: middle - 0.38 * size, bottom: middle + 0.48 * size });
        }
      }
      return list;
    };

    const grounds = (element, line) => {
      const [x, y] = [(Math.max(line.left, 0) + Math.min(line.right, win.innerWidth)) / 2, (line.top + line.bottom) / 2];
      const stack = doc.elementsFromPoint(x, y);
      const start = stack.findIndex(at => at === element || at.contains(element));
      const cover = stack.slice(0, Math.max(start, 0)).find(at => !element.contains(at)
        && (at.tagName === "IMG" && !at.matches(".seen") || rgba(style(at).backgroundColor)[3] > 0.05));
      if (cover) tell(element, `is covered by ${named(cover)}`);
      let ways = [[]];
      for (const at of start < 0 ? ancestors(element) : stack.slice(start)) {
        if (at.tagName === "IMG" && at.getBoundingClientRect().width > 2) return null;
        const its = style(at), plain = rgba(its.backgroundColor);
        const stops = [...its.backgroundImage.matchAll(/(?:rgba?|color|oklch|oklab|hsla?)\([^()]*\)/g)].map(m => rgba(m[0]));
        const choices = stops.length ? stops.map(stop => [stop, plain]) : [[plain]];
        ways = ways.flatMap(way => choices.map(choice => way.concat(choice))).slice(0, 64);
        if ((stops.length ? stops : [plain]).every(colour => colour[3] > 0.99)) break;
      }
      return ways.map(way => way.reduceRight((below, top) => over(top, below), [255, 255, 255, 1]));
    };

    const readable = line => {
      const { element } = line, its = style(element);
      if (line.size < SMALLEST_TEXT) tell(element, `has text of ${line.size} px`);
      const behind = grounds(element, line);
      if (!behind) return tell(element, "stands on a picture without a ground of its own");
      const ink = rgba(its.color), bold = parseInt(its.fontWeight) >= 700;
      const faint = ancestors(element).reduce((product, at) => product * parseFloat(style(at).opacity), 1);
      const least = line.size >= 24 || (bold && line.size >= 18.66) ? AA_LARGE : AA;
      const worst = Math.min(...behind.map(ground => ratio(over([...ink.slice(0, 3), ink[3] * faint], ground), ground)));
      if (worst < least - 0.005) tell(element, `has a contrast of ${worst.toFixed(2)} where ${least} is needed`);
    };

    const uncut = line => {
      const { element } = line, clip = clipOf(element);
      const clamp = ancestors(element).find(at => style(at).webkitLineClamp !== "none" || style(at).textOverflow === "ellipsis");
      const shortened = clamp && element.closest(SHORTENED) && !element.closest(".coupon, .ends");
      if (shortened && style(clamp).webkitLineClamp !== "none" && line.top >= clip.bottom - 2) return false;
      const wide = line.left >= clip.left - SLACK && line.right <= clip.right + SLACK;
      if (!wide && !(shortened && style(clamp).whiteSpace.startsWith("nowrap")))
        tell(element, `is cut at the side: ${Math.round(line.left)} to ${Math.round(line.right)} in ${Math.round(clip.left)} to ${Math.round(clip.right)}`);
      if (!wide && clip.right - clip.left < 3 * line.size) tell(element, "is shortened to nothing");
      if (line.top < clip.top - SLACK || line.bottom > clip.bottom + SLACK)
        tell(element, `is cut in height: ${line.top.toFixed(1)} to ${line.bottom.toFixed(1)} in ${clip.top.toFixed(1)} to ${clip.bottom.toFixed(1)}`);
      line.left = Math.max(line.left, clip.left);  // what is left of it is what is looked at from here on
      line.right = Math.min(line.right, clip.right);
      return true;
    };

    // A number that is broken is read as two.
    const whole = price => {
      const node = [...price.childNodes].find(child => child.nodeType === 3 && /\p{Nd}/u.test(child.data));
      if (!node || !visible(price)) return;
      const range = doc.createRange(), digits = [...node.data.matchAll(/\p{Nd}/gu)];
      range.setStart(node, digits[0].index);
      range.setEnd(node, digits.at(-1).index + 1);
      const tops = [...range.getClientRects()].filter(rect => rect.width > 0.5).map(rect => rect.top);
      if (Math.max(...tops) - Math.min(...tops) > 4) tell(price, "is broken inside the number");
    };

    const apart = leaves => leaves.forEach((one, index) => leaves.slice(index + 1).forEach(two => {
      if (one.element === two.element || one.element.contains(two.element) || two.element.contains(one.element)) return;
      const tiles = [one, two].map(leaf => leaf.element.closest(".tile"));
      if (tiles[0] !== tiles[1] && tiles.some(tile => offStage.has(tile))) return;
      if (!meet(one, two)) return;
      const [picture, other] = one.element.matches(".picture") ? [one, two] : [two, one];
      if (picture.element.matches(".picture")) {
        if (other.element.closest(".badge")) return;
        const own = ancestors(other.element).filter(at => !at.contains(picture.element));
        if (own.some(at => rgba(style(at).backgroundColor)[3] > 0.99)) return;
      }
      tell(one.element, `overlaps ${named(two.element)}`);
    }));

    const target = element => {
      const rect = element.getBoundingClientRect();
      if (rect.width < SMALLEST_TARGET - 0.1 || rect.height < SMALLEST_TARGET - 0.1)
        tell(element, `is a target of ${rect.width.toFixed(1)} x ${rect.height.toFixed(1)} px`);
    };

    const ringed = element => {
      element.focus({ preventScroll: true, focusVisible: true });
      const its = win.getComputedStyle(element), width = parseFloat(its.outlineWidth), away = parseFloat(its.outlineOffset);
      if (doc.activeElement !== element) tell(element, "does not take the focus");
      else if (its.outlineStyle === "none" || width < 2) tell(element, "does not show that it has the focus");
      else {
        const rect = element.getBoundingClientRect(), out = away + width;
        const ring = { left: rect.left - out, right: rect.right + out, top: rect.top - out, bottom: rect.bottom + out };
        if (!offStage.has(element) && !inside(ring, clips(element.parentNode))) tell(element, "has a focus ring that is cut");
        const half = (rect.top + rect.bottom) / 2;  // the mark may stand in the corner
        const middle = { left: rect.left + 1, right: rect.left + 2, top: half, bottom: half + 1 };
        const behind = grounds(element, middle) ?? [];
        const worst = Math.min(...behind.map(ground => ratio(over(rgba(its.outlineColor), ground), ground)));
        if (worst < 3) tell(element, `has a focus ring with a contrast of ${worst.toFixed(2)} where 3 is needed`);
      }
      element.blur();
    };

    const root = doc.documentElement, its = frame.dataset;
    if (root.scrollWidth > win.innerWidth || root.scrollHeight > win.innerHeight)
      tell("the document", `scrolls: ${root.scrollWidth} x ${root.scrollHeight}`);
    const whole_slot = body.getBoundingClientRect();
    if (Math.abs(whole_slot.width - win.innerWidth) > SLACK || Math.abs(whole_slot.height - win.innerHeight) > SLACK)
      tell("body", `is not the slot: ${whole_slot.width} x ${whole_slot.height}`);
    for (const element of doc.querySelectorAll("*"))
      if (/auto|scroll/.test(style(element).overflowX + style(element).overflowY) && visible(element)
          && (element.scrollWidth > element.clientWidth || element.scrollHeight > element.clientHeight)
          && style(element).scrollbarWidth !== "none") tell(element, "has scrollbars");

    const tiles = [...doc.querySelectorAll(".tile")];
    if (tiles.length !== Number(its.count)) tell("main", `has ${tiles.length} tiles for ${its.count} products`);
    for (const tile of tiles) {
      if (!visible(tile)) tell(tile, "is not to be seen");
      const price = tile.querySelector(".prices b, .prices strong");
      if (!price || !visible(price)) tell(tile, "shows no price");
      for (const written of tile.querySelectorAll(".prices b, .prices s")) whole(written);
      const picture = tile.querySelector(".picture");
      if (picture && visible(picture)) {
        const rect = picture.getBoundingClientRect();
        if (Math.min(rect.width, rect.height) < 24) tell(picture, `is too small: ${rect.width} x ${rect.height}`);
        if (!inside(rect, clipOf(picture.parentNode))) tell(picture, "is cut");
        for (const img of picture.querySelectorAll("img")) {
          if (!img.complete || !img.naturalWidth) tell(picture, "did not load");
          const made = [img.getAttribute("width"), img.getAttribute("height")].map(Number);
          const larger = Math.min(img.clientWidth / made[0], img.clientHeight / made[1]);
          if (its.size !== "fluid" && larger > 1.15) tell(picture, `is ${img.clientWidth} x ${img.clientHeight} and made for ${made.join(" x ")}`);
        }
      }
    }
    if (tiles.length && !tiles.some(tile => tile.querySelector(".title") && visible(tile.querySelector(".title"))) && win.innerHeight > 100)
      tell("main", "shows no title");
    for (const element of doc.querySelectorAll(SPOKEN)) {
      if (!visible(element) || !element.getBoundingClientRect().height) continue;
      if (!element.textContent.trim()) tell(element, "is empty");
    }
    if (its.coupon && tiles.length && ![...doc.querySelectorAll(".coupon, .offer b")].some(b => visible(b) && b.textContent.includes(its.coupon)))
      tell(".coupon", `${its.coupon} is not to be seen`);
    const brand = doc.querySelector(".brand");
    if (!brand || !visible(brand)) tell(".brand", "is not to be seen");

    const text = lines(body).filter(uncut);
    text.forEach(readable);
    const blocks = [...doc.querySelectorAll(".picture, .action, .badge, .coupon, summary")]
      .filter(visible).map(element => ({ element, ...boxed(element.getBoundingClientRect()) }));
    const leaves = [...text.map(line => ({ ...line, top: line.top + 1, bottom: line.bottom - 1 })), ...blocks];
    for (const block of blocks)
      if (!offStage.has(block.element.closest(".tile")) && !inside(boxed(block.element.getBoundingClientRect()), slot)) tell(block.element, "leaves the slot");
    apart(leaves);
    const covered = side => Math.max(...leaves.map(leaf => Math.min(leaf[side[1]], slot[side[1]])))
      - Math.min(...leaves.map(leaf => Math.max(leaf[side[0]], 0)));
    if (covered(["left", "right"]) < 0.5 * win.innerWidth || covered(["top", "bottom"]) < 0.5 * win.innerHeight)
      tell("the banner", "is empty for the most part");

    const leads = ([x, y]) => doc.elementFromPoint(x, y)?.closest("a")?.getAttribute("href");
    if (its.count === "0") {
      const [right, bottom] = [win.innerWidth - 4, win.innerHeight - 4], start = root.dir === "rtl" ? right : 4;
      for (const point of [[start, 4], [4, bottom], [right, bottom], [right / 2, bottom / 2]])
        if (!leads(point)) tell("the banner", `leads nowhere at ${point.map(Math.round)}`);
    }
    for (const tile of tiles) {
      const rect = (tile.querySelector(".picture") ?? tile).getBoundingClientRect();
      const point = [(rect.left + rect.right) / 2, (rect.top + rect.bottom) / 2];
      if (!offStage.has(tile) && visible(tile) && leads(point) !== tile.getAttribute("href")) tell(tile, "can not be clicked");
    }
    const links = [...doc.querySelectorAll("a, summary")].filter(visible);
    links.forEach(target);
    if (asked.focus) links.forEach(ringed);

    // The mark, and the menu behind it.
    const summary = doc.querySelector(".corner summary");
    if (summary) {
      const rect = summary.getBoundingClientRect(), left = root.dir === "rtl";
      if (!summary.getAttribute("aria-label")) tell(summary, "has no name");
      const header = summary.closest("header"), home = header ? header.getBoundingClientRect() : slot;
      if ((!header && rect.top > 4) || (left ? rect.left > home.left + 12 : rect.right < home.right - 12))
        tell(summary, `is not in the ${left ? "left" : "right"} corner: ${Math.round(rect.left)}, ${Math.round(rect.top)}`);
      if (asked.menu) {
        summary.parentNode.open = true;
        visible = shown;
        const mark = summary.getBoundingClientRect();
        const nav = doc.querySelector(".corner nav"), ways = nav ? [...nav.querySelectorAll("a")] : [];
        if (ways.length < (Number(its.count) ? 3 : 2)) tell("nav", `has ${ways.length} links`);
        const menu = nav ? lines(nav) : [];
        for (const way of ways) {
          if (!visible(way)) { tell(way, "is not to be seen"); continue; }
          target(way);
          if (!inside(boxed(way.getBoundingClientRect()), slot)) tell(way, "leaves the slot");
          if (asked.focus) ringed(way);
        }
        menu.filter(uncut).forEach(readable);
        apart([...menu, ...[summary].map(element => ({ element, ...boxed(element.getBoundingClientRect()) }))]);
        const at = doc.elementFromPoint((mark.left + mark.right) / 2, (mark.top + mark.bottom) / 2);
        if (!summary.contains(at)) tell(summary, "can not be closed: something lies on it");
        summary.parentNode.open = false;
      }
    } else if (asked.menu) tell(".corner", "is missing");
  });
  return found;
}
