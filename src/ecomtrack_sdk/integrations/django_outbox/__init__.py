"""Django: a transactional outbox. The event exists if and only if the order row does.

::

    INSTALLED_APPS = [..., "ecomtrack_sdk.integrations.django_outbox"]  # then: manage.py migrate

    with transaction.atomic():
        order.save()
        add(Order(order_id=order.number, ...))

``manage.py ecomtrack_relay`` hands committed events to the tracker and then deletes them. Dying in between it hands
them over again, under the same event id: the collector counts each once.
"""

# pyright: reportAttributeAccessIssue=false, reportReturnType=false, reportGeneralTypeIssues=false
# pyright: reportAssignmentType=false
# Django has no types of its own, and what a checker infers from its descriptors and decorators is wrong.

from __future__ import annotations

from django.db import connections, transaction

from ecomtrack_sdk._client import Tracker
from ecomtrack_sdk._wire import Valid, encode_event, validate_event
from ecomtrack_sdk.errors import OutboxCorrupt
from ecomtrack_sdk.events import Event
from ecomtrack_sdk.integrations._carried import fill

__all__ = ["add", "relay"]


def add(event: Event, *, using: str | None = None, currency: str | None = None) -> str:
    """Write *event* in the current transaction; it is told when, and only when, that commits.

    The visitor of the request goes with it, as with ``track``.

    Args:
        event: The event.
        using: Database of the transaction; Django's default otherwise.
        currency: For amounts without one.

    Returns:
        The event's id.

    Raises:
        MissingCurrency: An amount, no currency, no default.
        TooLarge: The event is over the limit of the wire.
        django.db.IntegrityError: An event of that id is waiting already.
    """
    from ecomtrack_sdk.integrations.django_outbox.models import WaitingEvent

    body = encode_event(event, default_currency=currency, fill=fill()).decode()
    WaitingEvent.objects.using(using).create(event_id=event.event_id, body=body)
    return event.event_id


def relay(tracker: Tracker, *, using: str = "default", batch: int = 500) -> int:
    """Hand all committed events to *tracker*, in the order they were written. Several relays may run at once.

    Returns:
        Events handed over.

    Raises:
        OutboxCorrupt: A row is no event of ours; the ones before it have been handed over.
    """
    from ecomtrack_sdk.integrations.django_outbox.models import WaitingEvent

    handed = 0
    waiting = WaitingEvent.objects.using(using).order_by("id")
    if connections[using].features.has_select_for_update_skip_locked:
        waiting = waiting.select_for_update(skip_locked=True)
    while True:
        done: list[int] = []
        problem: OutboxCorrupt | None = None
        with transaction.atomic(using=using):
            rows = list(waiting[:batch])
            for row in rows:
                read = validate_event(row.body.encode())
                if not isinstance(read, Valid):
                    problem = OutboxCorrupt(f"row {row.pk} cannot be told: {read.errors[0].loc} {read.errors[0].msg}")
                    break
                tracker.track(read.event)
                done.append(row.pk)
            WaitingEvent.objects.using(using).filter(pk__in=done).delete()
        handed += len(done)
        if problem is not None:
            raise problem
        if len(rows) < batch:
            return handed
