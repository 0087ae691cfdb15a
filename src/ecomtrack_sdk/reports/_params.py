"""The parameters every report understands, and what they mean in microseconds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

__all__ = ["ALL_TIME", "AtLeastOne", "By", "Natural", "Params", "bounds", "in_calendar", "microseconds", "offsets",
           "zone_of"]  # fmt: skip

By = Literal["hour", "day", "week", "month", "quarter", "year"]

ALL_TIME = (-(2**62), 2**62)
"""Bounds that no event is outside of."""

MOST = 1_000_000_000
"""Most a parameter that counts something may be: more than a shop has of anything, less than engines overflow at."""
Natural = Annotated[int, Field(ge=0, le=MOST)]
AtLeastOne = Annotated[int, Field(ge=1, le=MOST)]
FIRST_YEAR, LAST_YEAR = 1900, 2199
"""Between these a time before and a day after can be worked out whatever is asked."""
MOST_RATE = Decimal(10_000_000)
"""Highest rate of a currency: sums of money keep within what an engine holds."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400_000_000
_HOUR = 3_600_000_000
_MICROSECOND = timedelta(microseconds=1)


class Params(BaseModel):
    """Base of every report's parameters. Names are those of the options, with underscores."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, use_attribute_docstrings=True, defer_build=True
    )

    from_: date | datetime | None = Field(None, alias="from")
    """First day (or moment) that counts, in the report's time zone; from the beginning when absent."""
    to: date | datetime | None = None
    """First day (or moment) that no longer counts; to the end when absent."""
    by: By = "month"
    """Length of a period."""
    basis: Literal["order", "action"] = "order"
    """Whether refunds, cancellations and corrections count on the order's date or on their own."""
    time_zone: str = "UTC"
    """IANA name, such as ``Europe/Vienna``: where a day begins."""
    week_start: Literal["monday", "sunday"] = "monday"
    """First day of a week."""
    currency: str | None = None
    """Only this currency (after ``convert``, if that is given)."""
    where: tuple[str, ...] = ()
    """Filters ``FIELD=VALUE``; the same field twice means either value. ``FIELD!=VALUE`` leaves out."""
    convert: str | None = None
    """Turn every amount into this currency, by ``rates``."""
    rates: dict[str, Decimal] = Field(default_factory=dict)
    """Worth of one unit of a currency in ``convert``: ``USD=0.92``."""
    counted: tuple[str, ...] = ()
    """Statuses whose orders are counted, separated by commas; when absent all but ``cancelled`` and ``failed``."""
    compare: Literal["previous", "year"] | None = None
    """Set each figure beside that of the period before, or of the same time a year ago."""

    @field_validator("from_", "to", mode="before")
    @classmethod
    def _moment(cls, value: object) -> object:
        if isinstance(value, str):
            text = value.strip()
            try:
                return date.fromisoformat(text) if len(text) <= 10 else datetime.fromisoformat(text)
            except ValueError:
                raise ValueError("must be a date such as 2026-01-31 or a time such as 2026-01-31T09:30:00") from None
        return value

    @field_validator("from_", "to")
    @classmethod
    def _calendar(cls, value: date | datetime | None) -> date | datetime | None:
        in_calendar(value)
        return value

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        zone_of(value)
        return value

    @field_validator("where", mode="before")
    @classmethod
    def _filters(cls, value: object) -> object:
        texts = [value] if isinstance(value, str) else value
        if isinstance(texts, list | tuple):
            for text in texts:
                if not isinstance(text, str) or "=" not in text[1:]:
                    raise ValueError("must be FIELD=VALUE, such as channel=Email")
            return tuple(texts)
        return texts

    @field_validator("counted", mode="before")
    @classmethod
    def _statuses(cls, value: object) -> object:
        texts = [value] if isinstance(value, str) else value
        if isinstance(texts, list | tuple) and all(isinstance(text, str) for text in texts):
            return tuple(dict.fromkeys(part.strip() for text in texts for part in text.split(",") if part.strip()))
        return texts

    @field_validator("currency", "convert")
    @classmethod
    def _currency(cls, value: str | None) -> str | None:
        from ecomtrack_sdk._currencies import CURRENCIES

        if value is None:
            return None
        if value.upper() not in CURRENCIES:
            raise ValueError("must be an ISO 4217 code such as EUR")
        return value.upper()

    @field_validator("rates", mode="before")
    @classmethod
    def _rates(cls, value: object) -> object:
        texts = [value] if isinstance(value, str) else value
        if isinstance(texts, list | tuple):
            pairs = [str(text).partition("=") for part in texts for text in str(part).split(",") if text.strip()]
            if any(not sign for _, sign, _ in pairs):
                raise ValueError("must be CURRENCY=RATE, such as USD=0.92")
            texts = {code: rate for code, _, rate in pairs}
        if isinstance(texts, dict):
            return {str(code).strip().upper(): str(rate).strip() for code, rate in texts.items()}
        return texts

    @field_validator("rates")
    @classmethod
    def _known_rates(cls, value: dict[str, Decimal]) -> dict[str, Decimal]:
        from ecomtrack_sdk._currencies import CURRENCIES

        for code, rate in value.items():
            if code not in CURRENCIES:
                raise ValueError(f"{code} is not an ISO 4217 code")
            if not rate.is_finite() or rate <= 0:
                raise ValueError(f"the rate of {code} must be above 0")
            if rate > MOST_RATE:
                raise ValueError(f"the rate of {code} must be at most {MOST_RATE:,}")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Params:
        if self.from_ is not None and self.to is not None and bounds(self)[0] >= bounds(self)[1]:
            raise ValueError("from must be before to (to is exclusive)")
        if self.rates and self.convert is None:
            raise ValueError("rates need convert: the currency they lead to")
        return self

    def filters(self) -> list[tuple[str, str, bool]]:
        """Each of ``where``: its field, its value, and whether that is left out."""
        parts = [text.partition("=") for text in self.where]
        return [(name.removesuffix("!").strip(), value, name.endswith("!")) for name, _, value in parts]

    def rates_to_target(self) -> dict[str, Decimal]:
        """Rate of every currency that can be converted, the target itself included; empty without ``convert``."""
        return {} if self.convert is None else {self.convert: Decimal(1), **self.rates}

    def resolved(self) -> dict[str, Any]:
        """As the result repeats them: every parameter, ready for JSON."""
        values: dict[str, Any] = self.model_dump(mode="json", by_alias=True)
        return values


@lru_cache(maxsize=256)
def zone_of(name: str) -> ZoneInfo:
    """The zone of an IANA *name*.

    Raises:
        ValueError: There is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be an IANA time zone such as Europe/Vienna") from None


def microseconds(moment: datetime) -> int:
    """Microseconds since the epoch of an aware time."""
    return (moment - _EPOCH) // _MICROSECOND


def in_calendar(value: date | datetime | None) -> None:
    """Take a date whose neighbours can be reckoned with.

    Raises:
        ValueError: Its year is none of these.
    """
    if value is not None and not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueError(f"must lie in the years {FIRST_YEAR} to {LAST_YEAR}")


def bounds(params: Params) -> tuple[int, int]:
    """``from`` and ``to`` as microseconds since the epoch; the second is exclusive."""
    zone = zone_of(params.time_zone)

    def moment(value: date | datetime | None, otherwise: int) -> int:
        if value is None:
            return otherwise
        if not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day)  # noqa: DTZ001  # the zone follows
        return microseconds(value if value.tzinfo is not None else value.replace(tzinfo=zone))

    return moment(params.from_, ALL_TIME[0]), moment(params.to, ALL_TIME[1])


@lru_cache(maxsize=256)
def offsets(time_zone: str, span: tuple[int, int] | None) -> tuple[tuple[int, int], ...]:
    """The offsets from UTC that hold in *span*, each with the microsecond it begins at.

    The IANA data is walked day by day and a change is then found by halving: two changes within a day are not seen,
    and there were none since 1970.
    """
    zone = zone_of(time_zone)
    low, high = span or (0, 0)
    # A quarter beyond both ends: a period that begins or ends outside the events must still be whole.
    low, high = low - 100 * _DAY, high + 100 * _DAY

    def offset(t: int) -> int:
        try:
            delta = (_EPOCH + timedelta(microseconds=t)).astimezone(zone).utcoffset()
        except OverflowError:
            return 0
        return 0 if delta is None else delta // _MICROSECOND

    found = [(low, offset(low))]
    step = 7 * _DAY
    at = low
    while at < high:
        following = min(at + step, high)
        if offset(following) != offset(at):
            found += _changes(offset, at, following)
        at = following
    return tuple(found)


def _changes(offset: Any, start: int, end: int) -> list[tuple[int, int]]:
    """The change of offset between two moments, to the second: all changes fall on whole seconds."""
    second = 1_000_000
    while end - start > second:
        middle = start + (end - start) // 2
        if offset(middle) == offset(start):
            start = middle
        else:
            end = middle
    exact = end // second * second
    return [(exact, offset(end))]
