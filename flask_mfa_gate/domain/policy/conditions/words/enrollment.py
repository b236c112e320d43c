"""``enrollment``: where the user's own enrollment is."""

from __future__ import annotations

from ....enrollment.enrollment import Status
from ...facts import Environment, Subject
from ..backing import Backing
from ..listed import ListedWord
from ..sampling import Sample


def _status(subject: Subject, environment: Environment) -> str | None:
    return subject.status


def _sample(status: str) -> Sample:
    return Subject("", status=Status(status)), Environment()


ENROLLMENT = ListedWord(
    "enrollment", _status, frozenset(status.value for status in Status), upper=True,
    holding=Backing.NEUTRAL, missing=Backing.NEUTRAL, sample=_sample, is_always_known=True, facts=frozenset(),
)  # fmt: skip
