"""What arrived: the events in a request of each SDK, each by the mark the benchmark gave it and the id its SDK gave."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from urllib.parse import parse_qs

MARK = re.compile(r"mark-\d+(?:-\d+)?")


def marks_of(path: str, body: bytes) -> Iterator[tuple[str, str]]:
    """(mark, id) of each event in *body*; where an SDK writes no id it is empty, and a repetition cannot be told."""
    if path == "/v1/logs":
        for found in MARK.findall(body.decode("utf-8", "replace")):
            yield found, ""
        return
    for event, event_id in events_of(path.rstrip("/"), body):
        match = MARK.search(json.dumps(event))
        if match:
            yield match[0], event_id


def events_of(path: str, body: bytes) -> Iterator[tuple[object, str]]:
    if path == "/v1/events":
        for line in body.splitlines():
            event = json.loads(line)
            yield event, event["event_id"]
    elif path == "/track":
        for event in json.loads(parse_qs(body.decode())["data"][0]):
            yield event, event["properties"]["$insert_id"]
    elif path == "/2/httpapi":
        for event in json.loads(body)["events"]:
            yield event, event["insert_id"]
    elif path == "/com.snowplowanalytics.snowplow/tp2":
        for event in json.loads(body)["data"]:
            yield json.loads(base64.urlsafe_b64decode(event["ue_px"] + "==")), event["eid"]
    else:
        for event in json.loads(body)["batch"]:
            yield event, event.get("messageId") or event["uuid"]
