/* The shop's tag. How to embed it: docs/tag.md. Nothing in here may throw into the page. */
(function (w, d) {
  'use strict';
  const safe = f => function () {
    try { return f.apply(this, arguments); } catch (e) { /* not the shop's trouble */ }
  };

  safe(() => {
    const stub = w.adserver;
    if (stub && stub.loaded) return;
    const script = d.currentScript || d.querySelector('script[src*="/tag.js"]');
    const attr = name => script.getAttribute('data-' + name);
    const origin = new URL(script.src).origin;
    const queue = [];
    let advertiser = attr('advertiser'), consent, busy, started;

    // Numbers as people write them: 0.1 + 0.2 is 0.3 here.
    const text = v => typeof v === 'string' ? v.slice(0, 256)
      : typeof v === 'number' && isFinite(v) ? String(+v.toFixed(6)) : '';

    // Consent signals. `pending`: 1 asked (3 s at most), 2 the visitor is looking at the dialog, 0 answered.
    const known = {}, pending = {};
    const settle = name => {
      const waited = pending[name];
      pending[name] = 0;
      if (waited) pump();
    };
    const ask = (name, again, call) => {
      const first = !(name in pending);
      if (typeof w[name] !== 'function' || !(first || again)) return;
      if (first) {
        pending[name] = 1;
        setTimeout(() => pending[name] === 1 && settle(name), 3000);
      }
      safe(call)(w[name]);
    };
    const signals = () => {
      ask('__tcfapi', false, api => {
        known.gdpr = 1;
        api('addEventListener', 2, safe((t, ok) => {
          if (!ok) return;
          if (t.gdprApplies === false || /^(tcloaded|useractioncomplete)$/.test(t.eventStatus)) {
            known.gdpr = t.gdprApplies === false ? 0 : 1;
            known.gdpr_consent = t.tcString;
            settle('__tcfapi');
          } else if (t.eventStatus === 'cmpuishown' && pending.__tcfapi) pending.__tcfapi = 2;
        }));
      });
      ask('__gpp', false, api => api('addEventListener', safe(e => {
        const p = e.pingData;
        if (p.signalStatus === 'ready') {
          known.gpp = p.gppString;
          known.gpp_sid = p.applicableSections.join();
          settle('__gpp');
        } else if (p.cmpDisplayStatus === 'visible' && pending.__gpp) pending.__gpp = 2;
      })));
      // It has no listener, so it is asked again before every event.
      ask('__uspapi', true, api => api('getUSPData', 1, safe((u, ok) => {
        if (ok) known.us_privacy = u.uspString;
        settle('__uspapi');
      })));
    };

    const make = (name, params) => {
      params = Object(params);
      const items = Array.isArray(params.items) ? params.items : [params.items], ids = [];
      let sum = 0, units = 0, counted;
      items.slice(0, 20).forEach(raw => {
        const item = Object(raw), id = text(raw) || text(item.id) || text(item.item_id);
        if (!id) return;
        const quantity = +(text(item.quantity) || 1);
        counted = counted || item.quantity != null;
        ids.push(id);
        units += quantity;
        sum += quantity * (text(item.price) || NaN);
      });
      if (items.length > 20) sum = 0;
      return {
        ids,
        consent,
        fields: {
          e: text(name),
          q: counted && units > 0 && units % 1 === 0 ? units : '',
          v: text(params.value) || (sum > 0 ? text(sum) : ''),
          c: (text(params.currency) || text(Object(items[0]).currency)).toUpperCase(),
          o: text(params.order_id) || text(params.transaction_id),
          eid: text(params.event_id),
        },
        page: location.href.split('#')[0].slice(0, 1024),
      };
    };
    const add = (name, params) => {
      const event = make(name, params);
      if (event.fields.e && queue.length < 100) queue.push(event);
    };

    // At most 8,000 characters: the page's address goes first, then the last products.
    const address = event => {
      let { ids, page } = event;
      for (;;) {
        const s = new URLSearchParams({ a: advertiser });
        const put = (key, value) => value != null && value !== '' && s.append(key, value);
        Object.keys(event.fields).forEach(key => put(key, event.fields[key]));
        ids.forEach(id => put('p', id));
        put('url', page);
        Object.keys(known).forEach(key => put(key, known[key]));
        put('consent', event.consent);
        const url = origin + '/pixel.gif?' + String(s).replace(/\+/g, '%20');
        if (url.length <= 8000) return url;
        if (page) page = '';
        else if (ids.length) ids = ids.slice(0, -1);
        else return '';
      }
    };
    const send = (event, done) => {
      const url = address(event);
      if (!url) return done();
      setTimeout(done, 2000);
      try {
        Promise.resolve(w.fetch(url, { mode: 'no-cors', keepalive: true, credentials: 'include' })).then(done, done);
      } catch (e) {
        const image = new Image();
        image.onload = image.onerror = done;
        image.src = url + '&cb=' + Math.random();
      }
    };
    // One event after the other: the first answer brings the cookie (HttpOnly, so not to be seen from here);
    // an event that did not wait for it would make a second visitor.
    const pump = safe(() => {
      if (!started) return;
      signals();
      if (busy || !advertiser || !queue.length || Object.keys(pending).some(name => pending[name])) return;
      const mine = busy = {};
      send(queue.shift(), safe(() => {
        if (busy !== mine) return;
        busy = null;
        pump();
      }));
    });

    const commands = {
      init: id => { advertiser = text(id); },
      consent: answer => {
        consent = answer === true || answer === 'granted' ? 1 : 0;
        if (!consent) queue.forEach(event => { event.consent = 0; });
      },
      event: (name, params) => name && typeof name === 'object' ? add(name.event, name) : add(name, params),
      view: items => add('view_item', { items }),
    };
    const run = safe(args => commands[args[0]](args[1], args[2]));

    const SHOP = /^(view_item(_list)?|view_cart|(add_to|remove_from)_cart|begin_checkout|purchase|refund|search|login|sign_up|generate_lead)$/;
    const read = safe(entry => {
      const gtag = entry[0] === 'event', name = gtag ? entry[1] : entry.event;
      if (SHOP.test(name)) add(name, gtag ? entry[2] : entry.ecommerce || entry);
    });
    const listen = safe(() => {
      const layer = w.dataLayer = w.dataLayer || [], push = layer.push;
      [].forEach.call(layer, read);
      layer.push = function () {
        const result = push.apply(this, arguments);
        [].forEach.call(arguments, read);
        pump();
        return result;
      };
    });

    const start = safe(() => {
      if (started || d.prerendering) return;
      [].forEach.call(api.q, run);
      api.q = { push: args => api.apply(w, args) };
      if (attr('page-view') !== 'off') queue.unshift(make('page_view'));
      if (attr('datalayer') === 'on') listen();
      if (!advertiser) console.warn('adserver: the tag has no data-advertiser');
      started = true;
      pump();
    });
    const api = function () {
      if (started) {
        run(arguments);
        pump();
      } else api.q.push(arguments);
    };
    api.q = (stub && stub.q) || [];
    api.loaded = true;
    w.adserver = api;

    w.addEventListener('pagehide', safe(() => {
      start();
      if (started && advertiser) queue.splice(0).forEach(event => send(event, () => {}));
    }));
    // Not before the page is parsed: a consent call further down counts for the page view too.
    d.addEventListener('prerenderingchange', start);
    d.addEventListener('readystatechange', start);
    if (d.readyState !== 'loading') start();
  })();
})(window, document);
