"""The host's sign-in page, wherever it can be found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlencode, urlsplit

from flask import current_app, request, url_for

from ...settings import Settings
from ..endpoints import is_own
from ..state import GateState, current_state
from ..view_marks.protection import marks_of
from .routing import endpoint_at, inner_path


def login_url(settings: Settings) -> str | None:
    """The host's sign-in page; where none is named, the view of the last sign-in, or the root if it is public.

    None where nothing of this leads to a page.
    """
    return named_login(settings) or _address_of(current_state().sign_in.last_login_view.endpoint()) or _open_root()


def way_through_login(login: str, *, target: str, wishes: Mapping[str, str]) -> str:
    """The sign-in page, which leads on to the target; with what is wished of the sign-in, for it to act on."""
    told = {"next": target, **wishes}
    return f"{login}{'&' if '?' in login else '?'}{urlencode(told)}"


def named_login(settings: Settings) -> str | None:
    """The page that the host calls its sign-in: as configured, else as Flask-Login was told, else ``/login``."""
    return next(named_logins(settings), None)


def named_logins(settings: Settings) -> Iterator[str]:
    """Each page that the host calls so: it may have several, such as one for each blueprint."""
    addresses = (_address_of(name) for name in _names(settings))
    return (address for address in dict.fromkeys(addresses) if address is not None)


def note_login_view(state: GateState, endpoint: str) -> None:
    """Remember where the last sign-in was, if that is a page, and no page is named."""
    if named_login(state.settings) is not None:
        state.sign_in.last_login_view.unneeded.add(endpoint)
    elif _address_of(endpoint) is not None:
        state.sign_in.last_login_view.note(endpoint)


def is_address(name: str) -> bool:
    """Whether a name is an address, and no endpoint."""
    return name.startswith(("/", "http://", "https://"))


def unreachable_login_view() -> str | None:
    """What Flask-Login was told, when that is neither an address nor an endpoint that can be reached."""
    name = getattr(getattr(current_app, "login_manager", None), "login_view", None)
    return name if name and not is_address(name) and name not in current_app.view_functions else None


def _names(settings: Settings) -> Iterator[str]:
    """That of this request's blueprint before that of the app; pages of the gate are in no blueprint of the host's."""
    manager = getattr(current_app, "login_manager", None)
    by_blueprint = getattr(manager, "blueprint_login_views", None) or {}
    views = (by_blueprint.get(request.blueprint), getattr(manager, "login_view", None), *by_blueprint.values())
    yield from (str(name) for name in (settings.login_url, *views) if name)
    if endpoint_at("/login") is not None:
        yield f"{request.script_root}/login"


def _address_of(name: str | None) -> str | None:
    """An address as it stands; of an endpoint, the address of the page that it has, if it has one."""
    if name is None or is_address(name):
        return name
    try:
        address = url_for(name)
    except Exception:  # noqa: BLE001 - there is no such endpoint, it wants arguments, or the host's url_defaults fail
        return None
    parts = urlsplit(address)
    return address if parts.netloc or endpoint_at(inner_path(parts.path)) is not None else None


def _open_root() -> str | None:
    """Not where the root itself sends anonymous users away, since they would go round in circles."""
    endpoint = endpoint_at("/")
    if endpoint is None or is_own(endpoint) or request.path == "/":
        return None
    return None if marks_of(current_app.view_functions.get(endpoint)).wants_identity else f"{request.script_root}/"
