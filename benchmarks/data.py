"""What a shop has in its hands when it tracks: plain rows, the same for every SDK."""

from __future__ import annotations

ITEMS = 8


def order_row(number: int) -> dict:
    """An order of eight lines with customer, two addresses and context: 3.5 kB of JSON."""
    address = {
        "name": "Maria Beispiel",
        "line1": "Musterstrasse 12",
        "city": "Wien",
        "region": "Wien",
        "postal_code": "1010",
        "country": "AT",
    }
    return {
        "order_id": f"order-{number}",
        "currency": "EUR",
        "status": "paid",
        "items": [
            {
                "product_id": f"product-{(number * 7 + line) % 5000}",
                "variant_id": f"variant-{line}",
                "sku": f"SKU-{(number * 7 + line) % 5000:05d}-{line}",
                "name": f"Shirt, organic cotton, model {(number + line) % 400}",
                "brand": "Example & Daughters",
                "categories": ["Clothing", "Shirts"],
                "price": f"{19 + (number + line) % 60}.90",
                "quantity": 1 + (number + line) % 3,
                "discount": "1.50",
                "tax": "3.32",
                "url": f"https://shop.example/p/{(number * 7 + line) % 5000}",
            }
            for line in range(ITEMS)
        ],
        "discount": "5.00",
        "shipping": "4.90",
        "coupons": ["WELCOME5"],
        "payment_method": "card",
        "shipping_address": address,
        "billing_address": address,
        "customer": {
            "id": f"customer-{number % 20000}",
            "email": f"maria{number % 20000}@example.com",
            "first_name": "Maria",
            "last_name": "Beispiel",
        },
        "visitor_id": f"visitor-{number % 50000}",
        "context": context(f"https://shop.example/checkout/done?order={number}"),
    }


def view_row(number: int) -> dict:
    """A product view: 0.6 kB of JSON."""
    return {
        "product": {
            "product_id": f"product-{number % 5000}",
            "name": f"Shirt, organic cotton, model {number % 400}",
            "categories": ["Clothing", "Shirts"],
            "price": f"{19 + number % 60}.90",
        },
        "currency": "EUR",
        "visitor_id": f"visitor-{number % 50000}",
        "context": context(f"https://shop.example/p/{number % 5000}?utm_source=newsletter&utm_medium=email"),
    }


def context(url: str) -> dict:
    return {
        "url": url,
        "referrer": "https://shop.example/c/shirts",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0",
        "ip": "203.0.113.7",
        "locale": "de-AT",
    }


ROWS = {"order": order_row, "view": view_row}
