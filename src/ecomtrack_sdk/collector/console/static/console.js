// The live page: events as they arrive. Everything that came from outside is written as text, never as markup.
(() => {
  "use strict";
  const MAX_ROWS = 500; // rows kept on the page: older ones are found by their id
  const rows = document.getElementById("events");
  const state = document.getElementById("state");
  const pause = document.getElementById("pause");
  const filters = document.getElementById("filters");
  const held = [];
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
  const fits = (item) => {
    const wanted = new FormData(filters);
    const event = content(item);
    const is = (name, value) => !wanted.get(name) || String(value || "") === wanted.get(name).trim();
    return is("event_type", item.event_type) && is("visitor_id", event.visitor_id) && is("order_id", event.order_id) &&
      is("verdict", item.verdict);
  };
  const show = (item) => {
    const event = content(item);
    const tr = document.createElement("tr");
    tr.item = item;
    tr.hidden = !fits(item);
    tr.append(cell(item.received_at.slice(11, 23)), cell(item.verdict, "verdict " + (item.verdict === "accepted" ? "accepted" : "rejected")));
    const type = cell("");
    if (item.event_id) {
      const a = document.createElement("a");
      a.href = "/console/events/" + encodeURIComponent(item.event_id);
      a.textContent = item.event_type || "unknown";
      type.append(a);
    } else type.textContent = item.event_type || "unknown";
    tr.append(type, cell(short(who(event))), cell(short(what(event, item))));
    rows.prepend(tr);
    while (rows.children.length > MAX_ROWS) rows.lastChild.remove();
  };

  const source = new EventSource("/console/stream");
  source.onopen = () => { state.textContent = "Connected: events appear as they arrive."; };
  source.onerror = () => { state.textContent = "The connection is interrupted; trying again."; };
  source.onmessage = (message) => {
    const item = JSON.parse(message.data);
    if (paused) { held.push(item); state.textContent = `Paused: ${held.length} waiting.`; } else show(item);
  };
  pause.onclick = () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? "Go on" : "Pause";
    if (!paused) { held.splice(0).forEach(show); state.textContent = "Connected: events appear as they arrive."; }
  };
  filters.oninput = () => { for (const tr of rows.children) tr.hidden = !fits(tr.item); };
  filters.onsubmit = (submit) => submit.preventDefault();
})();
