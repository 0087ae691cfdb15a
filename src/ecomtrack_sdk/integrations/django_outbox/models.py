"""The table events wait in until the relay has handed them over."""

from __future__ import annotations

from django.db import models


class WaitingEvent(models.Model):  # type: ignore[misc]  # Django has no types of its own
    """One event, written by the transaction it tells of."""

    event_id = models.CharField(max_length=36, unique=True)
    body = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """The table's name, the same whatever the label of the app."""

        db_table = "ecomtrack_outbox"

    def __str__(self) -> str:
        return str(self.event_id)
