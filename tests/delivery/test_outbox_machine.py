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
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

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

    @rule(data=st.data())
    def step(self, data) -> None:
        """One of the actions that are possible now.

        One rule, not nine: Hypothesis leaves out whole rules in most runs, and what breaks an outbox needs many.
        """
        actions = ["open"] if len(self.owners) < 3 else []
        if self.owners:
            actions += ["put", "put", "put", "take", "take", "adopt", "tidy", "close"]
            actions += ["crash", "crash"] if self.kind != "memory" else []
        if any(self.leases):
            actions += ["settle", "settle", "settle", "release"]
        getattr(self, data.draw(st.sampled_from(actions), "action"))(data)

    def _owner(self, data) -> int:
        return data.draw(st.integers(0, len(self.owners) - 1), "owner")

    def open(self, data) -> None:
        small = {"segment_bytes": 500} if self.kind in ("spool", "disk") else {}
        self.owners.append(outbox_of(self.kind, self.directory, **small))
        self.leases.append([])

    def put(self, data) -> None:
        owner = self.owners[self._owner(data)]
        for _ in range(data.draw(st.integers(1, 5), "events")):
            self.number += 1
            line = b'{"n":%d,"p":"%b"}' % (self.number, b"x" * data.draw(st.integers(0, 60), "size"))
            assert owner.put(line)
            self.alive.add(line)

    def take(self, data) -> None:
        index = self._owner(data)
        for _ in range(2):
            events, size = data.draw(st.integers(1, 3), "events"), data.draw(st.integers(1, 300), "bytes")
            lease = self.owners[index].take(events, size)
            if lease is not None:
                assert lease.count == len(lease.lines()) <= events
                assert set(lease.lines()) <= self.alive | self.repeats
                self.leases[index].append(lease)

    def _lease(self, data):
        index = data.draw(st.sampled_from([i for i, leases in enumerate(self.leases) if leases]), "owner")
        place = data.draw(st.sampled_from([-1, 0]), "lease")  # the newest as readily: verdicts come out of order
        return self.owners[index], self.leases[index].pop(place)

    def settle(self, data) -> None:
        owner, lease = self._lease(data)
        fates = data.draw(st.lists(st.sampled_from("dru"), min_size=lease.count, max_size=lease.count), "fates")
        refused = {i: Refused(None, "rejected") for i, fate in enumerate(fates) if fate == "r"}
        unsent = [i for i, fate in enumerate(fates) if fate == "u"]
        owner.settle(lease, refused, unsent)
        for i, line in enumerate(lease.lines()):
            if i not in unsent:
                self.final[line] += 1
                self.alive.discard(line)

    def release(self, data) -> None:
        owner, lease = self._lease(data)
        owner.release(lease)

    def adopt(self, data) -> None:
        self.owners[self._owner(data)].adopt()

    def tidy(self, data) -> None:
        self.owners[self._owner(data)].tidy()

    def crash(self, data) -> None:
        """The process is gone: descriptors close, nothing else happens; the last write may have been cut short."""
        index = self._owner(data)
        owner = self.owners.pop(index)
        # What was settled behind an event still leased is not on record, and comes again.
        self.repeats |= set(self.final)
        self.leases.pop(index)
        spool = owner if isinstance(owner, Spool) else owner.spool
        active = spool._shelf.active if spool._shelf is not None else None
        torn = data.draw(st.sampled_from([b"", b'{"half', b"{}", b"\x00\x00"]), "torn")
        if active is not None and torn:
            with active.path.open("ab") as file:
                file.write(torn)
        spool.after_fork_in_child()  # closes every descriptor and touches no file, as the death of a process does

    def close(self, data) -> None:
        index = self._owner(data)
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
        self.repeats |= set(self.final)  # sent again is fine, the collector knows the ids; lost is not
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
            max_examples=int(os.environ.get("ECOMTRACK_EXAMPLES", "25")),
            stateful_step_count=50,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
