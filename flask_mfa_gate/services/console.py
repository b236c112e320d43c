"""Puts together what only the console shows."""

from __future__ import annotations

from typing import TypedDict

from ..clock import Clock
from ..domain.sign_in.session import Lifetimes
from ..store import Store
from .actions.action_calls import ActionCalls
from .actions.action_jobs import ActionJobs
from .actions.action_requests import ActionRequestService
from .audit.reading import AuditReader
from .audit.sign_in_reading import SignInReader
from .enrollment.enrollments import EnrollmentService
from .people.directory import UserDirectory
from .people.lookup import UserLookup
from .people.profile import ProfileReader
from .people.user_list import UserListService
from .policies.policies import PolicyService
from .unit_of_work import TransactionRunner


class ConsoleServices(TypedDict):
    """By their names in the state of the app."""

    audit_reader: AuditReader
    sign_in_reader: SignInReader
    profiles: ProfileReader
    action_requests: ActionRequestService
    action_jobs: ActionJobs


def console_services(
    store: Store, worker: TransactionRunner, enrollments: EnrollmentService, listed: UserListService,
    lookup: UserLookup, *, directory: UserDirectory, policies: PolicyService, lifetimes: Lifetimes, clock: Clock,
) -> ConsoleServices:  # fmt: skip
    """Lists, profiles, and actions as they were confirmed."""
    calls = ActionCalls(store, enrollments, policies, clock=clock)
    requests = ActionRequestService(store, worker, calls, listed, lookup, clock=clock)
    return ConsoleServices(
        audit_reader=AuditReader(store, worker),
        sign_in_reader=SignInReader(store, clock=clock),
        profiles=ProfileReader(store, lifetimes, clock=clock),
        action_requests=requests,
        action_jobs=ActionJobs(store, worker, directory, calls, requests, clock=clock),
    )
