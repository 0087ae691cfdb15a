"""Memory for bodies: nobody can take all of it, a server's batch always finds room."""

from __future__ import annotations

import contextlib

import pytest

from ecomtrack_sdk.collector import _room
from ecomtrack_sdk.collector._room import Room
from ecomtrack_sdk.errors import CollectorError


def test_what_arrives_is_counted_and_given_back():
    """Nothing is held before it arrives, nor after the body is done, however it ended."""
    room = Room()
    with room.enter(public=False, source="a") as grow:
        assert room.held == 0
        grow(1_000)
        assert room.held == 1_000
    with contextlib.suppress(RuntimeError), room.enter(public=True, source="a") as grow:
        grow(5)
        raise RuntimeError
    assert room.held == 0
    assert not room._sources


def test_one_address_takes_a_part_of_the_public_part():
    """Bodies of one address under site keys end at its share; another address goes on; no address is this machine."""
    room = Room()
    with room.enter(public=True, source="a") as first, room.enter(public=True, source="a") as second:
        first(_room.SOURCE_BYTES)
        with pytest.raises(CollectorError) as refused:
            second(1)
        assert (refused.value.status, refused.value.retry_after) == (503, _room.BUSY_SECONDS)
        with room.enter(public=True, source="b") as other, room.enter(public=True, source=None) as local:
            other(1)
            local(1)


def test_browsers_never_take_the_room_of_servers():
    """When site keys hold all they may, a server's body still finds room; beyond the whole nobody does."""
    room = Room()
    with room.enter(public=True, source=None) as browsers, room.enter(public=False, source="s") as server:
        browsers(_room.PUBLIC_BYTES)
        with pytest.raises(CollectorError):
            browsers(1)
        server(_room.ALL_BYTES - _room.PUBLIC_BYTES)
        with pytest.raises(CollectorError):
            server(1)


def test_the_route_gives_room_back(collector):
    """After any answer, refused ones included, nothing is held."""
    collector.send(b"x" * 100_000)
    collector.send(b"x" * 5_000_000)
    collector.call("POST", "/v1/events", [b"x" * 10_000], key="site", broken_off=True)
    assert collector.app._events._room.held == 0
