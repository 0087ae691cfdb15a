"""One class for each peer, with its defaults; each is handed the same plain row. Amounts are texts, which all can take.

``large=True`` makes the queue large enough to hold a run, so that none is fast by dropping events; the loss table is
made with the queues as they come.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

QUEUE = 1_000_000


class Segment:
    package = "segment-analytics-python"

    def __init__(self, url: str, directory: str, *, large: bool) -> None:
        from segment.analytics.client import Client

        self.client = Client("benchmark", host=url, **({"max_queue_size": QUEUE} if large else {}))

    def order(self, row: dict) -> object:
        context = {"page": row["context"], "traits": row["customer"]}
        return self.client.track(row["customer"]["id"], "Order Completed", row, context, anonymous_id=row["visitor_id"])

    def view(self, row: dict) -> object:
        return self.client.track(
            None, "Product Viewed", row["product"], {"page": row["context"]}, anonymous_id=row["visitor_id"]
        )

    def flush(self) -> None:
        self.client.flush()

    def close(self) -> None:
        self.client.flush()
        self.client.join()


class Rudder(Segment):
    package = "rudder-sdk-python"

    def __init__(self, url: str, directory: str, *, large: bool) -> None:
        from rudderstack.analytics.client import Client

        self.client = Client("benchmark", host=url, **({"max_queue_size": QUEUE} if large else {}))


class Posthog:
    package = "posthog"

    def __init__(self, url: str, directory: str, *, large: bool) -> None:
        from posthog import Posthog as Client

        self.client = Client("benchmark", host=url, disable_geoip=False, **({"max_queue_size": QUEUE} if large else {}))

    def order(self, row: dict) -> object:
        return self.client.capture("Order Completed", distinct_id=row["customer"]["id"], properties=row)

    def view(self, row: dict) -> object:
        return self.client.capture("Product Viewed", distinct_id=row["visitor_id"], properties=row)

    def flush(self) -> None:
        self.client.flush()

    def close(self) -> None:
        self.client.flush()
        self.client.shutdown()


class Snowplow:
    """The emitter with a thread; ``create_tracker()`` would give the one that sends inside the call."""

    package = "snowplow-tracker"

    def __init__(self, url: str, directory: str, *, large: bool) -> None:
        from snowplow_tracker import AsyncEmitter, SelfDescribing, SelfDescribingJson, Tracker

        place = urlsplit(url)
        settings: dict[str, Any] = {"buffer_capacity": QUEUE} if large else {}
        self.emitter = AsyncEmitter(place.hostname, protocol="http", port=place.port, method="post", **settings)
        self.tracker = Tracker("benchmark", self.emitter)
        self.event, self.json = SelfDescribing, SelfDescribingJson

    def _track(self, schema: str, row: dict) -> object:
        return self.tracker.track(self.event(self.json(f"iglu:com.example/{schema}/jsonschema/1-0-0", row)))

    def order(self, row: dict) -> object:
        return self._track("order", row)

    def view(self, row: dict) -> object:
        return self._track("view", row)

    def flush(self) -> None:
        self.emitter.sync_flush()

    close = flush


class Mixpanel:
    """The buffered consumer, which sends inside every fiftieth call."""

    package = "mixpanel"

    def __init__(self, url: str, directory: str, *, large: bool) -> None:
        from mixpanel import BufferedConsumer
        from mixpanel import Mixpanel as Client

        self.consumer = BufferedConsumer(events_url=f"{url}/track")
        self.client = Client("benchmark", consumer=self.consumer)

    def order(self, row: dict) -> object:
        return self.client.track(row["customer"]["id"], "Order Completed", row)

    def view(self, row: dict) -> object:
        return self.client.track(row["visitor_id"], "Product Viewed", row)

    def flush(self) -> None:
        self.consumer.flush()

    close = flush


class Amplitude:
    package = "amplitude-analytics"

    def __init__(self, url: str, directory: str, *, large: bool) -> None:
        from amplitude import Amplitude as Client
        from amplitude import BaseEvent, Config

        self.client = Client("benchmark", Config(api_key="benchmark", server_url=f"{url}/2/httpapi"))
        self.event = BaseEvent

    def order(self, row: dict) -> object:
        return self.client.track(
            self.event("Order Completed", user_id=row["customer"]["id"], device_id=row["visitor_id"],
                       event_properties=row)
        )  # fmt: skip

    def view(self, row: dict) -> object:
        return self.client.track(self.event("Product Viewed", device_id=row["visitor_id"], event_properties=row))

    def flush(self) -> None:
        for future in self.client.flush():
            if future is not None:
                future.result()

    def close(self) -> None:
        self.flush()
        self.client.shutdown()


class OpenTelemetry:
    """Events as log records, the way OpenTelemetry has for them."""

    package = "opentelemetry-sdk"

    def __init__(self, url: str, directory: str, *, large: bool) -> None:
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
        from opentelemetry.sdk._logs import LoggerProvider
        from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

        settings: dict[str, Any] = {"max_queue_size": QUEUE} if large else {}
        self.provider = LoggerProvider()
        self.provider.add_log_record_processor(
            BatchLogRecordProcessor(OTLPLogExporter(endpoint=f"{url}/v1/logs"), **settings)
        )
        self.logger = self.provider.get_logger("benchmark")

    def order(self, row: dict) -> object:
        return self.logger.emit(body=row, event_name="Order Completed")

    def view(self, row: dict) -> object:
        return self.logger.emit(body=row, event_name="Product Viewed")

    def flush(self) -> None:
        self.provider.force_flush(120_000)

    def close(self) -> None:
        self.flush()
        self.provider.shutdown()


PEERS: dict[str, type] = {
    "segment": Segment,
    "posthog": Posthog,
    "rudder": Rudder,
    "snowplow": Snowplow,
    "mixpanel": Mixpanel,
    "amplitude": Amplitude,
    "otel logs": OpenTelemetry,
}
"""Segment first: ratios are to it."""
