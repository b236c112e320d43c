"""``platform``: the operating system that the client claims."""

from __future__ import annotations

from ...facts import Environment, Subject
from ..condition_type import Source
from ..listed import ListedWord
from ..sampling import Sample

PLATFORMS = frozenset({"windows", "macos", "linux", "chromeos", "android", "ios", "other"})


def _platform(subject: Subject, environment: Environment) -> str | None:
    return environment.platform


def _sample(text: str) -> Sample:
    return Subject(""), Environment(platform=text)


PLATFORM = ListedWord(
    "platform", _platform, PLATFORMS, sources=frozenset({Source.CLIENT}), sample=_sample, facts=frozenset({"platform"})
)
