// The live page: events as they arrive. Everything that came from outside is written as text, never as markup.
(() => {
  "use strict";
  const MAX_ROWS = 500; // rows kept on the page: older ones are found by their id
  const rows = document.getElementById("events");
  const state = document.getElementById("state");
  const pause = document.getElementById("pause");
  const filters = document.getElementById("filters");
  const held = [];
  const seen = new Set();
  let paused = false;

  const cell = (text, className) => {
    const td = document.createElement("td");
    td.textContent = text;
    if (className) td.className = className;
    return td;
  };
  const short = (text) => (text.length > 120 ? text.slice(0, 119) + "…" : text);
  const content = (item) => (item.event && typeof item.event === "object" ? item.event : {});
  const who = (event) => {
    const customer = event.customer && typeof event.customer === "object" ? event.customer : {};
    return String(customer.id || customer.email || event.visitor_id || "");
  };
  const what = (event, item) => {
    if (item.errors.length) return item.errors.map((error) => (error.loc || "event") + " " + error.msg).join("; ");
    const product = event.product || event.item || {};
    return String(event.order_id || product.name || product.product_id || event.query || event.name ||
      (event.context && event.context.url) || event.title || "");
  };
  const show = (item) => {
    const event = content(item);
    const tr = document.createElement("tr");
    tr.append(cell(item.received_at.slice(11, 23)), cell(item.verdict + (item.times > 1 ? " ×" + item.times : ""), "verdict " + (item.verdict === "accepted" ? "accepted" : "rejected")));
    const type = cell("");
    const a = document.createElement("a");
    a.href = item.verdict === "accepted" ? "/console/events/" + encodeURIComponent(item.event_id) : "/console/refused/" + item.seq;
    a.textContent = item.event_type || "unknown";
    type.append(a);
    tr.append(type, cell(short(who(event))), cell(short(what(event, item))));
    rows.prepend(tr);
    while (rows.children.length > MAX_ROWS) rows.lastChild.remove();
  };

  // Filters are applied where the events are: a new question opens a new stream, and stands in the address.
  const asked = () => {
    const wanted = new URLSearchParams();
    for (const [name, value] of new FormData(filters)) if (value.trim()) wanted.set(name, value.trim());
    return wanted.toString();
  };
  let source;
  const connected = () => { if (!paused) state.textContent = "Connected: events appear as they arrive."; };
  const listen = () => {
    if (source) source.close();
    rows.replaceChildren();
    seen.clear();
    held.length = 0;
    source = new EventSource("/console/stream?" + asked());
    source.onopen = connected;
    source.onerror = () => { state.textContent = "The connection is interrupted; trying again."; };
    source.onmessage = (message) => {
      const item = JSON.parse(message.data);
      const name = item.verdict + item.seq;
      if (seen.has(name)) return; // a stream begins with what is there, also after a break
      seen.add(name);
      if (paused) { held.push(item); state.textContent = `Paused: ${held.length} waiting.`; } else show(item);
      if (held.length > MAX_ROWS) held.shift();
    };
  };
  pause.onclick = () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? "Go on" : "Pause";
    if (paused) state.textContent = "Paused.";
    else { held.splice(0).forEach(show); connected(); }
  };
  const ask = () => {
    history.replaceState(null, "", "/console/live" + (asked() ? "?" + asked() : ""));
    listen();
  };
  filters.onchange = ask;
  filters.onsubmit = (submit) => { submit.preventDefault(); ask(); };
  listen();
})();
