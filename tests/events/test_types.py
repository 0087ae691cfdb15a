"""Amounts, currencies, times and ids: what passes, what does not, and what it says then."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import uuid
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from ecomtrack_sdk import Item, Order, ViewPage, new_event_id, source_id
from ecomtrack_sdk._amounts import parse_amount, parse_non_negative, parse_quantity
from ecomtrack_sdk._types import Amount, Currency, Timestamp

amounts: TypeAdapter[Decimal] = TypeAdapter(Amount)
times: TypeAdapter[datetime] = TypeAdapter(Timestamp)
currencies: TypeAdapter[str] = TypeAdapter(Currency)


@pytest.mark.parametrize(
    ("given_", "text"),
    [
        ("19.90", "19.90"),
        ("0", "0"),
        ("-5", "-5"),
        ("00012.5", "12.5"),
        (7, "7"),
        (123_456, "123456"),
        (-3, "-3"),
        (10**14 - 1, "99999999999999"),
        (Decimal("19.90"), "19.90"),
        (Decimal("175.0000"), "175.0000"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0E-9"), "0.0000"),
        (Decimal("1.50000"), "1.5000"),
        ("99999999999999.9999", "99999999999999.9999"),
    ],
)
def test_amounts_that_pass(given_: Any, text: str) -> None:
    """Strings, ints and Decimals become exact Decimals; twice over, because the second time they are known."""
    for _ in range(2):
        assert str(parse_amount(given_)) == text
        assert amounts.validate_python(given_) == Decimal(text)


@pytest.mark.parametrize(
    "wrong",
    [19.90, 2.0, 0.0, float("nan"), float("inf"), True, False, None, [], {}, b"5", object(), "",
     " 5", "5 ", "+5", "1e3", "1_000", "1,5", "NaN", "\u0665", "5.", ".5", "5.00001", "100000000000000", 10**14,
     -(10**14), Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("1.00001"), Decimal("1E+14"), "5\n",
     5j],
)  # fmt: skip
def test_amounts_that_do_not_pass(wrong: Any) -> None:
    """Floats, flags, exponents in text, too many digits: refused, also after an equal number was known."""
    for known in ("2", 2, Decimal(2), "0", 0, "1", 1, "1000", Decimal("1E+3"), Decimal("1E+13")):
        parse_amount(known)
        parse_non_negative(known)
        if known not in (0, "0"):
            parse_quantity(known)
    for parse in (parse_amount, parse_non_negative, parse_quantity):
        with pytest.raises(ValueError, match=r"."):
            parse(wrong)
    with pytest.raises(ValidationError):
        amounts.validate_python(wrong)


def test_bounds_of_amounts() -> None:
    """Prices are 0 or more, quantities above 0; known amounts are checked like new ones."""
    for _ in range(2):
        for zero in ("0", 0, Decimal(0), "0.00", "-0"):
            assert parse_non_negative(zero) == 0
            with pytest.raises(ValueError, match="above 0"):
                parse_quantity(zero)
        for below in ("-1", -1, Decimal(-1), "-0.0001"):
            for parse in (parse_non_negative, parse_quantity):
                with pytest.raises(ValueError, match="must be"):
                    parse(below)
        for above in ("1", 1, Decimal(1), "0.0001"):
            assert parse_non_negative(above) == parse_quantity(above) == Decimal(str(above))


def test_what_is_known_is_forgotten_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory for known amounts is bounded, and the answers stay right."""
    from ecomtrack_sdk import _amounts

    monkeypatch.setattr(_amounts, "_KNOWN_LIMIT", 10)
    for number in range(100):
        assert parse_non_negative(f"{number}.25") == Decimal(f"{number}.25")
        assert len(_amounts._KNOWN) <= 10
        assert len(_amounts._KNOWN_POSITIVE) <= 10


@given(st.decimals(allow_nan=True, allow_infinity=True) | st.text() | st.integers() | st.floats())
def test_an_amount_is_exact_or_refused(value: object) -> None:
    """What passes equals what was given, and its text is plain."""
    try:
        amount = parse_amount(value)
    except ValueError:
        return
    assert amount == (Decimal(value) if isinstance(value, str) else value)
    assert set(str(amount)) <= set("-0123456789.")
    assert parse_amount(str(amount)) == amount


def test_an_error_names_the_field_and_hides_the_value() -> None:
    """A validation error can be logged."""
    with pytest.raises(ValidationError) as caught:
        Order(order_id="o", currency="EUR", items=[{"product_id": "p", "price": 1.2345678}])
    text = str(caught.value)
    assert "items.0.price" in text
    assert "must not be a float" in text
    assert "1.2345678" not in text


def test_subclasses_of_numbers_and_text() -> None:
    """A str subclass is text; an int subclass that is a flag is none; a Decimal subclass comes out as Decimal."""

    class Text(str):
        __slots__ = ()

        def __str__(self) -> str:
            return "1E+9"

    class Price(Decimal):
        pass

    assert parse_amount(Text("5.5")) == Decimal("5.5")
    assert type(parse_amount(Price("5.5"))) is Decimal
    with pytest.raises(ValueError, match="plain"):
        parse_amount("1E+9")


class Odd(tzinfo):
    """A zone that knows no offset."""

    def utcoffset(self, _: datetime | None) -> timedelta | None:
        return None


@pytest.mark.parametrize(
    ("given_", "iso"),
    [
        ("2026-01-31T09:30:00+01:00", "2026-01-31T08:30:00+00:00"),
        ("2026-01-31T09:30:00Z", "2026-01-31T09:30:00+00:00"),
        ("2026-01-31 09:30:00.123456+00:00", "2026-01-31T09:30:00.123456+00:00"),
        (datetime(2026, 1, 31, tzinfo=UTC), "2026-01-31T00:00:00+00:00"),
        (datetime(2026, 7, 1, 2, tzinfo=timezone(timedelta(hours=2))), "2026-07-01T00:00:00+00:00"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+00:00"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999+00:00"),
    ],
)
def test_times_that_pass(given_: Any, iso: str) -> None:
    """Aware times and ISO 8601 with an offset become UTC, to the microsecond."""
    moment = times.validate_python(given_)
    assert moment.isoformat() == iso
    assert type(moment) is datetime
    assert moment.tzinfo is UTC


@pytest.mark.parametrize(
    "wrong",
    [
        "2026-01-31T09:30:00",
        "2026-01-31",
        "",
        "now",
        "2026-13-01T00:00:00Z",
        "2026-W05-6T09:30:00Z",
        "20260131T093000Z",
        "2026-01-31x09:30:00Z",
        "2026-01-31T\u06609:30:00Z",
        datetime(2026, 1, 31),
        datetime(2026, 1, 31, tzinfo=Odd()),
        date(2026, 1, 31),
        1_769_850_000,
        1_769_850_000.5,
        None,
        [],
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
    ],
)
def test_times_that_do_not_pass(wrong: Any) -> None:
    """Naive times, dates, bare numbers and moments outside the calendar are refused."""
    with pytest.raises(ValidationError):
        times.validate_python(wrong)
    if isinstance(wrong, str):
        with pytest.raises(ValidationError):
            ViewPage(occurred_at=wrong)  # type: ignore[arg-type]


def test_a_datetime_of_another_library_comes_out_plain() -> None:
    """Subclasses (pandas, pendulum) are written like any other."""

    class Stamp(datetime):
        def isoformat(self, *_: Any) -> str:  # type: ignore[override]
            raise AssertionError

    moment = times.validate_python(Stamp(2026, 1, 31, 1, tzinfo=timezone(timedelta(hours=1))))
    assert type(moment) is datetime
    assert moment == datetime(2026, 1, 31, tzinfo=UTC)
    same = times.validate_python(Stamp(2026, 1, 31, tzinfo=UTC))
    assert type(same) is datetime


@pytest.mark.parametrize(("given_", "code"), [("EUR", "EUR"), ("eur", "EUR"), ("Chf", "CHF")])
def test_currencies_that_pass(given_: str, code: str) -> None:
    """ISO 4217 codes in any case."""
    assert currencies.validate_python(given_) == code


@pytest.mark.parametrize("wrong", ["", "EURO", "€", "ZZZ", None, 978, [], {}, b"EUR"])
def test_currencies_that_do_not_pass(wrong: Any) -> None:
    """Everything else."""
    with pytest.raises(ValidationError, match="ISO 4217"):
        currencies.validate_python(wrong)


def test_a_fresh_id_is_a_uuid_of_version_7() -> None:
    """Version, variant and the millisecond in front, so that ids sort by time; none comes twice."""
    ids = [new_event_id() for _ in range(5_000)]
    assert len(set(ids)) == len(ids)
    for text in ids[:200]:
        parsed = uuid.UUID(text)
        assert (parsed.version, parsed.variant, str(parsed)) == (7, uuid.RFC_4122, text)
    assert [text[:13] for text in ids] == sorted(text[:13] for text in ids)
    moment = int(ids[0].replace("-", "")[:12], 16) / 1000
    assert abs(moment - datetime.now(UTC).timestamp()) < 600


def test_ids_made_in_threads_differ() -> None:
    """Two threads never draw the same random end."""
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.extend(new_event_id() for _ in range(2_000))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({text[14:] for text in found}) == 16_000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_fork_does_not_share_ids() -> None:
    """Parent and child draw their own random ends after a fork."""
    program = (
        "import os, sys\n"
        "from ecomtrack_sdk import new_event_id\n"
        "new_event_id()\n"
        "read, write = os.pipe()\n"
        "child = os.fork()\n"
        "ids = [new_event_id()[14:] for _ in range(50)]\n"
        "if child == 0:\n"
        "    os.write(write, ' '.join(ids).encode()); os._exit(0)\n"
        "os.close(write); os.waitpid(child, 0)\n"
        "theirs = os.read(read, 65536).decode().split()\n"
        "print(len(theirs), len(set(ids) & set(theirs)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["50", "0"]


def test_the_id_of_a_record_is_the_same_each_time() -> None:
    """A second import makes the same ids; other records and other systems make others. The value is for ever."""
    assert source_id("crm", "order", "1") == "6e420ef7-08a5-5670-8823-0dd5ca8cf215"
    assert source_id("crm", "order", "1") != source_id("crm", "order1")
    assert source_id("crm", "1") != source_id("erp", "1")
    assert uuid.UUID(source_id("crm", "1")).version == 5


@pytest.mark.parametrize(
    "wrong", ["", "x", "0" * 36, str(uuid.UUID(int=7))[:-1], "{" + str(uuid.UUID(int=7)) + "}", 5, uuid.UUID(int=7)]
)
def test_event_ids_are_uuids_as_text(wrong: Any) -> None:
    """Nothing else identifies an event."""
    with pytest.raises(ValidationError):
        ViewPage(event_id=wrong)


def test_event_ids_are_lower_case() -> None:
    """The same id in capitals is the same event."""
    text = str(uuid.uuid4())
    assert ViewPage(event_id=text.upper()).event_id == text


@pytest.mark.parametrize("wrong", ["", "x" * 256, "a\nb", "\x00", "\x7f", 5, None, b"x"])
def test_shop_ids_are_bounded_text(wrong: Any) -> None:
    """1 to 255 characters without control characters."""
    with pytest.raises(ValidationError):
        Item(product_id=wrong)
    assert Item(product_id="ä" * 255).product_id == "ä" * 255


def test_text_of_an_enum_is_text() -> None:
    """Shops keep their words in enums and marked-up strings."""

    class Method(StrEnum):
        CARD = "card"

    class Safe(str):
        __slots__ = ()

    order = Order(order_id=Safe("o"), items=[], currency="EUR", payment_method=Method.CARD, status=Safe("paid"))
    assert (order.order_id, order.payment_method, order.status) == ("o", "card", "paid")
    assert b'"payment_method":"card"' in order.model_dump_json().encode()
