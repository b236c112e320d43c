"""What is put on record about sign-ins: all that was proved, and of the rest one an hour from each place."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from ...clock import Clock
from ...domain.address import counted_place
from ...domain.authorization.decision import Ask
from ...domain.authorization.rules import Rules
from ...domain.people.person import Origin, Person
from ...domain.people.roles import Role
from ...domain.records.event_name import EventName
from ...domain.records.mail_kind import MailKind, Notice
from ...domain.sign_in.assurance import SignIn
from ...domain.sign_in.session import GateSession
from ...store import Store
from ...store.sign_in.noted import Arrival, Note, NoteKey
from ...store.sign_in.sign_ins import SignInRecord
from ..client.origins import note_if_unreadable
from ..client.user_agents import device_word, words_of
from ..unit_of_work import UnitOfWork

_TRY = "break-glass-try"
_ANYWHERE = ""
_HOUR = 3600


class SignInNotes:
    """Writes records, audit and mail of sign-ins, and of nothing twice that costs no more than a password."""

    def __init__(self, store: Store, rules: Rules, *, clock: Clock) -> None:
        self._store, self._rules, self._clock = store, rules, clock

    def before(self, work: UnitOfWork, session: GateSession) -> Arrival:
        """What is on record of a user who signs in, for :meth:`arrived`. The caller holds the user's row."""
        return self._store.arrivals.read(work.tx, _note(session))

    def arrived(
        self, work: UnitOfWork, person: Person, session: GateSession, *,
        before: Arrival, record: SignInRecord | None = None,
    ) -> None:  # fmt: skip
        """Somebody signed in, as far as a password or a cookie goes. The caller holds the user's row.

        :param before: what was on record, as :meth:`before` reads it.
        :param record: of a sign-in that begins.
        """
        origin, note = _origin(session), _note(session)
        self._store.people.note_sign_in(work.tx, person, now=self._clock(), before=before.person)
        note_if_unreadable(work, origin)
        is_break_glass = person.key in self._rules.break_glass
        if is_break_glass and self._is_first(work, _try(session), value=session.lineage):
            _tell_of_break_glass(work, person, origin, proved=False)
        if record is not None:
            # SECURITY: each sign-in with a stolen password would otherwise leave a row for half a year.
            self._store.sign_ins.keep(work.tx, record, slot=_slot(note, record.at))
        kept = before.noted is None or before.noted.is_old(self._clock())
        if kept:
            self._store.noted.put(work.tx, note, Note(self._clock()))
        work.record(
            EventName.SIGNED_IN, subject=person.key, actor=f"user:{person.key}", origin=origin, kept=kept,
            sign_in=session.assurance.sign_in.value, pending=session.is_pending, **_provider(session),
        )  # fmt: skip

    def proved(self, work: UnitOfWork, session: GateSession, *, is_in: bool) -> None:
        """A second factor was proved in this sign-in."""
        now = self._clock()
        if not self._store.sign_ins.note_proof(work.tx, session.lineage, now=now):
            self._store.sign_ins.add(work.tx, _record_of_proof(session, now))
        if is_in and session.is_pending and session.user_key in self._rules.break_glass:
            self._note_break_glass(work, session)

    def left(self, work: UnitOfWork, session: GateSession, origin: Origin) -> None:
        """Somebody signed out."""
        key = session.user_key
        # SECURITY: anyone who has the password could sign in and out for ever, and each time leave a record for years.
        note = NoteKey(key, EventName.SIGNED_OUT, counted_place(origin.address))
        kept = bool(session.assurance.proofs) or self._is_first(work, note)
        work.record(EventName.SIGNED_OUT, subject=key, actor=f"user:{key}", origin=origin, kept=kept)

    def _note_break_glass(self, work: UnitOfWork, session: GateSession) -> None:
        """An account for emergencies is used under many eyes."""
        origin, key = _origin(session), session.user_key
        self._withdraw_try(work, session)
        work.record(EventName.BREAK_GLASS_USED, subject=key, actor=f"user:{key}", origin=origin)
        known = self._store.people.known(work.tx, [key], now=self._clock()).get(key)
        _tell_of_break_glass(work, known.person if known else Person(key), origin, proved=True)

    def _withdraw_try(self, work: UnitOfWork, session: GateSession) -> None:
        """This sign-in was no try with only a password; the next one is told of again."""
        tried = self._store.noted.get(work.tx, _try(session))
        if tried is not None and tried.value == session.lineage:
            self._store.noted.drop(work.tx, _try(session))
            self._store.outbox.withdraw(work.tx, MailKind.BREAK_GLASS, decided_at=tried.at)

    def _is_first(self, work: UnitOfWork, note: NoteKey, *, value: str | None = None) -> bool:
        """Whether this is the first of its kind within the hour."""
        return self._store.noted.try_note(work.tx, note, now=self._clock(), value=value)


def _provider(session: GateSession) -> dict[str, str]:
    """Who signed the user in, where it was not this app."""
    facts = session.assurance
    issuer = facts.upstream.issuer if facts.upstream is not None and facts.sign_in is SignIn.FEDERATED else None
    return {} if issuer is None else {"provider": issuer}


def _origin(session: GateSession) -> Origin:
    return Origin(session.address, session.user_agent)


def _note(session: GateSession) -> NoteKey:
    """That such a sign-in went into the audit log."""
    kind = f"signed_in {session.assurance.sign_in.value} {session.is_pending}"
    return NoteKey(session.user_key, kind, counted_place(session.address))


def _try(session: GateSession) -> NoteKey:
    """That somebody was told of a break-glass account."""
    return NoteKey(session.user_key, _TRY, _ANYWHERE)


def _slot(of: NoteKey, at: datetime) -> str:
    """One for each user, place and hour."""
    return sha256(f"{of.user_key}\0{of.place}\0{int(at.timestamp()) // _HOUR}".encode()).hexdigest()[:32]


def _tell_of_break_glass(work: UnitOfWork, person: Person, origin: Origin, *, proved: bool) -> None:
    facts = {
        "who": person.name or person.key, "proved": proved,
        "address": origin.address, "user_agent": origin.user_agent,
    }  # fmt: skip
    admins = work.store.people.holders(work.tx, Role.ADMIN, now=work.clock())
    for key in dict.fromkeys([person.key, *(known.person.key for known in admins)]):
        work.tell(key, Notice(MailKind.BREAK_GLASS, facts))


def _record_of_proof(session: GateSession, now: datetime) -> SignInRecord:
    """In place of the one that gave way to a later sign-in from the same place."""
    platform, browser = words_of(session.user_agent or "")
    facts = {
        "address": session.address, "platform": platform, "browser": browser, "method": "GET",
        "at": session.assurance.signed_in_at.isoformat(),
    }  # fmt: skip
    return SignInRecord(
        lineage=session.lineage, user_key=session.user_key, at=session.assurance.signed_in_at,
        address=session.address, client=device_word(platform, browser),
        facts={name: value for name, value in facts.items() if value is not None},
        verdict=Ask.CHALLENGE.value, reason_id="second-factor", proved_at=now,
    )  # fmt: skip
