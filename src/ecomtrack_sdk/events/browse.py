"""Looking around: pages, searches, articles, categories, products."""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue, model_validator

from ecomtrack_sdk._types import Count, Currency, Id, Seq, Text, default
from ecomtrack_sdk.events.base import Event, check_custom
from ecomtrack_sdk.events.item import Product

__all__ = ["Search", "ViewArticle", "ViewCategory", "ViewPage", "ViewProduct"]


class ViewPage(Event):
    """A page was shown. Source: Segment *Page*, GA4 *page_view*."""

    type: Literal["view_page"] = "view_page"
    title: Text | None = None
    page_type: Id | None = None
    """The shop's own kind of page, such as ``home`` or ``help``."""


class Search(Event):
    """The shop's search was used. Source: Segment *Products Searched*."""

    type: Literal["search"] = "search"
    query: Text
    """What was typed."""
    results_count: Count | None = None
    """Results shown; 0 tells the search report what the shop lacks."""
    filters: dict[str, JsonValue] | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Search:
        check_custom(self.filters)
        return self


class ViewArticle(Event):
    """An article of the blog or magazine was shown. Source: Metrilo *viewArticle*."""

    type: Literal["view_article"] = "view_article"
    article_id: Id
    title: Text | None = None


class ViewCategory(Event):
    """A category or list of products was shown. Source: Segment *Product List Viewed*, GA4 *view_item_list*."""

    type: Literal["view_category"] = "view_category"
    category_id: Id
    name: Text | None = None
    products: Seq[Product] = default(())
    """The products shown, in their order."""
    currency: Currency | None = None
    """Currency of the products' prices."""

    def amount_without_currency(self) -> str | None:
        if self.currency is None:
            for index, product in enumerate(self.products):
                if product.price is not None:
                    return f"products.{index}.price"
        return None


class ViewProduct(Event):
    """A product's page was shown. Source: Segment *Product Viewed*, GA4 *view_item*."""

    type: Literal["view_product"] = "view_product"
    product: Product
    currency: Currency | None = None
    """Currency of the price; needed when the product has one."""

    def amount_without_currency(self) -> str | None:
        return "product.price" if self.currency is None and self.product.price is not None else None
