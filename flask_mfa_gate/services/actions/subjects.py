"""Whether an actor may act on somebody, by the role that the host gives them this moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ...domain.authorization.rules import Rules
from ...domain.people.person import Person
from ...domain.people.roles import Actor, Right, Role, refusal
from ..people.directory import UserDirectory

ROLE_UNKNOWN = "role-unknown"
REFUSALS = {
    "yourself": "You can't do this to your own account. Ask another administrator.",
    "higher-role": "This user has a console role, so only an administrator may do that.",
    ROLE_UNKNOWN: "The app can't tell whether this user has a console role, so only an administrator may do that.",
    "not-allowed": "Your role does not allow that.",
}


class Subject(NamedTuple):
    """Somebody who is acted on, and whether the actor may go by their role."""

    person: Person
    is_role_known: bool = True


@dataclass(frozen=True, slots=True)
class SubjectCheck:
    """Looks people up for an actor to whom some are off limits."""

    directory: UserDirectory
    rules: Rules

    def as_of_now(self, person: Person, actor: Actor) -> Subject:
        """For such an actor, as the host knows them this moment."""
        # SECURITY: a role that the gate has not seen yet protects already, or the desk could take over a new admin.
        if actor.role is not Role.HELPDESK:
            return Subject(person)
        shown = self.directory.as_shown(person)
        return Subject(person, is_role_known=False) if shown is None else Subject(shown)

    def refusal(self, actor: Actor, right: Right, subject: Subject) -> str | None:
        """Why this actor may not act on them, in one word; None when they may."""
        person = subject.person
        # SECURITY: anyone who could reset an account for emergencies could take it over.
        role = Role.ADMIN if person.key in self.rules.break_glass else person.role
        why = refusal(actor, right, subject=person.key, role=role)
        # SECURITY: where nobody tells of roles, what was known at the last sign-in may be too little by now.
        return why if why is not None or subject.is_role_known else ROLE_UNKNOWN
