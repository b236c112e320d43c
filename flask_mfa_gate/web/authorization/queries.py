"""What the host's own code and templates ask the gate about the current request."""

from __future__ import annotations

from markupsafe import Markup

from ...domain.access import APP
from ...domain.assurance import Assurance, FactorKind, SignIn
from ...domain.decision import decide
from ...domain.marks import NO_MARKS, Marks
from ...domain.verdict import Reason, Verdict, Word
from ...services.people.persons import is_switched_on
from ..endpoints import setup_endpoint
from ..host.source import load_identity
from ..passage import Passage, current_passage
from ..responses.pages import draw
from .rulings import own_page_ruler, ruler_of


def assurance() -> Assurance | None:
    """What the current session has proved."""
    passage = current_passage()
    return passage.session.assurance if passage and passage.session and not passage.session.is_pending else None


def current_verdict(resource: str) -> Verdict:
    """The decision about a resource, for the session of this request."""
    passage = current_passage()
    if passage is None or passage.user_key is None or passage.standing is None:
        return _of_nobody(passage)
    marks = NO_MARKS if resource == APP else Marks(resources=(resource,))
    state, now = passage.state, passage.state.clock()
    facts = assurance() or Assurance(SignIn.SESSION, now)
    user = load_identity(state.identity)
    ruler = ruler_of(state, passage.session, sign_in=facts.sign_in, user=user, resources=marks.resources)
    context = passage.context(
        facts, is_active=is_switched_on(user), marks=marks, promptable=not passage.is_token,
        rulings=ruler(passage.standing),
    )  # fmt: skip
    return decide(context, passage.standing, state.rules, now=now)


def _of_nobody(passage: Passage | None) -> Verdict:
    """A pending sign-in has its next step; somebody who isn't signed in has nothing to show."""
    if (
        passage is not None
        and passage.session is not None
        and passage.session.is_pending
        and passage.standing is not None
    ):
        return passage.state.sessions.verdict(
            passage.session, passage.standing, own_page_ruler(passage.state, passage.session)
        )
    return Verdict(Word.DENY, Reason.STRANGER)


class TemplateHelper:
    """``{{ mfa_gate }}`` in the host's templates."""

    def banner(self) -> Markup:
        """Days left of the user's enrollment period, or that it has ended; nothing for everybody else."""
        passage = current_passage()
        period = passage.standing.period if _is_in(passage) and passage and passage.standing else None
        if passage is None or period is None:
            return Markup("")
        days_left = period.days_left(passage.state.clock())
        page = setup_endpoint(next(iter(FactorKind.of_status)))
        return Markup(draw("banner.html", days_left=days_left, ends_at=period.ends_at, setup_endpoint=page))  # noqa: S704

    def verdict(self, resource: str = APP) -> str:
        """The verdict's word about a resource."""
        return current_verdict(resource).word.value


def _is_in(passage: Passage | None) -> bool:
    return passage is not None and passage.user_key is not None and passage.verdict.word is Word.PASS
