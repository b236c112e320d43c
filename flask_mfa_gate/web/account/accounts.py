"""Whether an account is switched on, asked where the row alone would not know."""

from __future__ import annotations

from typing import Any

from flask import current_app

from ...domain.session import GateSession
from ...services.directory import Directory, NoDirectory
from ..parking import is_active


def is_switched_on(directory: Directory, session: GateSession) -> bool:
    """By the directory, where the host told who its users are; else as its user loader finds the user.

    A directory that fails lets nobody on; a loader may need hooks of the host that do not run for these pages, so one
    that fails says nothing, and the next page of the app itself refuses.
    """
    if not isinstance(directory, NoDirectory):
        person = directory.get(session.user_key)
        return person is not None and person.is_active
    user = _by_loader(session.host_user_id)
    return user is None or is_active(user)


def _by_loader(host_user_id: str | None) -> Any:
    loader = getattr(getattr(current_app, "login_manager", None), "_user_callback", None)
    if loader is None or host_user_id is None:
        return None
    try:
        return loader(host_user_id)
    except Exception:  # noqa: BLE001
        return None
