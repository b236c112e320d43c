"""Processes that last for the tests of one module."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.race.processes import Job, mortal_process, processes


@pytest.fixture(scope="module")
def in_processes() -> Iterator[Callable[[list[Job]], list[Any]]]:
    with processes() as run:
        yield run


@pytest.fixture(scope="module")
def in_a_process_that_dies() -> Iterator[Callable[..., tuple[int, float]]]:
    with mortal_process() as run:
        yield run
