"""The life of one e-mail to one recipient (``customer``)."""

from __future__ import annotations

from typing import Literal

from ecomtrack_sdk._types import Count, Id, Text, Url
from ecomtrack_sdk.events.base import Event

__all__ = [
    "EmailBounced",
    "EmailClicked",
    "EmailComplained",
    "EmailDelivered",
    "EmailOpened",
    "EmailSent",
    "EmailUnsubscribed",
]


class EmailEvent(Event):
    """What all seven share."""

    message_id: Id
    """One message to one recipient."""
    campaign: Id | None = None
    variant: Id | None = None
    """Arm of an A/B test."""


class EmailSent(EmailEvent):
    """Handed to the mail system."""

    type: Literal["email_sent"] = "email_sent"


class EmailDelivered(EmailEvent):
    """Taken by the recipient's mail server."""

    type: Literal["email_delivered"] = "email_delivered"


class EmailBounced(EmailEvent):
    """Sent back."""

    type: Literal["email_bounced"] = "email_bounced"
    reason: Text | None = None
    """What the mail server said."""


class EmailOpened(EmailEvent):
    """Its pixel was loaded; mail programs that load it for everybody inflate this."""

    type: Literal["email_opened"] = "email_opened"


class EmailClicked(EmailEvent):
    """A link in it was followed."""

    type: Literal["email_clicked"] = "email_clicked"
    link: Url | None = None
    link_position: Count | None = None
    """Which link of the message, counted from 1 at the top: the click map needs it."""


class EmailUnsubscribed(EmailEvent):
    """The recipient wants no more."""

    type: Literal["email_unsubscribed"] = "email_unsubscribed"
    reason: Text | None = None


class EmailComplained(EmailEvent):
    """The recipient called it spam."""

    type: Literal["email_complained"] = "email_complained"
