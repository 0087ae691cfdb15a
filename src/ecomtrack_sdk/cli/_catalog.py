"""The demo's shop: an outdoor store's goods, its visitors' ways in, its customers' names. All of it is made up."""

from __future__ import annotations

from typing import NamedTuple

from ecomtrack_sdk.events import Item, Product

__all__ = [
    "ARTICLES",
    "CAMPAIGNS",
    "COUNTRIES",
    "FIRST_NAMES",
    "GOODS",
    "LAST_NAMES",
    "SEARCHES",
    "WAYS",
    "Goods",
    "Way",
]


class Goods(NamedTuple):
    """One article of the shop; the price is in euros."""

    product_id: str
    name: str
    brand: str
    categories: tuple[str, ...]
    price: int
    appeal: int
    """How often it is looked at, against the others."""
    returns: float
    """Share of sold units that come back."""

    def product(self, rate: float) -> Product:
        """As an event shows it, in a currency worth *rate* of a euro."""
        return Product(
            product_id=self.product_id,
            name=self.name,
            brand=self.brand,
            categories=self.categories,
            price=f"{self.price * rate:.2f}",
        )

    def item(self, rate: float, quantity: int) -> Item:
        """As a line of a cart or an order."""
        return Item(
            product_id=self.product_id,
            name=self.name,
            brand=self.brand,
            categories=self.categories,
            price=f"{self.price * rate:.2f}",
            quantity=quantity,
        )


GOODS = (
    Goods("tent-2p", "Fjell tent for two", "Nordkap", ("Camping", "Tents"), 289, 8, 0.05),
    Goods("tent-4p", "Fjell tent for four", "Nordkap", ("Camping", "Tents"), 449, 4, 0.06),
    Goods("bag-down", "Down sleeping bag", "Nordkap", ("Camping", "Sleeping bags"), 219, 6, 0.08),
    Goods("bag-light", "Summer sleeping bag", "Alba", ("Camping", "Sleeping bags"), 89, 7, 0.06),
    Goods("mat-air", "Air mat", "Alba", ("Camping", "Mats"), 79, 9, 0.04),
    Goods("mat-foam", "Foam mat", "Alba", ("Camping", "Mats"), 24, 6, 0.02),
    Goods("stove-gas", "Gas stove", "Flint", ("Camping", "Cooking"), 54, 8, 0.02),
    Goods("pot-set", "Titanium pot set", "Flint", ("Camping", "Cooking"), 69, 5, 0.03),
    Goods("lamp-head", "Head lamp 400", "Flint", ("Camping", "Light"), 39, 11, 0.03),
    Goods("boots-gtx-m", "Ridge boots, men", "Grat", ("Footwear", "Boots"), 189, 14, 0.24),
    Goods("boots-gtx-w", "Ridge boots, women", "Grat", ("Footwear", "Boots"), 189, 15, 0.22),
    Goods("shoes-trail", "Trail running shoes", "Grat", ("Footwear", "Running"), 129, 13, 0.19),
    Goods("sandals", "River sandals", "Grat", ("Footwear", "Sandals"), 69, 7, 0.12),
    Goods("socks-merino", "Merino socks", "Alba", ("Footwear", "Socks"), 18, 16, 0.01),
    Goods("jacket-rain-m", "Rain jacket, men", "Luv", ("Clothing", "Jackets"), 159, 11, 0.17),
    Goods("jacket-rain-w", "Rain jacket, women", "Luv", ("Clothing", "Jackets"), 159, 13, 0.18),
    Goods("jacket-down", "Down jacket", "Luv", ("Clothing", "Jackets"), 229, 10, 0.15),
    Goods("fleece", "Fleece jumper", "Luv", ("Clothing", "Layers"), 79, 10, 0.09),
    Goods("shirt-merino", "Merino shirt", "Alba", ("Clothing", "Layers"), 64, 12, 0.07),
    Goods("trousers", "Trekking trousers", "Luv", ("Clothing", "Trousers"), 99, 11, 0.16),
    Goods("pack-45", "Trekking pack 45", "Nordkap", ("Packs", "Trekking"), 169, 8, 0.07),
    Goods("pack-22", "Day pack 22", "Nordkap", ("Packs", "Day packs"), 89, 11, 0.05),
    Goods("bottle", "Steel bottle", "Flint", ("Accessories", "Bottles"), 26, 12, 0.01),
    Goods("poles", "Folding poles", "Grat", ("Accessories", "Poles"), 119, 7, 0.05),
    Goods("map-alps", "Map of the Alps", "Flint", ("Accessories", "Maps"), 14, 5, 0.01),
    Goods("cream", "Sun cream 50", "Alba", ("Accessories", "Care"), 12, 8, 0.0),
)


class Way(NamedTuple):
    """How a visit begins."""

    weight: int
    referrer: str | None = None
    query: str = ""
    """Of the landing page: campaign and click id."""
    buys: float = 1.0
    """How willing to buy, against the mean."""


WAYS = (
    Way(26, "https://www.google.com/", "", 1.1),
    Way(6, "https://www.bing.com/", "", 1.0),
    Way(15, "https://www.google.com/", "utm_source=google&utm_medium=cpc&utm_campaign=brand&gclid=demo", 1.5),
    Way(9, "https://www.google.com/", "utm_source=google&utm_medium=cpc&utm_campaign=boots&gclid=demo", 0.9),
    Way(8, "https://l.instagram.com/", "utm_source=instagram&utm_medium=paid_social&utm_campaign=summer", 0.5),
    Way(5, "https://m.facebook.com/", "", 0.5),
    Way(4, "https://www.youtube.com/", "", 0.4),
    Way(4, "https://chatgpt.com/", "", 1.3),
    Way(5, "https://bergblog.example/", "", 0.9),
    Way(4, None, "utm_source=vouchers.example&utm_medium=affiliate&utm_campaign=ten-off", 1.7),
    Way(14, None, "", 1.4),
)
"""Ways in beside the newsletter, which is sent and clicked on its own."""

CAMPAIGNS = ("spring-hiking", "tent-week", "summer-sale", "autumn-layers", "winter-boots", "gift-guide")
SEARCHES = (
    ("boots", 9),
    ("tent", 6),
    ("rain jacket", 7),
    ("merino", 5),
    ("kids boots", 0),
    ("gift card", 0),
    ("poles", 2),
)
"""What people look for, and how many results they see."""
ARTICLES = (("how-to-choose-boots", "How to choose boots"), ("packing-list", "What to pack for three days"))
COUNTRIES = (("DE", "EUR", 1.0, 60), ("AT", "EUR", 1.0, 18), ("CH", "CHF", 0.95, 14), ("US", "USD", 1.1, 8))
"""Country, currency, its price of a euro, weight."""
FIRST_NAMES = ("Anna", "Ben", "Clara", "David", "Eva", "Finn", "Greta", "Hannes", "Ida", "Jonas", "Klara", "Leo", "Mia",
               "Noah", "Olga", "Paul", "Rosa", "Simon", "Tina", "Vera")  # fmt: skip
LAST_NAMES = ("Auer", "Bauer", "Costa", "Dubois", "Egger", "Fischer", "Gruber", "Huber", "Ito", "Jansen", "Keller",
              "Lang", "Maier", "Novak", "Olsen", "Pichler", "Rossi", "Schmid", "Taylor", "Wagner")  # fmt: skip
