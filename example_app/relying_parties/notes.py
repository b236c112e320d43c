"""Notes: a Flask app whose users sign in at the portal, with the OpenID Connect client of Authlib."""

from __future__ import annotations

from typing import Any

from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Blueprint, Flask, current_app, redirect, render_template, request, session, url_for

from .logout_tokens import InvalidLogoutToken, read_logout_token
from .registration import NOTES, NOTES_SECRET
from .sign_ins import SignIn, SignIns

STRONG = ("https://refeds.org/profile/mfa", "phr")
_SIGN_IN = "sign_in"
notes = Blueprint("notes", __name__)


def create_notes(*, issuer: str, portal_name: str = "Example Portal") -> Flask:
    """The app, which learns the rest from the discovery document of the issuer."""
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY="demo only, of notes",  # noqa: S106
        # Cookies know no ports, and the portal is on the same host.
        SESSION_COOKIE_NAME="notes_session",
        SESSION_COOKIE_SAMESITE="Lax",
        ISSUER=issuer,
        PORTAL_NAME=portal_name,
    )
    oauth = OAuth(app)
    oauth.register(
        "portal",
        client_id=NOTES,
        client_secret=NOTES_SECRET,
        server_metadata_url=f"{issuer}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid profile email groups", "code_challenge_method": "S256", "timeout": 10},
    )
    app.extensions["oauth"], app.extensions["sign_ins"] = oauth, SignIns()
    app.register_blueprint(notes)
    return app


@notes.get("/")
def home() -> str:
    """Who is signed in, and how strongly."""
    return _page()


@notes.get("/sign-in")
def sign_in() -> Any:
    """To the portal. ``acr_values``, ``max_age`` and ``prompt`` say what the sign-in has to be like."""
    wishes = {name: request.args[name] for name in ("acr_values", "max_age", "prompt") if name in request.args}
    return _portal().authorize_redirect(url_for("notes.callback", _external=True), **wishes)


@notes.get("/callback")
def callback() -> Any:
    """Back from the portal, with a code or an error."""
    # RFC 9207: an answer of another provider is none for us.
    if request.args.get("iss") != current_app.config["ISSUER"]:
        return _failed("issuer_mismatch", "This answer is not from the portal.")
    try:
        token = _portal().authorize_access_token(claims_options=_claims_options())
    except OAuthError as error:
        return _failed(error.error, error.description)
    # The ID token says who, how and when; what the scopes allow is told at the userinfo endpoint.
    claims = {**_portal().userinfo(token=token), **token["userinfo"]}
    session[_SIGN_IN] = _sign_ins().add(
        SignIn(claims, token["id_token"], token["access_token"], token.get("refresh_token"))
    )
    return redirect(session.pop("next", None) or url_for("notes.home"))


@notes.get("/confidential")
def confidential() -> Any:
    """Wants a second factor, whatever the portal asks for by itself."""
    current = _current()
    if current is None or current.claims.get("acr") not in STRONG:
        session["next"] = url_for("notes.confidential")
        return redirect(url_for("notes.sign_in", acr_values=" ".join(STRONG)))
    return _page(is_confidential=True)


@notes.post("/refresh")
def refresh() -> Any:
    """A new access token; the portal asks its policies again."""
    current = _current()
    if current is None or current.refresh_token is None:
        return redirect(url_for("notes.home"))
    try:
        token = _portal().fetch_access_token(grant_type="refresh_token", refresh_token=current.refresh_token)
    except OAuthError as error:
        _sign_ins().end(session.pop(_SIGN_IN, None))
        return _failed(error.error, error.description)
    _sign_ins().refreshed(session[_SIGN_IN], token)
    return redirect(url_for("notes.home", refreshed="1"))


@notes.post("/sign-out")
def sign_out() -> Any:
    """Here, and at the portal too."""
    ended = _sign_ins().end(session.pop(_SIGN_IN, None))
    if ended is None:
        return redirect(url_for("notes.home"))
    return _portal().logout_redirect(url_for("notes.home", _external=True), id_token_hint=ended.id_token)


@notes.post("/backchannel-logout")
def backchannel_logout() -> Any:
    """The portal says that a session of it is over (OpenID Connect Back-Channel Logout 2.5)."""
    try:
        logout = read_logout_token(
            request.form.get("logout_token", ""), keys=_portal().fetch_jwk_set(force=True),
            issuer=current_app.config["ISSUER"], audience=NOTES,
        )  # fmt: skip
    except InvalidLogoutToken as error:
        return {"error": "invalid_request", "error_description": str(error)}, 400
    _sign_ins().end_session(subject=logout.subject, session_id=logout.session_id, token_id=logout.token_id)
    return "", 200, {"Cache-Control": "no-store"}


def _current() -> SignIn | None:
    return _sign_ins().get(session.get(_SIGN_IN))


def _claims_options() -> dict[str, Any]:
    """The issuer of the configuration counts, not the one that the discovery document names."""
    return {"iss": {"essential": True, "value": current_app.config["ISSUER"]}}


def _failed(error: str, description: str | None) -> tuple[str, int]:
    return _page(error=error, description=description), 400


def _page(**values: Any) -> str:
    return render_template("notes.html", sign_in=_current(), portal=current_app.config["PORTAL_NAME"], **values)


def _portal() -> Any:
    return current_app.extensions["oauth"].portal


def _sign_ins() -> SignIns:
    found: SignIns = current_app.extensions["sign_ins"]
    return found
