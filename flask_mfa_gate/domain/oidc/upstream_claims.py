"""The claims of an ID token that say how its user signed in. What is not as it has to be counts as left out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ..sign_in.upstream import LONG_AGO, Upstream

LEEWAY = timedelta(seconds=60)
_LONGEST = 512
_LATEST = 1e11
# Seconds: both times are whole ones.
_ROUNDING = 1
_MOST_WORDS, _LONGEST_WORD = 20, 64
_MULTI_FACTOR = "mfa"
# RFC 8176 section 2, without what says where the user was or that somebody called them.
_KINDS = (
    frozenset({"pwd", "pin"}),
    frozenset({"otp", "hwk", "swk", "sc", "pop"}),
    frozenset({"face", "fpt", "iris", "retina", "vbm"}),
)


def read_upstream(claims: Mapping[str, object], strong: Collection[str], *, now: datetime) -> Upstream:
    """What a provider says of the sign-in.

    :param strong: values of ``acr`` that stand for more than one factor.
    """
    issuer, subject = _text(claims.get("iss")), _text(claims.get("sub"))
    if issuer is None or subject is None:
        # SECURITY: what nobody signed for is nobody's word (OpenID Connect Core 1.0 section 2).
        return Upstream(None)
    amr = _words(claims.get("amr"))
    is_multi_factor = _text(claims.get("acr")) in strong or are_two_factors(amr)
    return Upstream(issuer, amr, is_multi_factor, _auth_time(claims, now))


def is_since(claims: Mapping[str, object], began_at: datetime, *, now: datetime) -> bool:
    """Whether the user authenticated after ``began_at``: how long ago it was, the provider's own clock tells.

    However wrong that is, ``iat`` and ``auth_time`` are by the same one.
    """
    told_at, issued_at = _seconds(claims.get("auth_time")), _seconds(claims.get("iat"))
    if told_at is None or issued_at is None:
        return True
    # SECURITY: what is a moment old would pass, by a clock that may differ, for what was asked for just now.
    return issued_at - told_at <= (now - began_at).total_seconds() + _ROUNDING


def by_our_clock(said: Upstream, *, began_at: datetime, known: Upstream | None) -> Upstream:
    """What a provider said that was asked to authenticate its user again, as of a moment after it was asked.

    Its clock may be behind. What it tells of before that stays of that time.

    :param known: what it said of the same user before.
    """
    if said.at is None or said.at < began_at - LEEWAY:
        return said
    # SECURITY: told of once more, an authentication that is known already is nothing new, however young it is.
    if known is not None and known.issuer == said.issuer and known.at is not None and said.at <= known.at:
        return said
    return replace(said, at=max(said.at, began_at))


def _text(value: object) -> str | None:
    # SECURITY: half a surrogate pair or a NUL is no text that every database and page can hold.
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST and value.isprintable() else None


def _words(value: object) -> tuple[str, ...]:
    """An array of strings (OpenID Connect Core 1.0 section 2); anything else says nothing."""
    # SECURITY: a string such as "mfa" is no list, and its letters are no words.
    if not isinstance(value, list | tuple) or len(value) > _MOST_WORDS:
        return ()
    words = [word for word in map(_text, value) if word is not None and len(word) <= _LONGEST_WORD]
    return tuple(dict.fromkeys(words)) if len(words) == len(value) else ()


def are_two_factors(amr: Collection[str]) -> bool:
    """Said so, or of two kinds: what the user knows, has, or is. Two of one kind are one factor."""
    return _MULTI_FACTOR in amr or sum(not kind.isdisjoint(amr) for kind in _KINDS) > 1


def _auth_time(claims: Mapping[str, object], now: datetime) -> datetime | None:
    """In seconds since 1970. A clock may be a minute ahead of ours."""
    value = claims.get("auth_time")
    if value is None:
        return None
    # SECURITY: a time that can't be right is no young one. True is a number too.
    if type(value) is not int or not 0 < value <= (now + LEEWAY).timestamp():
        return LONG_AGO
    # SECURITY: told of again, by a clock that is ahead, what is over for a while would be of this moment once more.
    ahead = timedelta(seconds=max(0.0, (_seconds(claims.get("iat")) or 0) - now.timestamp()))
    return min(datetime.fromtimestamp(value, UTC) - min(ahead, LEEWAY), now)


def _seconds(value: object) -> float | None:
    return float(value) if type(value) in {int, float} and 0 < value < _LATEST else None  # type: ignore[operator,arg-type]
