"""``manage.py ecomtrack_relay``: hand committed events to the tracker, once or until stopped."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from ecomtrack_sdk.integrations.django import get_tracker
from ecomtrack_sdk.integrations.django_outbox import relay


class Command(BaseCommand):  # type: ignore[misc]  # Django has no types of its own
    """Run one of these beside the shop; several do no harm."""

    help = "Hand the events of committed transactions to the tracker."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Once or for ever, and of which database."""
        parser.add_argument("--once", action="store_true", help="hand over what waits now, deliver it and end")
        parser.add_argument("--interval", type=float, default=1.0, help="seconds between two looks (default 1)")
        parser.add_argument("--using", default="default", help="the database")

    def handle(self, *_: Any, once: bool, interval: float, using: str, **__: Any) -> None:
        """The loop."""
        tracker = get_tracker()
        while True:
            handed = relay(tracker, using=using)
            if once:
                tracker.flush()
                self.stdout.write(f"{handed} events handed over")
                return
            time.sleep(interval)
