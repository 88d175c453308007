/* The publisher's tag. How to embed it: docs/slot.md. Nothing in here may throw into the page. */
(function (w, d) {
  'use strict';
  let warned;
  const warn = message => {
    if (!warned) console.warn('adserver: ' + message);
    warned = true;
  };
  const safe = f => function () {
    try { return f.apply(this, arguments); } catch (e) { warn(e); }
  };

  safe(() => {
    const other = w.adserverSlots;
    if (other && other.scan) return other.scan();
    const script = d.currentScript || d.querySelector('script[src*="/slot.js"]');
    const origin = new URL(script.src).origin, name = 'data-ad-placement';
    // By slot, replaced with each question: placement; busy: not answered yet; waits: not near yet; again: asked by
    // refresh; old(): what stands in it; sure: that it stood there for a while.
    const states = new WeakMap(), due = new Set();
    let timer;

    // Consent signals of the page; a tool that does not answer within 3 s is not waited for any longer. The server
    // refuses what is not answered.
    const known = {}, pending = {};
    const settle = (key, answer) => {
      const waited = pending[key];
      pending[key] = 0;
      Object.assign(known, answer);
      if (waited) flush();
    };
    const ask = (name, key, call) => {
      if (typeof w[name] !== 'function') return;
      if (!(key in pending)) {
        pending[key] = 1;
        known[key] = 'pending';
        setTimeout(settle, 3000, key);
      } else if (key !== 'us_privacy') return; // which has no listener
      safe(call)(w[name]);
    };
    const signals = () => {
      if (navigator.globalPrivacyControl) known.gpc = 1;
      ask('__tcfapi', 'gdpr', api => api('addEventListener', 2, safe((t, ok) => {
        if (!ok) return;
        const gdpr = t.gdprApplies === false ? 0 : 1;
        if (!gdpr || /^(tcloaded|useractioncomplete)$/.test(t.eventStatus)) {
          settle('gdpr', { gdpr, gdpr_consent: t.tcString });
        }
      })));
      ask('__gpp', 'gpp', api => api('addEventListener', safe(e => {
        const p = e.pingData;
        if (p.signalStatus === 'ready') settle('gpp', { gpp: p.gppString, gpp_sid: p.applicableSections.join() });
      })));
      ask('__uspapi', 'us_privacy', api => api('getUSPData', 1, safe((u, ok) =>
        settle('us_privacy', ok && u.uspString && { us_privacy: u.uspString }))));
    };

    const tell = (slot, type, detail) => slot.dispatchEvent(
      new CustomEvent('adserver:' + type, { bubbles: true, cancelable: true, detail }));
    const remove = nodes => nodes.forEach(node => node.remove());
    const shown = (slot, state) => state.old ? state.old().filter(node => node.parentNode === slot) : [];

    const passback = (slot, state, reason) => {
      const { placement } = state;
      if (state.again) return tell(slot, 'kept', { placement, reason });
      remove(shown(slot, state));
      const kept = new Set(slot.childNodes);
      state.old = () => [...slot.childNodes].filter(node => !kept.has(node));
      const path = slot.getAttribute('data-ad-passback');
      const template = slot.querySelector(':scope > template[data-ad-passback]');
      let taken = !!template, owner, found = w;
      if (template) slot.appendChild(d.importNode(template.content, true));
      if (path) {
        path.split('.').forEach(key => {
          owner = found;
          found = Object.prototype.hasOwnProperty.call(Object(owner), key) ? owner[key] : null;
        });
        if (typeof found === 'function') {
          taken = true;
          try { found.call(owner, slot, reason); } catch (e) { warn('passback ' + path + ': ' + e); }
        } else warn('passback ' + path + ' is not a function');
      }
      // A listener that shows something itself says so with preventDefault().
      if (tell(slot, 'passback', { placement, reason }) && !taken) {
        slot.style.display = 'none';
        state.hid = 1;
      }
      state.sure = state.old().length;
    };

    const policy = safe(() => w.trustedTypes && w.trustedTypes.createPolicy('adserver', { createHTML: s => s }))();
    const fill = (slot, state, ad) => {
      const frame = d.createElement('iframe'), head = /<head(\s[^>]*)?>/i;
      const { placement } = state, { width, height } = ad;
      const set = (key, value) => frame.setAttribute(key, value);
      set('sandbox', 'allow-popups allow-popups-to-escape-sandbox');
      set('title', slot.getAttribute('data-ad-title') || 'Advertisement');
      set('scrolling', 'no');
      set('referrerpolicy', 'strict-origin-when-cross-origin');
      // First in the head, before the document's own policy can forbid it.
      const html = ad.html.replace(head.test(ad.html) ? head : /^(\s*<!doctype[^>]*>)?/i,
        start => start + '<base href="' + origin + '/">');
      frame.srcdoc = policy ? policy.createHTML(html) : html;

      // Inline, so that no style sheet of the page squeezes it.
      const style = 'border:0;margin:0;padding:0;display:block;max-width:none;max-height:none;' + (width
        ? 'width:' + width + 'px;height:' + height + 'px' : 'position:absolute;inset:0;width:100%;height:100%');
      if (!width && getComputedStyle(slot).position === 'static') slot.style.position = 'relative';
      const old = shown(slot, state);
      let parts = [frame, ...old];
      frame.style.cssText = style + (old[0] ? ';position:absolute;visibility:hidden' : '');
      if (old[0]) frame.onload = () => {
        frame.onload = null;
        remove(old);
        parts = [frame];
        frame.style.cssText = style;
      };
      if (state.hid) slot.style.display = '';
      state.hid = 0;
      state.old = () => parts;
      slot.insertBefore(frame, old[0] || null);
      tell(slot, 'filled', { placement, width, height });
      // What hides or removes ads has done so by then.
      setTimeout(safe(() => {
        if (states.get(slot) !== state || !here(slot)) return;
        if (slot.getClientRects().length && !frame.offsetHeight) {
          state.again = 0;
          passback(slot, state, 'blocked');
        } else state.sure = 1;
      }), 300);
    };

    const here = slot => slot.isConnected || !states.delete(slot);
    const request = slots => {
      const asked = slots.map(slot => states.get(slot));
      let control, over;
      const finish = answer => {
        if (over) return;
        over = true;
        clearTimeout(late);
        const ads = answer && answer.ads;
        if (!Array.isArray(ads)) warn('no answer from ' + origin);
        slots.forEach(safe((slot, i) => {
          const state = asked[i], ad = Array.isArray(ads) && ads[i];
          if (states.get(slot) !== state || !here(slot)) return;
          state.busy = 0;
          const mine = ad && ad.placement === state.placement;
          if (mine && typeof ad.html === 'string') {
            try { return fill(slot, state, ad); } catch (e) { warn(e); }
          }
          passback(slot, state, (mine && typeof ad.reason === 'string' && ad.reason) || 'unreachable');
        }));
      };
      const late = setTimeout(() => {
        finish();
        if (control) control.abort();
      }, 3000);
      try {
        const s = new URLSearchParams();
        const put = (key, value) => value != null && value !== '' && s.append(key, value);
        asked.forEach(state => put('placement', state.placement));
        Object.keys(known).forEach(key => put(key, known[key]));
        const consent = script.getAttribute('data-consent');
        if (consent !== null) put('consent', consent === 'granted' ? 1 : 0);
        control = new AbortController();
        w.fetch(origin + '/ads?' + String(s).replace(/\+/g, '%20'),
          { credentials: 'include', mode: 'cors', signal: control.signal })
          .then(response => response.status === 200 ? response.json() : null)
          .then(finish, () => finish());
      } catch (e) { finish(); }
    };

    // All slots that are due in one tick (or while a consent tool is thinking) share one request.
    const flush = safe(() => {
      timer = 0;
      if (!due.size) return;
      signals();
      if (Object.values(pending).some(Boolean)) return;
      const slots = [...due].filter(here);
      due.clear();
      while (slots.length) request(slots.splice(0, 20));
    });
    const now = slot => {
      due.add(slot);
      timer = timer || setTimeout(flush, 0);
    };

    const watcher = safe(() => new IntersectionObserver(safe(entries => entries.forEach(entry => {
      const slot = entry.target, state = states.get(slot);
      if (!entry.isIntersecting) return;
      watcher.unobserve(slot);
      if (state.waits) now(slot);
      state.waits = 0;
    })), { rootMargin: '400px 0px' }))();

    // Lazy slots that are near from the start share the first request.
    const near = slot => {
      const box = slot.getBoundingClientRect();
      return slot.getClientRects().length && box.top < w.innerHeight + 400 && box.bottom > -400;
    };
    const reserve = slot => {
      const given = slot.getAttribute('data-ad-size'), size = /^(\d+)x(\d+)$/.exec(given);
      if (size) {
        slot.style.width = size[1] + 'px';
        slot.style.minHeight = size[2] + 'px';
      } else if (given === 'fluid' && !slot.offsetHeight) slot.style.minHeight = '50px';
    };
    const start = (slot, again) => {
      const state = states.get(slot), placement = slot.getAttribute(name);
      const same = state && state.placement === placement
        && (!state.sure || shown(slot, state)[0]);
      if (!placement || (same && (!again || state.busy))) return;
      const waits = watcher && !again && slot.hasAttribute('data-ad-lazy') && !near(slot);
      states.set(slot, Object.assign({}, state, { placement, waits, busy: 1, sure: 0, again: same }));
      if (!waits) now(slot);
    };
    const all = () => [...d.querySelectorAll('[' + name + ']')];
    const begin = (slots, again) => {
      slots.filter(slot => !states.has(slot)).forEach(reserve);
      slots.forEach(slot => start(slot, again));
    };
    const scan = safe(() => {
      const slots = all();
      begin(slots);
      // A slot that has left the page is not watched any longer.
      if (watcher) watcher.disconnect();
      slots.forEach(slot => {
        const state = states.get(slot);
        if (state && state.waits) watcher.observe(slot);
      });
    });
    const refresh = safe(target => {
      const slots = !target ? all() : target.nodeType ? [target]
        : typeof target === 'string' ? d.querySelectorAll(target) : target;
      begin([...slots], true);
    });

    const api = w.adserverSlots = { scan, refresh, push: f => { safe(f)(api); } };
    if (Array.isArray(other)) other.forEach(api.push);
    if (d.prerendering) d.addEventListener('prerenderingchange', scan, { once: true });
    else if (d.readyState === 'loading') d.addEventListener('readystatechange', scan, { once: true });
    else scan();
  })();
})(window, document);
