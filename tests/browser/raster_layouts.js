// Where everything of a banner stands: for each thing that is painted one object, in the order of painting, positions in
// CSS pixels from the banner's corner. `marks`: the brand's colours that the document has now, by their name.
marks => {
  const TEXTS = { brand: "brand", title: "title", badge: "badge", action: "action", headline: "headline", line: "line", notice: "ad_label" };
  const PARTS = { B: "price", S: "was" };
  const root = document.documentElement, things = [];
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = text => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = "#000";
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };

  // A colour is taken apart by trying: how it follows each of the brand's colours.
  const names = Object.keys(marks);
  const set = values => names.forEach(name => root.style.setProperty("--" + name.replace("_", "-"), values[name]));
  const colours = () => {
    set(Object.fromEntries(names.map(name => [name, "#000"])));
    const dark = things.map(thing => thing.paints().map(rgba));
    const shares = names.map(name => {
      set(Object.fromEntries(names.map(other => [other, other === name ? "#fff" : "#000"])));
      return things.map(thing => thing.paints().map(rgba));
    });
    set(marks);
    things.forEach((thing, i) => thing.colours = dark[i].map((base, j) => {
      const of = names.map((_, k) => Math.max(...[0, 1, 2].map(c => shares[k][i][j][c] - base[c])) / 255);
      const most = of.indexOf(Math.max(...of));
      const hex = "#" + [...base.slice(0, 3), ...(base[3] < 1 ? [base[3] * 255] : [])]
        .map(part => Math.round(part).toString(16).padStart(2, "0")).join("");
      if (of[most] < 0.02) return base[3] === 0 ? "" : hex;
      if (of[most] > 0.98 && base[3] === 1) return names[most];
      return `${names[most]}*${of[most].toFixed(3)}+${hex}`;
    }));
  };

  const style = (element, pseudo) => getComputedStyle(element, pseudo);
  const px = text => parseFloat(text) || 0;
  const rounded = number => Math.round(number * 4) / 4;
  const box = rect => [rect.left, rect.top, rect.right - rect.left, rect.bottom - rect.top].map(rounded);
  const inner = element => {
    const its = style(element), rect = element.getBoundingClientRect();
    return {
      left: rect.left + px(its.borderLeftWidth) + px(its.paddingLeft), right: rect.right - px(its.borderRightWidth) - px(its.paddingRight),
      top: rect.top + px(its.borderTopWidth) + px(its.paddingTop), bottom: rect.bottom - px(its.borderBottomWidth) - px(its.paddingBottom),
    };
  };
  const ink = element => {
    const range = document.createRange();
    range.selectNodeContents(element);
    const rects = [...range.getClientRects()].filter(rect => rect.width > 1 && rect.height > 1);
    if (!rects.length) return null;
    const own = inner(element), clip = element.getBoundingClientRect();
    const edge = (side, pick) => pick(...rects.map(rect => rect[side]));
    return { first: rects[0].top, deep: rects[0].bottom - rects[0].top,
             left: Math.max(edge("left", Math.min), clip.left), right: Math.min(edge("right", Math.max), clip.right),
             top: Math.max(edge("top", Math.min), own.top - 3), bottom: Math.min(edge("bottom", Math.max), clip.bottom) };
  };
  const seen = element => {
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) return false;
    const rect = element.getBoundingClientRect();
    if (rect.width <= 1 || rect.height <= 1) return false;
    const wide = Math.min(rect.right, innerWidth) - Math.max(rect.left, 0), high = Math.min(rect.bottom, innerHeight) - Math.max(rect.top, 0);
    return wide > 4 && high > 4 || wide * high >= 0.4 * rect.width * rect.height && wide > 0 && high > 0;
  };
  const tiles = [...document.querySelectorAll(".tile")].filter(seen);
  const tileOf = element => tiles.indexOf(element.closest(".tile"));
  const opacity = element => element ? px(style(element).opacity) * (element === document.body ? 1 : opacity(element.parentElement)) : 1;
  const layer = element => {
    let z = 0, raised = 0;
    for (let at = element; at && at !== document.body; at = at.parentElement) {
      const its = style(at);
      if (its.position !== "static" && its.zIndex !== "auto") { z = +its.zIndex; raised = 1; }
    }
    return z * 2 + raised;
  };
  const add = (kind, element, more, paints) => things.push(
    { kind, tile: tileOf(element), layer: layer(element), opacity: opacity(element), ...more, paints });

  const lettering = (its, element) => {
    const size = px(its.fontSize), line = its.lineHeight === "normal" ? size * 1.21 : px(its.lineHeight);
    return {
      px: rounded(size), weight: +its.fontWeight, line: rounded(line), spacing: Math.round(px(its.letterSpacing) * 100) / 100,
      upper: its.textTransform === "uppercase", figures: its.fontVariantNumeric.includes("tabular-nums"),
      strike: its.textDecorationLine.includes("line-through"),
    };
  };
  const edges = its => ["Top", "Right", "Bottom", "Left"].map(side => its[`border${side}Style`] === "none" ? 0 : px(its[`border${side}Width`]));
  const stops = image => {
    const found = image.match(/^linear-gradient\((.*)\)$/);
    if (!found) return [];
    const parts = found[1].split(/,(?![^(]*\))/).map(part => part.trim());
    const turned = /deg$|^to /.test(parts[0]) ? parts.shift() : "to bottom";
    return [turned, ...parts.map(part => part.replace(/\s+-?[\d.]+(%|px).*$/, ""))];
  };
  const painted = (element, pseudo, rect) => {
    const its = style(element, pseudo), widths = edges(its);
    const gradient = stops(its.backgroundImage);
    const fill = rgba(its.backgroundColor)[3] > 0 || gradient.length > 1;
    if (!fill && !widths.some(width => width > 0)) return null;
    const radius = ["TopLeft", "TopRight", "BottomRight", "BottomLeft"].map(corner => {
      const text = its[`border${corner}Radius`];
      const raw = px(text) * (text.includes("%") ? Math.min(rect.right - rect.left, rect.bottom - rect.top) / 100 : 1);
      return rounded(Math.min(raw, (rect.right - rect.left) / 2, (rect.bottom - rect.top) / 2));
    });
    const side = ["Top", "Right", "Bottom", "Left"].find(name => px(its[`border${name}Width`]) > 0) || "Top";
    return {
      box: box(rect), radius, border: widths.map(rounded), dashed: its[`border${side}Style`] === "dashed" || its[`border${side}Style`] === "dotted",
      turned: gradient[0] || "",
      paints: () => {
        const now = style(element, pseudo);
        return [now.backgroundColor, now[`border${side}Color`], ...(gradient.length ? stops(now.backgroundImage).slice(1, 3) : [])];
      },
    };
  };
  const paint = (element, pseudo, rect = element.getBoundingClientRect()) => {
    const found = painted(element, pseudo, rect);
    if (found) add("box", element, found, found.paints);
    return found;
  };
  const decoration = (element, pseudo) => {
    const its = style(element, pseudo);
    if (its.content === "none" || its.content === "normal" || its.display === "none" || its.position !== "absolute") return;
    if (/attr|"[^"]+"/.test(its.content)) return;
    let around = element;
    while (around !== document.body && style(around).position === "static") around = around.parentElement;
    const rect = around.getBoundingClientRect(), ours = style(around);
    const left = rect.left + px(ours.borderLeftWidth) + px(its.left), top = rect.top + px(ours.borderTopWidth) + px(its.top);
    paint(element, pseudo, { left, top, right: left + px(its.width), bottom: top + px(its.height) });
  };

  // Room to the end of the line for text that is shorter here than it may be elsewhere.
  const roomy = element => {
    const own = inner(element), holder = element.parentElement, rect = element.getBoundingClientRect();
    if (!holder || holder === document.body || /inline/.test(style(holder).display)) return own;
    let end = inner(holder).right;
    for (const other of holder.children) {
      const its = other.getBoundingClientRect();
      if (other !== element && its.left >= rect.right - 1 && its.top < rect.bottom && its.bottom > rect.top && its.width > 1)
        end = Math.min(end, its.left - Math.max(4, px(style(holder).columnGap)));
    }
    const more = end - rect.right;
    return more > 0 && px(style(element).textAlign === "center") === 0 && style(element).textAlign !== "center" ? { ...own, right: own.right + more } : own;
  };
  const along = (from, to, low, high) => {
    const before = from - low, after = high - to;
    if (before + after < 2.5) return "start";
    if (Math.abs(before - after) <= 2.5) return "center";
    return before < after ? "start" : "end";
  };
  const anchored = element => {
    const rect = element.getBoundingClientRect();
    const tile = element.closest(".tile"), holder = (tile && tile !== element ? tile : document.body).getBoundingClientRect();
    return along(rect.left, rect.right, holder.left, holder.right);
  };
  const holds = (element, its) => {
    const clamp = +its.webkitLineClamp;
    if (clamp) return clamp;
    const own = inner(element), line = lettering(its).line;
    if (its.whiteSpace === "nowrap") return 1;
    return Math.max(1, Math.min(9, Math.round((own.bottom - own.top) / line)));
  };
  const text = (element, role) => {
    const its = style(element), where = ink(element), found = painted(element, null, element.getBoundingClientRect());
    if (!where) return;
    const own = inner(element), snug = own.right - own.left - (where.right - where.left) < 2;
    const fits = snug && holds(element, its) === 1 && (found || role === "ad_label");
    if (fits) {
      const edge = [where.left - element.getBoundingClientRect().left, element.getBoundingClientRect().right - where.right];
      add("chip", element, { role, ...lettering(its), box: box(element.getBoundingClientRect()), padding: edge.map(rounded), align: anchored(element),
        radius: found ? found.radius : [0, 0, 0, 0], border: found ? found.border : [0, 0, 0, 0], dashed: !!found && found.dashed },
        () => [style(element).color, style(element).backgroundColor, style(element).borderTopColor]);
      return;
    }
    if (found) add("box", element, found, found.paints);
    const room = snug ? roomy(element) : own;
    const align = { center: "center", right: "end", end: "end" }[its.textAlign] || (snug ? "start" : along(where.left, where.right, room.left, room.right) === "center" && /flex|grid/.test(its.display) ? "center" : "start");
    const line = lettering(its).line, lines = Math.max(1, Math.round((where.bottom - where.top) / line));
    const height = Math.max(lines * line, 1), middle = (where.top + where.bottom) / 2;
    const top = where.first - Math.floor((line - where.deep) / 2);
    add("text", element, { role, ...lettering(its), align, lines: holds(element, its),
      box: [room.left, top, room.right - room.left, height].map(rounded),
      upright: Math.abs(middle - (own.top + own.bottom) / 2) < 1.5 && own.bottom - own.top > height + 2 ? "center" : "start" }, () => [style(element).color]);
  };

  // What stands in one row (or in a column), and moves when one of it is longer or missing.
  const row = (element, role) => {
    paint(element);
    const own = inner(element), children = [...element.children].filter(seen);
    if (!children.length) return;
    if (/reverse/.test(style(element).flexDirection)) children.reverse();
    const rects = children.map(child => child.getBoundingClientRect());
    const union = { left: Math.min(...rects.map(r => r.left)), right: Math.max(...rects.map(r => r.right)), top: Math.min(...rects.map(r => r.top)), bottom: Math.max(...rects.map(r => r.bottom)) };
    const rows = rects.reduce((found, rect, i) => [...found, i && rect.top > Math.max(...rects.slice(0, i).map(r => r.bottom)) - 3 ? found[i - 1] + 1 : found[i - 1] || 0], []);
    const besides = rects.findIndex((rect, i) => i && rows[i] === rows[i - 1]), below = rows.indexOf(1);
    const gap = besides < 0 ? px(style(element).columnGap) || 4 : Math.max(2, rects[besides].left - rects[besides - 1].right);
    const leading = below < 0 ? 0 : Math.max(0, rects[below].top - Math.max(...rects.slice(0, below).map(r => r.bottom)));
    const upright = along(union.top, union.bottom, own.top, own.bottom);
    const tight = union.right - union.left > own.right - own.left - 2 && !["offer"].includes(role);
    const room = tight ? roomy(element) : own;
    const flow = style(element);
    const across = flow.display.includes("flex") && flow.flexDirection.startsWith("column") ? flow.alignItems : flow.display.includes("flex") ? flow.justifyContent : flow.textAlign;
    const align = /center/.test(across) || flow.textAlign === "center" ? "center" : /end|right/.test(across) ? "end" : "start";
    const parts = children.map((child, i) => {
      const its = style(child), found = painted(child, null, rects[i]);
      const what = child.classList.contains("coupon") ? "coupon" : child.classList.contains("ends") ? "ends" : child.classList.contains("badge") ? "badge"
        : role === "offer" ? "offer" : PARTS[child.tagName] || "";
      const where = ink(child) || rects[i];
      return { what, row: rows[i], ...lettering(its), border: found ? found.border : [0, 0, 0, 0], radius: found ? found.radius : [0, 0, 0, 0], dashed: !!found && found.dashed,
        padding: [px(its.paddingLeft) + px(its.borderLeftWidth), px(its.paddingRight) + px(its.borderRightWidth)].map(rounded), high: rounded(rects[i].height),
        lines: Math.max(1, Math.min(4, Math.round((where.bottom - where.top) / lettering(its).line))) };
    });
    add("row", element, { role, box: box(room), gap: rounded(gap), leading: rounded(leading), align, upright, parts },
      () => children.flatMap(child => { const its = style(child); return [its.color, its.backgroundColor, its.borderTopColor]; }));
  };
  const picture = element => {
    const image = element.querySelector("img"), rect = element.getBoundingClientRect();
    paint(element);
    const shown = image || element, where = image ? image.getBoundingClientRect() : inner(element);
    const clip = ["hidden", "clip"].includes(style(element).overflowX) ? element : shown;
    const radius = ["TopLeft", "TopRight", "BottomRight", "BottomLeft"].map(corner => rounded(Math.min(px(style(clip)[`border${corner}Radius`]), rect.width / 2, rect.height / 2)));
    const letter = () => {
      const spare = element.cloneNode(false);
      spare.setAttribute("data-letter", "A");
      spare.style.cssText = "";
      element.after(spare);
      const before = style(spare, "::before"), after = style(spare, "::after");
      const from = before.content !== "none" && before.content !== "normal" ? before : after.content !== "none" ? after : style(spare);
      const found = { colours: [from.color, from.backgroundColor], ...lettering(from) };
      spare.remove();
      return found;
    };
    const { colours: _, ...lettered } = letter();
    const fit = image ? style(image).objectFit : "contain";
    add("picture", element, { box: box({ left: Math.max(where.left, rect.left), top: Math.max(where.top, rect.top), right: Math.min(where.right, rect.right), bottom: Math.min(where.bottom, rect.bottom) }),
      ground: box(rect), radius, fit, ...lettered }, () => letter().colours);
  };

  const walk = element => {
    const bare = style(element).display === "contents";
    if (!bare && !seen(element) && element !== document.body) return;
    const names = element.classList;
    if (element.closest("nav, .seen, .sr") || names.contains("seen")) return;
    if (element.closest(".tile") && tileOf(element) < 0) return;
    if (names.contains("picture")) return picture(element);
    if (names.contains("prices")) return row(element, "prices");
    if (names.contains("offer")) return row(element, "offer");
    const role = [...names].map(name => TEXTS[name]).find(Boolean);
    if (role) return text(element, role);
    if (element.tagName === "svg") {
      add("icon", element, { box: box(element.getBoundingClientRect()), corner: !!element.closest(".corner") }, () => [style(element).stroke === "none" ? style(element).color : style(element).stroke]);
      return;
    }
    if (!bare) { paint(element); decoration(element, "::before"); }
    for (const child of element.children) walk(child);
    if (!bare) decoration(element, "::after");
  };
  walk(document.body);
  colours();
  const rect = document.body.getBoundingClientRect();
  return {
    tiles: tiles.map(tile => box(tile.getBoundingClientRect())),
    size: [innerWidth, innerHeight],
    things: things.map(({ paints, ...thing }) => thing),
  };
}
