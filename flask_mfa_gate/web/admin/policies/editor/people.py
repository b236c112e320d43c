"""Users, groups and resources that can be chosen in the form."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .....domain.policy.conditions.registry import Registry
from .....domain.policy.document.users import EVERYBODY, GROUP, USER
from .....errors import BadRequest
from .....services.people.user_objects import is_key
from ....translation import error_text, gettext
from ...console import Console
from .tree import Values

_LINES = re.compile(r"[\r\n]+")
_MOST_BOXES = 40
_MOST_NAMED = 50


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is to choose from.

    :param groups: those with a box of their own; none where they are too many.
    :param factors: enabled kinds.
    :param key_of: the user key that somebody means who types a key or an email; None where nobody has it.
    :param email_of: the email by which a user is shown; the key where that would be ambiguous.
    """

    registry: Registry
    groups: tuple[str, ...]
    all_groups: frozenset[str]
    resources: tuple[str, ...]
    factors: tuple[str, ...]
    key_of: Callable[[str], str | None]
    email_of: Callable[[str], str]

    @property
    def boxes(self) -> frozenset[str]:
        """Words of users that have a box."""
        return frozenset({EVERYBODY, *(GROUP + name for name in self.groups)})

    def shown(self, texts: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What is ticked, and what stands in the text beside the boxes."""
        boxes = tuple(text for text in texts if text in self.boxes)
        rest = [text for text in texts if text not in self.boxes]
        few = len(rest) <= _MOST_NAMED
        return boxes, tuple(self._line(text) if few else text for text in rest)

    def _line(self, text: str) -> str:
        return self.email_of(text.removeprefix(USER)) if text.startswith(USER) else text

    def read(self, values: Values, name: str, errors: dict[str, str]) -> list[str]:
        """The words of a document for what was ticked and typed."""
        found = [*values.get(name, ())]
        for line in _LINES.split("\n".join(values.get(f"{name}_text", ()))):
            if line.strip():
                found += self._word(line.strip(), name, errors)
        return found

    def _word(self, text: str, name: str, errors: dict[str, str]) -> list[str]:
        if text == EVERYBODY or text.startswith((GROUP, USER)):
            return [text]
        if text in self.all_groups:
            return [GROUP + text]
        try:
            key = self.key_of(text)
        except BadRequest as error:
            errors[name] = error_text(error)
            return []
        if key is None:
            errors[name] = gettext("“%(text)s” is neither a user's email or key nor a group.", text=text)
            return []
        return [USER + key]


def choices_of(console: Console, registry: Registry, resources: Sequence[str]) -> Choices:
    """What this app has."""
    state = console.state
    with state.store.database.read() as tx:
        groups = tuple(state.store.people.group_names(tx))
    return Choices(
        registry, groups if len(groups) <= _MOST_BOXES else (), frozenset(groups), tuple(resources),
        tuple(sorted(kind.value for kind in state.rules.enabled)),
        lambda text: _key_of(console, text), lambda key: _email_of(console, key),
    )  # fmt: skip


def _key_of(console: Console, text: str) -> str | None:
    key = console.state.people.lookup.key_of(text)
    if not is_key(key):
        return None
    with console.state.store.database.read() as tx:
        is_met = bool(console.state.store.people.known(tx, [key], now=console.now))
    return key if is_met or console.state.host.directory.get(key) is not None else None


def _email_of(console: Console, key: str) -> str:
    with console.state.store.database.read() as tx:
        known = console.state.store.people.known(tx, [key], now=console.now).get(key)
    email = known.person.email if known is not None else ""
    try:
        return email if email and console.state.people.lookup.key_of(email) == key else USER + key
    except BadRequest:
        return USER + key
