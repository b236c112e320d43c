"""The claims of an ID token that say how its user signed in. What is not as it has to be counts as left out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ..sign_in.upstream import LONG_AGO, Upstream

LEEWAY = timedelta(seconds=60)
_LONGEST = 512
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
    return Upstream(issuer, amr, is_multi_factor, _auth_time(claims.get("auth_time"), now))


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


def _auth_time(value: object, now: datetime) -> datetime | None:
    """In seconds since 1970. A clock may be a minute ahead of ours."""
    if value is None:
        return None
    # SECURITY: a time that can't be right is no young one. True is a number too.
    if type(value) is not int or not 0 < value <= (now + LEEWAY).timestamp():
        return LONG_AGO
    return min(datetime.fromtimestamp(value, UTC), now)
