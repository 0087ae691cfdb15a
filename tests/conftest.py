"""Fixtures every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real payloads and worked cases; tests that need it skip where it is absent."""
    places = [os.environ.get("ECOMTRACK_SHARED_DATA"), str(Path(__file__).parents[2] / "shared" / "data")]
    for place in places:
        if place and Path(place).is_dir():
            return Path(place)
    pytest.skip("the folder of real payloads is not part of this checkout (set ECOMTRACK_SHARED_DATA)")
