"""The gate's tables. Each name starts with the configured prefix, which is the tenant."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sqlalchemy import MetaData, Table

from . import account_tables, oidc_tables, people_tables, record_tables


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one prefix."""

    metadata: MetaData
    enrollment: Table
    factor: Table
    recovery_code: Table
    session: Table
    failure: Table
    audit: Table
    outbox: Table
    outgoing_event: Table
    person: Table
    person_group: Table
    person_word: Table
    access_pass: Table
    mark: Table
    noted: Table
    policy_version: Table
    sign_in: Table
    grant: Table
    api_token: Table
    impersonation: Table
    adoption_day: Table
    sign_in_day: Table
    action_request: Table
    action_item: Table
    oidc_client: Table
    oidc_client_secret: Table
    oidc_grant: Table
    oidc_token: Table
    oidc_signing_key: Table
    oidc_consent: Table
    oidc_request: Table
    oidc_assertion: Table


@cache
def build_tables(prefix: str) -> Tables:
    """All tables for one prefix, on a metadata of their own that every app with this prefix shares."""
    metadata = MetaData()
    return Tables(
        metadata=metadata,
        enrollment=account_tables.enrollment(metadata, prefix),
        factor=account_tables.factor(metadata, prefix),
        recovery_code=account_tables.recovery_code(metadata, prefix),
        session=account_tables.session(metadata, prefix),
        failure=account_tables.failure(metadata, prefix),
        audit=record_tables.audit(metadata, prefix),
        outbox=record_tables.outbox(metadata, prefix),
        outgoing_event=record_tables.outgoing_event(metadata, prefix),
        person=people_tables.person(metadata, prefix),
        person_group=people_tables.person_group(metadata, prefix),
        person_word=people_tables.person_word(metadata, prefix),
        access_pass=account_tables.access_pass(metadata, prefix),
        mark=record_tables.mark(metadata, prefix),
        noted=record_tables.noted(metadata, prefix),
        policy_version=record_tables.policy_version(metadata, prefix),
        sign_in=record_tables.sign_in(metadata, prefix),
        grant=account_tables.grant(metadata, prefix),
        api_token=account_tables.api_token(metadata, prefix),
        impersonation=account_tables.impersonation(metadata, prefix),
        adoption_day=record_tables.adoption_day(metadata, prefix),
        sign_in_day=record_tables.sign_in_day(metadata, prefix),
        action_request=record_tables.action_request(metadata, prefix),
        action_item=record_tables.action_item(metadata, prefix),
        oidc_client=oidc_tables.oidc_client(metadata, prefix),
        oidc_client_secret=oidc_tables.oidc_client_secret(metadata, prefix),
        oidc_grant=oidc_tables.oidc_grant(metadata, prefix),
        oidc_token=oidc_tables.oidc_token(metadata, prefix),
        oidc_signing_key=oidc_tables.oidc_signing_key(metadata, prefix),
        oidc_consent=oidc_tables.oidc_consent(metadata, prefix),
        oidc_request=oidc_tables.oidc_request(metadata, prefix),
        oidc_assertion=oidc_tables.oidc_assertion(metadata, prefix),
    )
