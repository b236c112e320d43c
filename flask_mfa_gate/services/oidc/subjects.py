"""Whose a grant is, as the host tells of them now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...domain.people.person import Person
from ...errors import HostCallbackFailed
from ...store.oidc.grants import GrantState
from ..people.directory import UserDirectory
from ..people.persons import PersonReader
from ..people.user_objects import is_switched_on
from ..sign_in.session_auth_hash import Stamper

# What says who signed in, how and when, is the provider's own, whatever the host tells beside it.
PROTECTED_CLAIMS = frozenset({
    "iss", "sub", "aud", "exp", "iat", "nbf", "jti", "auth_time", "nonce", "acr", "amr", "azp", "sid", "at_hash",
    "c_hash", "s_hash", "events", "scope", "client_id",
})  # fmt: skip
ClaimsHook = Callable[[Any, Any, frozenset[str]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Subject:
    """A user as clients see them.

    :param user: the host's own object; the person where it has none to give.
    """

    person: Person
    user: Any = field(repr=False)


class SubjectReader:
    """Asks the host about the user of a grant: whether the account is as it was, and what may be told of it.

    :param load: the host's user loader, by what its session holds.
    """

    def __init__(
        self, directory: UserDirectory, reader: PersonReader, stamper: Stamper, load: Callable[[str], Any]
    ) -> None:
        self._directory, self._reader, self._stamper, self._load = directory, reader, stamper, load

    def read(self, state: GrantState) -> Subject | None:
        """The user; None where the account is gone or disabled, or its password is another by now.

        :raises HostCallbackFailed: where the host fails to tell.
        """
        key, found = state.grant.user_key, self._directory.account(state.grant.user_key)
        if not found.is_open:
            return None
        user = found.user if found.user is not None else self._by_loader(state)
        if user is None:
            person = self._directory.get(key)
            return Subject(person, person) if person is not None and person.is_active else None
        stamp = state.session.stamp if state.session is not None else state.grant.stamp
        # SECURITY: tokens that rest on a password which was changed are as good as revoked.
        if not is_switched_on(user) or self._stamper.is_stale(stamp, user, key):
            return None
        person = self._reader.read(user, key) if self._directory.reads_user_objects else self._directory.get(key)
        return None if person is None or not person.is_active else Subject(person, user)

    def _by_loader(self, state: GrantState) -> Any:
        session = state.session
        if session is None or session.host_user_id is None:
            return None
        try:
            return self._load(session.host_user_id)
        except Exception as error:
            raise HostCallbackFailed("The user loader failed, so nobody can be identified.") from error


class ClaimsReader:
    """What may be told of a user, by scope (OpenID Connect Core 1.0 section 5.4).

    :param hook: gives more of the host's own; it can't say who signed in, or how.
    """

    def __init__(self, hook: ClaimsHook | None) -> None:
        self._hook = hook

    def claims(self, subject: Subject, client: Any, scopes: frozenset[str]) -> dict[str, Any]:
        """The claims beside ``sub``; a value that is not known is left out.

        :raises HostCallbackFailed: where the hook fails, or gives no mapping.
        """
        person = subject.person
        told: dict[str, Any] = {}
        if "profile" in scopes:
            told |= {"name": person.name, "zoneinfo": person.timezone, "locale": person.locale.replace("_", "-")}
        if "email" in scopes:
            told |= {"email": person.email}
        known: dict[str, Any] = {name: value for name, value in told.items() if value}
        if "groups" in scopes:
            known["groups"] = sorted(person.groups)
        # SECURITY: what the host adds must not make another user of this one, or a stronger sign-in.
        return known | {
            name: value for name, value in self._more(subject, client, scopes) if name not in PROTECTED_CLAIMS
        }

    def _more(self, subject: Subject, client: Any, scopes: frozenset[str]) -> list[tuple[str, Any]]:
        if self._hook is None:
            return []
        try:
            return list(dict(self._hook(subject.user, client, scopes)).items())
        except Exception as error:
            raise HostCallbackFailed("The oidc_claims callback must return a mapping of claims.") from error
