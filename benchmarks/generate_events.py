"""A believable shop's events in any number: NDJSON on stdout, a file, or straight into an event log.

    python benchmarks/generate_events.py 1_000_000 --out events.jsonl
    python benchmarks/generate_events.py 1_000_000 --log DIR

One year, visits that look, read, add, check out and order; 2.5 % of events are orders, one order in ten is refunded in
part, one in forty cancelled. They come in the order in which they happened, but for one in a hundred that is up to two
days late, as from a phone without a network. The same number gives the same events each time.
"""

from __future__ import annotations

import argparse
import heapq
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

START = 1_735_689_600_000_000  # 2025-01-01, microseconds
YEAR = 365 * 86_400_000_000
SOURCES = [
    ("google", "cpc", "spring", "https://www.google.com/"),
    (None, None, None, "https://www.google.com/"),
    ("newsletter", "email", "weekly", None),
    ("facebook", "paid_social", "boots", "https://m.facebook.com/"),
    (None, None, None, "https://blog.example.org/best"),
    (None, None, None, None),
    (None, None, None, None),
]
AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0 Safari/537.36"
CATEGORIES = ["Shoes", "Hats", "Coats", "Bags", "Socks"]


def stamp(t: int) -> str:
    seconds, micros = divmod(t, 1_000_000)
    moment = time.gmtime(seconds)
    return time.strftime("%Y-%m-%dT%H:%M:%S", moment) + f".{micros:06d}Z"


def product(number: int) -> str:
    category = CATEGORIES[number % len(CATEGORIES)]
    return (
        f'"product_id":"p{number}","name":"Product {number}","brand":"B{number % 40}",'
        f'"categories":["{category}","{category} {number % 7}"],"price":"{5 + number % 90}.90"'
    )


Made = tuple[str, str, int, str]
"""Event id, type, microseconds, JSON."""
EVENTS_A_VISIT = 5


def events(count: int) -> Iterator[Made]:
    """About *count* events in the order of their arrival."""
    late = random.Random(11)
    waiting: list[tuple[int, Made]] = []
    for start, made in visits(count):
        while waiting and waiting[0][0] < start:
            yield heapq.heappop(waiting)[1]
        for event in made:
            delay = late.randrange(2 * 86_400_000_000) if late.random() < 0.01 else 0
            heapq.heappush(waiting, (event[2] + delay, event))
    while waiting:
        yield heapq.heappop(waiting)[1]


def visits(count: int) -> Iterator[tuple[int, list[Made]]]:
    """Moment and events of each visit, in the order of these moments."""
    chance = random.Random(7)
    made, visit, orders = 0, 0, 0
    while made < count:
        visit += 1
        found: list[Made] = []
        visitor = f"v{chance.randrange(max(1, count // 12)):07d}"
        customer = f'"customer":{{"id":"c{visitor}","email":"c{visitor}@example.com"}},'
        start = t = START + visit * (YEAR * EVENTS_A_VISIT // count)
        source, medium, campaign, referrer = SOURCES[chance.randrange(len(SOURCES))]
        landing = f'"referrer":"{referrer}",' if referrer else ""
        if source:
            landing += f'"utm_source":"{source}","utm_medium":"{medium}","utm_campaign":"{campaign}",'
        steps = 1 + int(chance.expovariate(0.25))
        items: list[str] = []
        for step in range(steps):
            t += int(chance.expovariate(1 / 40) * 1e6) + 1_000_000
            number = int(chance.paretovariate(1.2)) % 2_000
            first = landing if step == 0 else ""
            page = f'"context":{{"url":"https://shop.example/p/{number}",{first}"user_agent":"{AGENT}"}}'
            head = f'"visitor_id":"{visitor}",{page},'
            draw = chance.random()
            if draw < 0.55:
                kind, body = "view_product", f'"product":{{{product(number)}}},"currency":"EUR"'
            elif draw < 0.70:
                kind, body = "view_category", f'"category_id":"{CATEGORIES[number % 5]}"'
            elif draw < 0.78:
                kind, body = "search", f'"query":"thing {number % 300}","results_count":{number % 9}'
            elif draw < 0.90:
                kind = "add_to_cart"
                line = f'{{{product(number)},"quantity":"{1 + number % 2}"}}'
                items.append(line)
                body = f'"item":{line},"cart_id":"cart{visit}","currency":"EUR"'
            elif draw < 0.95:
                kind, body = "view_page", '"page_type":"help"'
            else:
                kind, body = "view_article", f'"article_id":"a{number % 50}","title":"Article {number % 50}"'
            made += 1
            found.append(_event(made, kind, t, head, body))
        if items and chance.random() < 0.6:
            t += 30_000_000
            made += 1
            body = f'"items":[{",".join(items)}],"cart_id":"cart{visit}","currency":"EUR"'
            found.append(_event(made, "start_checkout", t, f'"visitor_id":"{visitor}",', body))
            if chance.random() < 0.55:
                orders += 1
                made += 1
                t += 60_000_000
                body = (
                    f'"order_id":"o{orders}","currency":"EUR","status":"paid","shipping":"4.90","cart_id":"cart{visit}",'
                    f'"payment_method":"{"card" if orders % 3 else "paypal"}","items":[{",".join(items)}]'
                )
                found.append(_event(made, "order", t, f'"visitor_id":"{visitor}",{customer}', body))
                after = chance.random()
                if after < 0.9:
                    made += 1
                    status = "cancelled" if after < 0.025 else "shipped"
                    body = f'"order_id":"o{orders}","status":"{status}"'
                    found.append(_event(made, "order_update", t + 86_400_000_000, "", body))
                if after > 0.91:
                    made += 1
                    back = items[0].split(",", 1)[0].removeprefix("{")
                    body = (
                        f'"refund_id":"r{orders}","order_id":"o{orders}","currency":"EUR","reason":"too small",'
                        f'"items":[{{{back}}}]'
                    )
                    found.append(_event(made, "refund", t + 9 * 86_400_000_000, "", body))
        yield start, found


def _event(number: int, kind: str, t: int, head: str, body: str) -> tuple[str, str, int, str]:
    event_id = f"{t // 1000:012x}"
    event_id = f"{event_id[:8]}-{event_id[8:]}-7{number >> 48 & 0xFFF:03x}-8000-{number:012x}"
    return event_id, kind, t, f'{{"type":"{kind}","event_id":"{event_id}","occurred_at":"{stamp(t)}",{head}{body}}}'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=lambda text: int(text.replace("_", "")))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--log", type=Path, help="a collector's data directory: events.db is written")
    given = parser.parse_args()
    if given.log is None:
        with given.out.open("w") if given.out else sys.stdout as out:
            out.writelines(f"{raw}\n" for _, _, _, raw in events(given.count))
        return
    from ecomtrack_sdk.store import LogEntry, SqliteStore

    given.log.mkdir(parents=True, exist_ok=True)
    store = SqliteStore(given.log / "events.db")
    batch = []
    for event_id, kind, t, raw in events(given.count):
        batch.append(LogEntry(event_id, kind, t, t + 1_000_000, "server", raw.encode()))
        if len(batch) == 5_000:
            store.append(batch)
            batch = []
    if batch:
        store.append(batch)
    store.close()


if __name__ == "__main__":
    main()
