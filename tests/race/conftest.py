"""Processes that last for all tests of one worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.race.processes import Job, mortal_process, processes


@pytest.fixture(scope="session")
def in_processes(portal_on: Any) -> Iterator[Callable[[list[Job]], list[Any]]]:
    """They are connected to the databases of the portal, so they end before those are dropped."""
    with processes() as run:
        yield run


@pytest.fixture(scope="session")
def in_a_process_that_dies(portal_on: Any) -> Iterator[Callable[..., tuple[int, float]]]:
    with mortal_process() as run:
        yield run
