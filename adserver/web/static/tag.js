/* docs/tag.md. Nothing in here may throw into the page. */
(function (w, d) {
  'use strict';
  const safe = f => function () {
    try { return f.apply(this, arguments); } catch (e) { }
  };

  safe(() => {
    const stub = w.adserver || {};
    if (stub.loaded) return;
    const script = d.currentScript || d.querySelector('script[src*="/tag.js"]');
    const attr = name => script.getAttribute('data-' + name);
    const origin = new URL(script.src).origin, queue = [];
    // Rising worth.
    const SHOP = 'login,search,sign_up,generate_lead,refund,remove_from_cart,view_cart,view_item_list,view_item,begin_checkout,add_to_cart,purchase'.split(',');
    const worth = event => SHOP.indexOf(event.fields.e);
    let advertiser = attr('advertiser'), consent, busy, started, answered, leaving;

    const text = v => typeof v === 'string' ? v.slice(0, 256)
      : Number.isFinite(v) ? String(+v.toFixed(6)) : '';

    // `pending`: 1 asked, more: dialog open, 0: over
    const known = { gpc: navigator.globalPrivacyControl && 1 }, pending = {};
    const settle = (key, answer) => {
      const waited = pending[key];
      pending[key] = 0;
      Object.assign(known, answer);
      if (waited) pump();
    };
    const ask = (name, key, call) => {
      if (typeof w[name] !== 'function') return;
      if (!(key in pending)) {
        pending[key] = 1;
        known[key] = 'pending'; // a refusal
        setTimeout(() => pending[key] === 1 && settle(key), 3000);
      } else if (key !== 'us_privacy') return;
      safe(call)(w[name]);
    };
    const signals = () => {
      ask('__tcfapi', 'gdpr', api => api('addEventListener', 2, safe((t, ok) => {
        if (!ok) return;
        const gdpr = t.gdprApplies === false ? 0 : 1;
        if (!gdpr || /^(tcloaded|useractioncomplete)$/.test(t.eventStatus)) {
          settle('gdpr', { gdpr, gdpr_consent: t.tcString });
        } else if (t.eventStatus === 'cmpuishown') pending.gdpr *= 2;
      })));
      ask('__gpp', 'gpp', api => api('addEventListener', safe(e => {
        const p = e.pingData;
        if (p.signalStatus === 'ready') settle('gpp', { gpp: p.gppString, gpp_sid: p.applicableSections.join() });
        else if (p.cmpDisplayStatus === 'visible') pending.gpp *= 2;
      })));
      ask('__uspapi', 'us_privacy', api => api('getUSPData', 1, safe((u, ok) =>
        settle('us_privacy', ok && u.uspString && { us_privacy: u.uspString }))));
    };

    const make = (name, params) => {
      params = Object(params);
      const items = [].concat(params.items), ids = [];
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
        page: location.href.split(/[?#]/)[0].slice(0, 1024),
      };
    };
    const add = (name, params) => {
      const event = make(name, params);
      if (event.fields.e && queue.length < 100) queue.push(event);
    };

    const address = event => {
      let { ids, page } = event;
      for (;;) {
        const s = new URLSearchParams(ids.map(id => ['p', id]));
        const all = Object.assign({ a: advertiser, url: page, consent: event.consent }, event.fields, known);
        Object.keys(all).forEach(key => (all[key] || all[key] === 0) && s.append(key, all[key]));
        const url = origin + '/pixel.gif?' + String(s).replace(/\+/g, '%20');
        if (url.length <= 8000) return url;
        if (page) page = '';
        else if (ids.length) ids = ids.slice(0, -1);
        else return '';
      }
    };
    const send = (event, done) => {
      const url = address(event), got = () => done(answered = 1);
      const failed = () => setTimeout(done, 1000);
      if (!url) return done();
      setTimeout(done, answered ? 2000 : 10000);
      try {
        Promise.resolve(w.fetch(url, { mode: 'no-cors', keepalive: true, credentials: 'include' })).then(got, failed);
      } catch (e) {
        Object.assign(new Image(), { onload: got, onerror: failed, src: url + '&cb=' + Math.random() });
      }
    };
    // One by one: else one visitor becomes two.
    const pump = safe(() => {
      if (!started) return;
      signals();
      if (busy || !advertiser || !queue.length || !leaving && Object.values(pending).some(Boolean)) return;
      if (leaving && !answered) queue.sort((a, b) => worth(b) - worth(a));
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
        consent = +(answer === true || answer === 'granted');
        if (!consent) queue.forEach(event => { event.consent = 0; });
      },
      event: (name, params) => text(name) ? add(name, params) : add(name.event, name),
      view: items => add('view_item', { items }),
      set: params => {
        const mail = text(params.email).trim().toLowerCase();
        known.em = /^[\da-f]{64}$/.test(mail) && mail;
        if (!/@/.test(mail)) return;
        const hashed = h => settle('em', { em: Array.from(new Uint8Array(h), b => (b + 256).toString(16).slice(1)).join('') });
        w.crypto.subtle.digest('SHA-256', new TextEncoder().encode(mail)).then(hashed, hashed);
        pending.em = 1;
      },
    };
    const run = safe(args => commands[args[0]](args[1], args[2]));

    const read = safe(entry => {
      const gtag = entry[0] === 'event', name = gtag ? entry[1] : entry.event;
      if (SHOP.includes(name)) add(name, gtag ? entry[2] : entry.ecommerce || entry);
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
      if (attr('datalayer') === 'on') listen();
      if (attr('page-view') !== 'off') queue.push(make('page_view'));
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
    api.q = stub.q || [];
    api.loaded = true;
    w.adserver = api;

    w.addEventListener('pagehide', safe(() => {
      leaving = 1;
      start();
      pump();
      if (answered) queue.splice(0).forEach(event => send(event, () => {}));
      leaving = 0;
    }));
    d.addEventListener('prerenderingchange', start);
    d.addEventListener('readystatechange', start);
    if (d.readyState !== 'loading') start();
  })();
})(window, document);
