"""The portal's pages."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, flash, jsonify, make_response, redirect, render_template, request, url_for
from flask_login import current_user, login_required, login_user, logout_user
from sqlalchemy import select
from werkzeug.security import check_password_hash

from flask_mfa_gate import MFAGate

from .models import User, db
from .people import DAVES_KEY, PASSWORD, PEOPLE

portal = Blueprint("portal", __name__)
_marks = MFAGate()
_STRICT = "default-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; object-src 'none'"


@portal.route("/login", methods=["GET", "POST"])
def login() -> Any:
    """Name and password."""
    if request.method == "GET":
        return render_template(
            "login.html", people=PEOPLE, password=PASSWORD, key=DAVES_KEY, username=request.args.get("login_hint", "")
        )  # fmt: skip
    username, password = request.form.get("username", ""), request.form.get("password", "")
    # PostgreSQL takes no NUL in a text.
    named = select(User).where(User.username == username.replace("\0", ""))
    user = db.session.scalars(named).first()
    if user is None or not check_password_hash(user.password_hash, password):
        flash("Incorrect name or password.")
        return render_template("login.html", people=PEOPLE, password=PASSWORD, key=DAVES_KEY), 401
    if not login_user(user, remember=bool(request.form.get("remember"))):
        flash("This account is disabled.")
        return render_template("login.html", people=PEOPLE, password=PASSWORD, key=DAVES_KEY), 403
    return redirect(_own_page(request.args.get("next")))


@portal.route("/logout", methods=["GET", "POST"])
def logout() -> Any:
    """Out."""
    logout_user()
    return redirect(url_for("portal.login"))


@portal.get("/")
@login_required
def home() -> Any:
    """The portal itself."""
    return render_template("home.html")


@portal.post("/view-as")
@login_required
def view_as() -> Any:
    """An admin looks at the portal as another user, and says why."""
    named = select(User).where(User.username == request.form.get("username", "").replace("\0", ""))
    user = db.session.scalars(named).first()
    if current_user.role != "admin" or user is None:
        flash("Only administrators can view the portal as somebody else, and only as a user of it.")
        return render_template("home.html"), 403
    with _marks.impersonation(actor=current_user, subject=user, reason=request.form.get("reason", "")):
        login_user(user)
    return redirect(url_for("portal.home"))


@portal.get("/payroll")
@login_required
@_marks.resource("payroll")
def payroll() -> Any:
    """A resource that default access or a policy can protect."""
    return render_template("payroll.html")


@portal.get("/wiki")
@login_required
@_marks.resource("wiki")
def wiki() -> Any:
    """Another one."""
    return render_template("wiki.html")


@portal.route("/transfer", methods=["GET", "POST"])
@login_required
@_marks.require_mfa(max_age=timedelta(minutes=5))
def transfer() -> Any:
    """Asks for a proof of the last five minutes."""
    if request.method == "POST":
        flash("The transfer is on its way.")
        return redirect(url_for("portal.transfer"))
    return render_template("transfer.html")


@portal.get("/single-page")
@login_required
def single_page() -> Any:
    """A page that stays open: its script asks for the code, and sends the request once more."""
    page = make_response(render_template("single_page.html"))
    page.headers["Content-Security-Policy"] = _STRICT
    return page


@portal.post("/api/transfers")
@_marks.require_mfa(max_age=timedelta(minutes=5))
def api_transfer() -> Any:
    """For that page. A form of another site can't send JSON."""
    sent = request.get_json(silent=True)
    amount = sent.get("amount") if isinstance(sent, dict) else None
    if not isinstance(amount, str) or not re.fullmatch(r"[0-9]{1,7}([.,][0-9]{2})?", amount):
        return jsonify(detail="Enter an amount, such as 12.50."), 400
    return jsonify(amount=amount), 201


@portal.get("/api/me")
@_marks.accept_access_tokens({"openid"})
def api_me() -> Any:
    """For programs, by session or with an access token; a browser goes to the sign-in page like everywhere else."""
    return jsonify(id=current_user.id, username=current_user.username, name=current_user.name, group=current_user.group)


@portal.get("/healthz")
@_marks.exempt
def healthz() -> Any:
    """For load balancers."""
    return jsonify(status="ok")


def _own_page(target: str | None) -> str:
    """Only pages of the portal, by path."""
    parts = urlsplit(target or "")
    is_own = target and target.startswith("/") and not target.startswith(("//", "/\\")) and not parts.netloc
    return target if is_own and target else url_for("portal.home")
