// One of each call of @segment/analytics-node. Arguments: address of the collector, write key.
const { Analytics } = require("@segment/analytics-node");
const [host, writeKey] = process.argv.slice(2);
const analytics = new Analytics({ writeKey, host, flushInterval: 100 });
analytics.on("error", (error) => {
  console.error(error);
  process.exitCode = 1;
});
const userId = "u7";
const products = [{ product_id: "tee", price: 19.9, quantity: 2 }];
analytics.identify({ userId, traits: { email: "ann@example.com", firstName: "Ann" } });
analytics.page({ userId, name: "Home", properties: { url: "https://shop.example/" } });
analytics.track({ userId, event: "Product Viewed", properties: { product_id: "tee", price: 19.9, currency: "EUR" } });
analytics.track({ userId, event: "Order Completed", properties: { order_id: "o1", total: 44.7, shipping: 4.9, currency: "EUR", products } });
analytics.track({ userId, event: "Order Refunded", properties: { order_id: "o1", total: 19.9, currency: "EUR", products: [{ product_id: "tee", quantity: 1 }] } });
analytics.track({ userId, event: "Coupon Applied", properties: { coupon_id: "spring" } });
analytics.alias({ userId, previousId: "visitor-7" });
analytics.closeAndFlush();
