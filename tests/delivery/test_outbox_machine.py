"""A state machine over outboxes: any order of put, take, settle, release, crash, torn write, adoption and reopening."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ecomtrack_sdk._delivery.outbox import Refused
from ecomtrack_sdk._delivery.spool import Spool
from tests.delivery.conftest import KINDS, outbox_of


class OutboxMachine(RuleBasedStateMachine):
    """Up to three owners on one directory, against a model of which event is where."""

    kind = "spool"

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp()) / "outbox"
        self.owners: list = []
        self.leases: list[list] = []
        self.number = 0
        self.alive: set[bytes] = set()  # accepted, without a final fate: must come out of some owner in the end
        self.final: Counter[bytes] = Counter()
        self.repeats: set[bytes] = set()  # leased when their owner crashed: may come out again

    @initialize()
    def begin(self) -> None:
        self.open()

    @precondition(lambda self: len(self.owners) < 3)
    @rule()
    def open(self) -> None:
        self.owners.append(
            outbox_of(self.kind, self.directory, segment_bytes=200)
            if self.kind in ("spool", "disk")
            else outbox_of(self.kind, self.directory)
        )
        self.leases.append([])

    @precondition(lambda self: self.owners)
    @rule(data=st.data(), count=st.integers(1, 5), size=st.integers(0, 60))
    def put(self, data, count, size) -> None:
        owner = data.draw(st.sampled_from(self.owners))
        for _ in range(count):
            self.number += 1
            line = b'{"n":%d,"p":"%b"}' % (self.number, b"x" * size)
            assert owner.put(line)
            self.alive.add(line)

    @precondition(lambda self: self.owners)
    @rule(data=st.data(), events=st.integers(1, 6), size=st.integers(1, 300))
    def take(self, data, events, size) -> None:
        index = data.draw(st.integers(0, len(self.owners) - 1))
        lease = self.owners[index].take(events, size)
        if lease is not None:
            assert lease.count == len(lease.lines()) <= events
            assert set(lease.lines()) <= self.alive | self.repeats
            self.leases[index].append(lease)

    def _draw_lease(self, data):
        index = data.draw(st.sampled_from([i for i, leases in enumerate(self.leases) if leases]))
        place = data.draw(st.integers(0, len(self.leases[index]) - 1))
        return self.owners[index], self.leases[index].pop(place)

    @precondition(lambda self: any(self.leases))
    @rule(data=st.data())
    def settle(self, data) -> None:
        owner, lease = self._draw_lease(data)
        fates = data.draw(st.lists(st.sampled_from("dru"), min_size=lease.count, max_size=lease.count))
        lines = lease.lines()
        refused = {i: Refused(None, "rejected") for i, fate in enumerate(fates) if fate == "r"}
        unsent = [i for i, fate in enumerate(fates) if fate == "u"]
        owner.settle(lease, refused, unsent)
        for i, line in enumerate(lines):
            if i not in unsent:
                self.final[line] += 1
                self.alive.discard(line)

    @precondition(lambda self: any(self.leases))
    @rule(data=st.data())
    def release(self, data) -> None:
        owner, lease = self._draw_lease(data)
        owner.release(lease)

    @precondition(lambda self: self.owners)
    @rule(data=st.data())
    def adopt(self, data) -> None:
        data.draw(st.sampled_from(self.owners)).adopt()

    @precondition(lambda self: self.owners)
    @rule(data=st.data())
    def tidy(self, data) -> None:
        data.draw(st.sampled_from(self.owners)).tidy()

    @precondition(lambda self: self.owners and self.kind != "memory")
    @rule(data=st.data(), torn=st.binary(max_size=20).filter(lambda b: b"\n" not in b))
    def crash(self, data, torn) -> None:
        """The process is gone: descriptors close, nothing else happens; the last write may have been cut short."""
        index = data.draw(st.integers(0, len(self.owners) - 1))
        owner, leases = self.owners.pop(index), self.leases.pop(index)
        # Out of order: what was settled behind an event still leased is not on record, and comes again.
        self.repeats |= set(self.final)
        for lease in leases:
            self.repeats |= set(lease.lines())
        spool = owner if isinstance(owner, Spool) else owner.spool
        active = spool._shelf.active if spool._shelf is not None else None
        if active is not None and torn:
            with active.path.open("ab") as file:
                file.write(torn)
        spool.after_fork_in_child()  # closes every descriptor and touches no file, as the death of a process does

    @precondition(lambda self: self.owners)
    @rule(data=st.data())
    def close(self, data) -> None:
        index = data.draw(st.integers(0, len(self.owners) - 1))
        owner, leases = self.owners.pop(index), self.leases.pop(index)
        for lease in leases:
            owner.release(lease)
        owner.close()
        self.repeats |= set(self.final)

    @invariant()
    def balanced(self) -> None:
        for owner, leases in zip(self.owners, self.leases, strict=True):
            stats = owner.stats()
            assert stats.balanced, stats
            assert stats.pending >= sum(lease.count for lease in leases)
            assert stats.pending_bytes >= 0
            assert (stats.pending == 0) == (stats.pending_bytes == 0)

    def teardown(self) -> None:
        """Whatever happened: a fresh process finds everything that has no fate, and nothing is left behind."""
        for owner, leases in zip(self.owners, self.leases, strict=True):
            for lease in leases:
                owner.release(lease)
            owner.close()
        last = Spool(self.directory)
        last.adopt()
        found: Counter[bytes] = Counter()
        while (lease := last.take(100, 1 << 20)) is not None:
            found.update(lease.lines())
            last.settle(lease, {}, ())
        assert set(found) >= self.alive, "lost"
        assert set(found) <= self.alive | self.repeats, "came out of nowhere"
        assert all(count == 1 for count in found.values()), "twice in the outbox"
        assert last.stats().balanced
        last.close()
        if self.directory.exists():
            assert {path.name for path in self.directory.iterdir()} <= {"dead"}
        shutil.rmtree(self.directory.parent, ignore_errors=True)


@pytest.mark.parametrize("kind", KINDS)
def test_no_order_of_events_loses_or_doubles_one(kind):
    """In every sequence the balance holds, and each accepted event comes out until it has its fate."""
    machine = type("Machine", (OutboxMachine,), {"kind": kind})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=int(os.environ.get("ECOMTRACK_EXAMPLES", "60")),
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
