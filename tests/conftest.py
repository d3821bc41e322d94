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


@pytest.fixture(scope="session")
def _restartable() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def own_server(_restartable: Server) -> Server:
    """A started server that the test may stop, kill and start again; one test at a time has it."""
    if not _restartable.is_running:
        _restartable.start()
    return _restartable
