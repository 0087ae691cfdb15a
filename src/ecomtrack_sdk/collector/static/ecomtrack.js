/*! ecomtrack.js, the browser half of ecomtrack-sdk. Guide: docs/guides/browser.md */
(function (w, d, n) {
  "use strict";
  const stub = w.ecomtrack;
  if (stub && stub.loaded) return;
  const tag = d.currentScript;
  const set = Object.assign({}, tag && tag.dataset);
  const CALLS = "viewPage search viewArticle viewCategory viewProduct addToCart removeFromCart viewCart startCheckout identify custom".split(" ");
  const UTM = "source medium campaign term content id".split(" ");
  const CLICK = "gclid gbraid wbraid dclid fbclid msclkid ttclid twclid li_fat_id yclid epik ScCid rdt_cid".split(" ");
  const STORE = "ecomtrack";
  const MAX_WAITING = 200;
  const MAX_BATCH = 40; // a keepalive body may have 64 KB in all

  const cookie = (name) => (d.cookie.match("(?:^|; )" + name + "=([^;]*)") || [])[1];
  const bake = (name, value, age) => {
    d.cookie = name + "=" + value + "; Path=/; SameSite=Lax; Max-Age=" + age +
      (set.cookieDomain ? "; Domain=" + set.cookieDomain : "") + (location.protocol == "https:" ? "; Secure" : "");
  };
  const DAYS_400 = 34560000;
  const random = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => (b + 256).toString(16).slice(1)).join("");
  // null while the visitor has not been asked; Global Privacy Control is a no that stands.
  const allowed = () => {
    if (n.globalPrivacyControl) return false;
    const said = cookie("cbconsent");
    return said ? said == "1" : set.consent == "ask" ? null : true;
  };
  const visitor = () => {
    // Only when absent: browsers that cap cookies set by script would shorten the server's.
    if (!cookie("cbuid")) bake("cbuid", random(), DAYS_400);
    return cookie("cbuid");
  };

  const snake = (name) => name.replace(/[A-Z]/g, (c) => "_" + c.toLowerCase());
  const clean = (v, k) => {
    if (typeof v == "number") {
      if (/^(price|discount|tax|value|quantity)$/.test(k)) return String(Math.round(v * 1e4) / 1e4);
      if (/(^|_)id$|^(sku|step|query|coupon|phone)$/.test(k)) return String(v);
    }
    if (k == "categories" && typeof v == "string") return [v];
    if (Array.isArray(v)) return v.map((x) => clean(x, ""));
    if (!v || typeof v != "object" || /^(properties|filters|custom)$/.test(k)) return v;
    const out = {};
    for (const i in v) if (v[i] != null) out[snake(i)] = clean(v[i], snake(i));
    return out;
  };
  // viewProduct({product_id, …, currency}) is short for {product: {product_id, …}, currency}.
  const wrap = (part, a) => {
    if (a[part]) return a;
    const out = {}, inner = (out[part] = {});
    for (const k in a) (/^(currency|cart|cart_?id|method)$/i.test(k) ? out : inner)[k] = a[k];
    return out;
  };
  const shape = (call, a, b, c) => {
    if (call == "custom") return Object.assign({ name: a, properties: b }, c);
    if (call == "search" && typeof a == "string") return Object.assign({ query: a }, b);
    if (call == "identify") return wrap("customer", typeof a == "string" ? (a.includes("@") ? { email: a } : { id: a }) : a);
    if (call == "viewProduct") return wrap("product", a);
    return /^(add|rem)/.test(call) ? wrap("item", a) : a;
  };
  let referrer = d.referrer;
  const here = () => location.href.replace(/#(?![!/]).*/, "").slice(0, 8192);
  const context = () => {
    const q = new URLSearchParams(location.search);
    const c = { url: here(), referrer: referrer.slice(0, 8192), title: d.title.slice(0, 4096), user_agent: n.userAgent, locale: n.language, source: "web" };
    for (const k of UTM) c["utm_" + k] = q.get("utm_" + k);
    const id = CLICK.find((k) => q.get(k));
    if (id) Object.assign(c, { click_id_type: id, click_id: q.get(id) });
    for (const k in c) if (!c[k]) delete c[k];
    return c;
  };
  let last = 0;
  const stamp = () => (last = Math.max(Date.now(), last + 1)); // never two alike: calls keep their order
  const uuid7 = (ms) => {
    const t = ms.toString(16).padStart(12, "0"), r = random();
    return t.slice(0, 8) + "-" + t.slice(8) + "-7" + r.slice(0, 3) + "-" + "89ab"[parseInt(r[3], 16) & 3] + r.slice(4, 7) + "-" + r.slice(7, 19);
  };

  // The queue: in localStorage until the collector has said yes.
  let memory = [], held = [];
  const load = () => {
    try {
      return JSON.parse(localStorage[STORE] || "[]");
    } catch {
      return memory;
    }
  };
  const save = (events) => {
    memory = events = events.slice(-MAX_WAITING);
    try {
      localStorage[STORE] = JSON.stringify(events);
    } catch {}
  };
  const flying = new Set();
  let wait = 0, timer;
  const url = () => set.url.replace(/\/$/, "") + "/v1/events?key=" + encodeURIComponent(set.key);
  const ready = () => set.key && set.url && allowed();
  const batch = (skip) => load().filter((e) => !skip.has(e.event_id)).slice(0, MAX_BATCH);
  const body = (events) => JSON.stringify({ sent_at: new Date().toISOString(), events });
  const post = (text) => fetch(url(), { method: "POST", body: text, keepalive: text.length < 2e4, credentials: "omit" });
  const later = (ms) => {
    if (timer && ms) return;
    clearTimeout(timer);
    timer = setTimeout(send, ms);
  };
  const send = () => {
    timer = 0;
    const events = batch(flying);
    if (!events.length || flying.size || !ready()) return;
    events.forEach((e) => flying.add(e.event_id));
    post(body(events))
      .then((r) => {
        if (r.status > 499 || r.status == 429 || r.status == 408) throw r;
        return r.ok ? r.json() : { refused: r.status };
      })
      .then((v) => {
        if (set.debug != null || v.refused || (v.rejected && v.rejected[0])) console.warn("ecomtrack", v, events);
        const again = v.retry || [];
        save(load().filter((e) => !flying.has(e.event_id) || again.includes(e.event_id)));
        wait = again.length ? 5e3 : 0;
      })
      .catch(() => {
        wait = Math.min(wait * 2 || 2e3, 6e4);
      })
      .then(() => {
        flying.clear();
        if (load().length) later(wait);
      });
  };
  // Nobody waits for a beacon's answer: its events stay queued, and the next page's copy is a duplicate.
  const beaconed = new Set();
  const leave = () => {
    engage();
    const events = batch(new Set([...flying, ...beaconed]));
    if (!events.length || !ready()) return;
    events.forEach((e) => beaconed.add(e.event_id));
    const text = body(events);
    if (!n.sendBeacon || !n.sendBeacon(url(), text)) post(text).catch(() => {});
  };

  const put = (event) => {
    const ok = allowed();
    if (ok) {
      event.visitor_id = visitor();
      save(load().concat(event));
      later(wait || 50);
    } else if (ok === null && held.length < MAX_WAITING) held.push(event);
  };
  const record = (call, a, b, c, where) => {
    const ms = stamp(), id = uuid7(ms), event = clean(shape(call, a || {}, b, c), "");
    put(Object.assign(event, { type: snake(call), event_id: id, occurred_at: new Date(ms).toISOString(), context: where || context() }));
    if (/^view/.test(call)) view = view || id;
    if (event.product) product = event.product.product_id;
    return id;
  };

  // Foreground time: seconds since the last report, for the page's first view.
  let view, product, since = 0, spent = 0;
  const tick = () => {
    if (since) spent += Math.min(performance.now() - since, 18e5);
    since = d.hidden ? 0 : performance.now();
  };
  const engage = () => {
    tick();
    if (!view || spent < 1e3) return;
    const properties = { event_id: view, seconds: Math.round(spent / 100) / 10 };
    if (product) properties.product_id = product;
    spent = 0;
    record("custom", "page_engagement", properties, {}, place);
  };

  const fresh = () => {
    tick();
    view = product = undefined;
    spent = 0;
  };

  // Pages, also those of a single-page shop.
  let page = here(), path = location.pathname, place;
  const show = () => {
    place = context();
    if (set.autoPage != "false") record("viewPage", { title: d.title.slice(0, 4096) });
  };
  const moved = (own) => {
    // replaceState on the same path tidies the address (filters, utm): no new page.
    const same = here() == page || (own == "replaceState" && location.pathname == path);
    const from = page;
    page = here();
    path = location.pathname;
    if (same) return;
    engage(); // time so far belongs to the page that was left
    referrer = from;
    fresh();
    setTimeout(show); // the title changes after the address
  };
  for (const call of ["pushState", "replaceState"]) {
    const own = history[call];
    history[call] = function () {
      own.apply(this, arguments);
      moved(call);
    };
  }
  w.addEventListener("popstate", moved);
  w.addEventListener("hashchange", moved);
  w.addEventListener("online", () => later(0));
  w.addEventListener("pagehide", leave);
  w.addEventListener("pageshow", (e) => e.persisted && (fresh(), show()));
  d.addEventListener("visibilitychange", () => (d.hidden ? leave() : (tick(), later(wait))));

  let started;
  const start = () => {
    if (started || !set.key) return;
    started = 1;
    fresh();
    show();
  };
  const api = (call, a, b, c) => {
    if (call == "init") Object.assign(set, a), start();
    else if (call == "consent") {
      if (n.globalPrivacyControl) a = false;
      bake("cbconsent", a ? 1 : 0, DAYS_400);
      const waiting = held;
      held = [];
      if (a) waiting.forEach(put);
      else {
        save([]);
        bake("cbuid", "", 0);
      }
    } else if (call == "visitor") return allowed() ? visitor() : undefined;
    else if (CALLS.includes(call)) return record(call, a, b, c);
    else console.warn("ecomtrack: unknown call", call);
  };
  api.loaded = true;
  w.ecomtrack = api;
  if (!set.url && tag && tag.src) set.url = new URL(tag.src).origin;
  const go = () => {
    start();
    ((stub && stub.q) || []).forEach((call) => api.apply(null, call));
    if (load().length) later(0);
  };
  if (d.prerendering) d.addEventListener("prerenderingchange", go, { once: true });
  else go();
})(window, document, navigator);
