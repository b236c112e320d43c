"""What the pages of every kind have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ....domain.sign_in.assurance import FactorKind, Method
from ....factors.base import About, Challenge
from ...endpoints import setup_endpoint
from ...responses.host_names import own_url
from ...translation import gettext
from ..authenticated_request import AuthenticatedRequest, Route


@dataclass(frozen=True, slots=True)
class ChallengePage:
    """The page that asks for a proof.

    :param values: what its template shows beside what all of them show.
    """

    heading: str
    values: Mapping[str, Any]
    template: str = "challenge.html"


@dataclass(frozen=True, slots=True)
class CodeField:
    """A field for a typed code.

    :param digits: how many it has; None where it is no number.
    """

    label: str
    help: str
    digits: int | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """What is said to a user who may have lost the thing that the factor is."""

    question: str
    advice: str
    link: str

    def translated(self) -> Lost:
        """For the reader."""
        return Lost(gettext(self.question), gettext(self.advice), gettext(self.link))


Asking: TypeAlias = Callable[[AuthenticatedRequest, Challenge], ChallengePage]
"""Draws the page for a challenge."""


@dataclass(frozen=True, slots=True)
class FactorPages:
    """The pages of one kind.

    :param kind: of factors; None for a way back in.
    :param note: what it takes to set one up.
    :param lost: where a user holds one of this kind at most, which another takes the place of.
    """

    method: Method
    ask: Asking
    routes: Sequence[Route] = ()
    kind: FactorKind | None = None
    note: str = ""
    lost: Lost | None = field(default=None)


@dataclass(frozen=True, slots=True)
class Offer:
    """A kind that a user can set up."""

    label: str
    note: str
    url: str


@dataclass(frozen=True, slots=True)
class Look:
    """How a factor is shown in the list.

    :param replace_url: where another can be set up in its place.
    """

    icon: str
    replace_url: str | None


def offer(pages: FactorPages, kind: FactorKind, about: About) -> Offer:
    """As a link."""
    return Offer(gettext(about.offer), gettext(pages.note), own_url(setup_endpoint(kind)))
