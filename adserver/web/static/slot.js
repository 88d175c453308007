/* The publisher's tag. How to embed it: docs/slot.md. Nothing in here may throw into the page. */
(function (w, d) {
  'use strict';
  const safe = f => function () {
    try { return f.apply(this, arguments); } catch (e) { /* not the publisher's trouble */ }
  };

  safe(() => {
    const other = w.adserverSlots;
    if (other && other.scan) return other.scan();
    const script = d.currentScript || d.querySelector('script[src*="/slot.js"]');
    const origin = new URL(script.src).origin;
    const placements = new WeakMap();
    let due = [], timer, warned;

    const warn = message => {
      if (!warned) console.warn('adserver: ' + message);
      warned = true;
    };

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
        setTimeout(() => settle(key), 3000);
      } else if (key !== 'us_privacy') return; // which has no listener
      safe(call)(w[name]);
    };
    const signals = () => {
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

    const passback = (slot, placement, reason) => {
      const name = slot.getAttribute('data-ad-passback');
      const template = slot.querySelector(':scope > template[data-ad-passback]');
      let taken = !!template, owner, found = w;
      if (template) slot.appendChild(d.importNode(template.content, true));
      if (name) {
        name.split('.').forEach(key => {
          owner = found;
          found = Object.prototype.hasOwnProperty.call(Object(owner), key) ? owner[key] : null;
        });
        if (typeof found === 'function') {
          taken = true;
          try { found.call(owner, slot, reason); } catch (e) { warn('passback ' + name + ': ' + e); }
        } else warn('passback ' + name + ' is not a function');
      }
      // A listener that shows something itself says so with preventDefault().
      if (tell(slot, 'passback', { placement, reason }) && !taken) slot.style.display = 'none';
    };

    const fill = (slot, placement, ad) => {
      const frame = d.createElement('iframe'), head = /<head(\s[^>]*)?>/i;
      const set = (key, value) => frame.setAttribute(key, value);
      set('sandbox', 'allow-popups allow-popups-to-escape-sandbox');
      set('title', 'Advertisement');
      set('scrolling', 'no');
      set('referrerpolicy', 'strict-origin-when-cross-origin');
      set('width', ad.width);
      set('height', ad.height);
      frame.style.cssText = 'border:0;display:block';
      // First in the head, before the document's own policy can forbid it.
      frame.srcdoc = ad.html.replace(head.test(ad.html) ? head : /^(\s*<!doctype[^>]*>)?/i,
        start => start + '<base href="' + origin + '/">');
      slot.appendChild(frame);
      tell(slot, 'filled', { placement, width: ad.width, height: ad.height });
    };

    const request = slots => {
      const s = new URLSearchParams(), names = slots.map(slot => placements.get(slot));
      const put = (key, value) => value != null && value !== '' && s.append(key, value);
      names.forEach(name => put('placement', name));
      Object.keys(known).forEach(key => put(key, known[key]));
      const consent = script.getAttribute('data-consent');
      if (consent !== null) put('consent', consent === 'granted' ? 1 : 0);
      let control, over;
      const finish = answer => {
        if (over) return;
        over = true;
        const ads = answer && answer.ads;
        if (!Array.isArray(ads)) warn('no answer from ' + origin);
        slots.forEach(safe((slot, i) => {
          const ad = Array.isArray(ads) && ads[i];
          const mine = ad && ad.placement === names[i];
          if (mine && typeof ad.html === 'string') {
            try { return fill(slot, names[i], ad); } catch (e) { warn(e); }
          }
          passback(slot, names[i], (mine && typeof ad.reason === 'string' && ad.reason) || 'unreachable');
        }));
      };
      setTimeout(() => {
        finish();
        if (control) control.abort();
      }, 3000);
      try {
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
      if (!due.length) return;
      signals();
      if (Object.values(pending).some(Boolean)) return;
      while (due.length) request(due.splice(0, 20));
    });
    const now = slot => {
      due.push(slot);
      timer = timer || setTimeout(flush, 0);
    };

    const watcher = w.IntersectionObserver && new IntersectionObserver(safe(entries => entries.forEach(entry => {
      if (!entry.isIntersecting) return;
      watcher.unobserve(entry.target);
      now(entry.target);
    })), { rootMargin: '400px 0px' });

    // Lazy slots that are near from the start share the first request.
    const near = slot => {
      const box = slot.getBoundingClientRect();
      return slot.getClientRects().length && box.top < w.innerHeight + 400 && box.bottom > -400;
    };
    const scan = safe(() => d.querySelectorAll('[data-ad-placement]').forEach(slot => {
      const placement = slot.getAttribute('data-ad-placement');
      if (!placement || placements.has(slot)) return;
      placements.set(slot, placement);
      const size = /^(\d+)x(\d+)$/.exec(slot.getAttribute('data-ad-size'));
      if (size) {
        slot.style.width = size[1] + 'px';
        slot.style.minHeight = size[2] + 'px';
      }
      if (watcher && slot.hasAttribute('data-ad-lazy') && !near(slot)) watcher.observe(slot);
      else now(slot);
    }));

    w.adserverSlots = { scan };
    if (d.prerendering) d.addEventListener('prerenderingchange', scan, { once: true });
    else if (d.readyState === 'loading') d.addEventListener('readystatechange', scan, { once: true });
    else scan();
  })();
})(window, document);
