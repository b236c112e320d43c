"""Draws the gate's pages, and those that a host has put in their place."""

from __future__ import annotations

import logging
from typing import Any

from flask import current_app

from ...services.observations import Observation
from ...templating import PageTemplates
from ..state import current_state
from ..translation import TEXTS
from .host_names import own_url

log = logging.getLogger("flask_mfa_gate")
_TEMPLATES = "mfa_gate_templates"


def draw(name: str, **values: Any) -> str:
    """A page in HTML. Where what the host has put in its place fails, the page that is built in."""
    templates = _templates()
    if not templates.is_overridden(name):
        return templates.draw(name, values)
    try:
        return templates.draw_with_overrides(name, values, _context_of_host)
    except Exception:
        # SECURITY: a typo in a template must neither lock everybody out nor leave a locked user without a word.
        log.exception("the app's own template for the gate's page %s failed; the built-in page is shown", name)
        current_state().operations.observations.note(Observation.BROKEN_PAGE, name)
        return templates.draw(name, values)


def _context_of_host() -> dict[str, Any]:
    context: dict[str, Any] = {}
    current_app.update_template_context(context)
    return context


def _templates() -> PageTemplates:
    """Made at the first page, when the host is done with its environment."""
    found = current_app.extensions.get(_TEMPLATES)
    if found is None:
        found = current_app.extensions[_TEMPLATES] = PageTemplates(current_app.jinja_env, url_for=own_url, texts=TEXTS)
    assert isinstance(found, PageTemplates)  # noqa: S101 - for the type checker
    return found
