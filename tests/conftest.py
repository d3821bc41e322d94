"""Fixtures that several rooms share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.serving import Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One real server for the whole session. A test that stops it starts its own instead."""
    with Server() as running:
        yield running


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A started server that the test may stop, kill and start again."""
    with Server() as running:
        yield running
