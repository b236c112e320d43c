"""Apps that sign in here: their registrations, their secrets, and who uses them."""

from __future__ import annotations

from . import acts, form, listing, page

ROUTES = (*listing.ROUTES, *form.ROUTES, *page.ROUTES, *acts.ROUTES)
