// A visit and its order, by the client matomo-tracker: single requests, then a bulk. Arguments: address, site key, server key.
const MatomoTracker = require("matomo-tracker");
const [address, siteKey, serverKey] = process.argv.slice(2);
const matomo = new MatomoTracker(siteKey, address);
matomo.on("error", (error) => {
  console.error(error);
  process.exitCode = 1;
});
const url = "https://shop.example/";
const who = { _id: "0123456789abcdef", uid: "u7", ua: "Mozilla/5.0 (X11; Linux x86_64) Firefox/146.0" };
const now = Math.floor(Date.now() / 1000) - 60;
const items = JSON.stringify([["tee", "Plain tee", ["Shirts", "Cotton"], 19.9, 2]]);
matomo.track({ ...who, url: url + "?mtm_campaign=spring", action_name: "Home", urlref: "https://www.google.com/" });
matomo.track({ ...who, url, search: "tee", search_count: 3, search_cat: "Shirts" });
matomo.trackBulk(
  [
    { ...who, token_auth: serverKey, url, cdt: now, _pks: "tee", _pkn: "Plain tee", _pkc: "Shirts", _pkp: 19.9 },
    { ...who, url, cdt: now + 1, idgoal: 0, ec_items: items, revenue: 39.8 },
    { ...who, url, cdt: now + 2, idgoal: 0, ec_id: "o1", ec_items: items, revenue: 44.7, ec_st: 39.8, ec_sh: 4.9, ec_tx: 0, ec_dt: 0 },
    { ...who, url, cdt: now + 3, e_c: "Coupon", e_a: "Applied", e_n: "spring" },
    { ...who, url, cdt: now + 4, ping: 1 },
  ],
  (answer) => console.log(answer),
);
