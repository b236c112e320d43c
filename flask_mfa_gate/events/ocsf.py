"""What an event says in the words of the Open Cybersecurity Schema Framework, version 1.5.0 (schema.ocsf.io/1.5.0)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from importlib.metadata import version
from typing import Any

from ..domain.records.event_name import EventName
from ..signals import Event
from ..store.records.outgoing_events import OutgoingEvent

VERSION = "1.5.0"
PRODUCT = "flask-mfa-gate"
_CATEGORY, _CATEGORY_NAME = 3, "Identity & Access Management"
_USER = "user:"


class OcsfClass(IntEnum):
    """Classes of the category Identity & Access Management that are used."""

    ACCOUNT_CHANGE = 3001
    AUTHENTICATION = 3002
    ENTITY_MANAGEMENT = 3004

    @property
    def caption(self) -> str:
        """How the class is called."""
        return self.name.replace("_", " ").title()


class Severity(IntEnum):
    """How much somebody should mind."""

    INFORMATIONAL = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4


class Status(IntEnum):
    """How it ended."""

    SUCCESS = 1
    FAILURE = 2


OTHER = 99
LOGON, LOGOFF = 1, 2
PASSWORD_CHANGE, DELETE_ACCOUNT, LOCK, FACTOR_ENABLE, FACTOR_DISABLE, UNLOCK = 3, 6, 9, 10, 11, 12
READ, UPDATE = 2, 3


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an event is in OCSF.

    :param activity: a number of the class, or :data:`OTHER`, which is then called like the event.
    :param entity: the kind of thing that is managed; of the class Entity Management only.
    """

    kind: OcsfClass
    activity: int = OTHER
    severity: Severity = Severity.INFORMATIONAL
    status: Status = Status.SUCCESS
    entity: str = ""


def _account(activity: int = OTHER, severity: Severity = Severity.INFORMATIONAL) -> Meaning:
    return Meaning(OcsfClass.ACCOUNT_CHANGE, activity, severity)


def _sign_in(activity: int, severity: Severity = Severity.INFORMATIONAL, status: Status = Status.SUCCESS) -> Meaning:
    return Meaning(OcsfClass.AUTHENTICATION, activity, severity, status)


def _entity(entity: str, activity: int = UPDATE, severity: Severity = Severity.INFORMATIONAL) -> Meaning:
    return Meaning(OcsfClass.ENTITY_MANAGEMENT, activity, severity, entity=entity)


_MEANINGS: Mapping[str, Meaning] = {
    EventName.SIGNED_IN: _sign_in(LOGON),
    EventName.SIGNED_OUT: _sign_in(LOGOFF),
    EventName.CHALLENGE_PASSED: _sign_in(OTHER),
    EventName.CHALLENGE_FAILED: _sign_in(LOGON, Severity.LOW, Status.FAILURE),
    EventName.ACCESS_DENIED: _sign_in(LOGON, Severity.LOW, Status.FAILURE),
    EventName.BREAK_GLASS_USED: _sign_in(LOGON, Severity.HIGH),
    EventName.TOKEN_REUSED: _sign_in(OTHER, Severity.HIGH, Status.FAILURE),
    EventName.ENROLLMENT_LAPSED: _account(LOCK, Severity.LOW),
    EventName.FACTOR_ADDED: _account(FACTOR_ENABLE),
    EventName.FACTOR_REMOVED: _account(FACTOR_DISABLE, Severity.LOW),
    EventName.MFA_RESET: _account(FACTOR_DISABLE, Severity.MEDIUM),
    EventName.REQUIREMENT_REMOVED: _account(OTHER, Severity.MEDIUM),
    EventName.ACCESS_PASS_ISSUED: _account(OTHER, Severity.MEDIUM),
    EventName.ACCOUNT_UNLOCKED: _account(UNLOCK, Severity.LOW),
    EventName.PASSWORD_CHANGED: _account(PASSWORD_CHANGE),
    EventName.USER_DELETED: _account(DELETE_ACCOUNT),
    EventName.USER_FORGOTTEN: _account(DELETE_ACCOUNT),
    EventName.POLICY_CHANGED: _entity("policy", severity=Severity.MEDIUM),
    EventName.GRACE_RESTARTED: _entity("policy"),
    EventName.LIST_EXPORTED: _entity("list", READ, Severity.LOW),
    EventName.CLIENT_CHANGED: _entity("client", severity=Severity.MEDIUM),
    EventName.CLIENT_GRANTS_REVOKED: _entity("client", severity=Severity.LOW),
    EventName.SIGNING_KEY_CHANGED: _entity("signing key", severity=Severity.MEDIUM),
    EventName.DIRECTORY_SYNCED: _entity("user directory"),
    EventName.TEST_MAIL_SENT: _entity("mail server", OTHER),
    EventName.TEST_EVENT_SENT: _entity("event destination", OTHER),
    EventName.EVENTS_GIVEN_UP: _entity("event destination", OTHER, Severity.HIGH),
    EventName.EVENTS_RETRIED: _entity("event destination", OTHER),
}
# The details that name what was managed.
_ENTITY_NAMES = ("policy", "client", "kid", "list", "destination")


def meaning_of(name: str) -> Meaning:
    """What an event is in OCSF; anything else that happens to a user changes their account."""
    return _MEANINGS.get(name, _account())


def as_ocsf(one: OutgoingEvent, *, app: str) -> dict[str, Any]:
    """The event as an object of its class.

    :param app: the name of the app, as users know it.
    """
    event, meaning = one.event, meaning_of(one.event.name)
    found: dict[str, Any] = {
        "category_uid": _CATEGORY,
        "category_name": _CATEGORY_NAME,
        "class_uid": meaning.kind,
        "class_name": meaning.kind.caption,
        "activity_id": meaning.activity,
        "type_uid": meaning.kind * 100 + meaning.activity,
        "time": int(event.at.timestamp() * 1000),
        "severity_id": meaning.severity,
        "status_id": meaning.status,
        "metadata": _metadata(one),
        "actor": _actor(event.actor, app),
        **_of_class(event, meaning, app),
        **_from_where(event),
        "unmapped": dict(event.details),
    }
    if meaning.activity == OTHER:
        found["activity_name"] = event.name
    return found


def _metadata(one: OutgoingEvent) -> dict[str, Any]:
    product = {"name": PRODUCT, "vendor_name": PRODUCT, "version": version(PRODUCT)}
    return {"version": VERSION, "uid": one.id, "event_code": one.event.name, "product": product}


def _actor(actor: str, app: str) -> dict[str, Any]:
    key = actor.removeprefix(_USER)
    return {"app_name": app, "user": {"uid": key}} if key != actor else {"app_name": app, "invoked_by": actor}


def _of_class(event: Event, meaning: Meaning, app: str) -> dict[str, Any]:
    if meaning.kind is OcsfClass.ENTITY_MANAGEMENT:
        name = next((str(event.details[word]) for word in _ENTITY_NAMES if event.details.get(word)), meaning.entity)
        return {"entity": {"type": meaning.entity, "name": name}, **({"comment": event.reason} if event.reason else {})}
    found: dict[str, Any] = {"user": {"uid": event.subject}, **({"message": event.reason} if event.reason else {})}
    if meaning.kind is OcsfClass.AUTHENTICATION:
        is_mfa = event.name in {EventName.CHALLENGE_PASSED, EventName.CHALLENGE_FAILED}
        found |= {"service": {"name": app}, **({"is_mfa": True} if is_mfa else {})}
    if meaning.status is Status.FAILURE and event.details.get("reason_id"):
        found["status_detail"] = str(event.details["reason_id"])
    return found


def _from_where(event: Event) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if event.address:
        found["src_endpoint"] = {"ip": event.address}
    if event.user_agent:
        found["http_request"] = {"user_agent": event.user_agent}
    return found
