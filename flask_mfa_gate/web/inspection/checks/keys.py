"""The keys that seal secrets."""

from __future__ import annotations

import stat
from collections.abc import Iterator

from ....sentences import Sentence
from ....services.keys import KEY_FILE
from ..findings import Finding, error, warning
from ..registry import Inspection, Needs, check


@check()
def key_file(on: Inspection) -> Iterator[Finding]:
    """A key that nobody chose, and who can read it."""
    if on.settings.keys or not on.state.location.embedded:
        return
    path = on.state.location.folder / KEY_FILE
    yield warning(
        "key-file",
        Sentence("Secrets are sealed with the key file %(path)s.", path=path),
        fix="Back it up, or set MFA_GATE_KEYS.",
    )
    if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield error(
            "key-file-mode",
            Sentence("Other users of this machine can read the key file %(path)s.", path=path),
            fix=Sentence("chmod 600 %(path)s", path=path),
        )


@check(Needs.TABLES)
def stored_secrets(on: Inspection) -> Iterator[Finding]:
    """Whether the keys open what is stored, tried with all of it."""
    if count := on.state.operations.key_rotation.count_unreadable():
        subject = "1 stored secret" if count == 1 else f"{count} stored secrets"
        yield error(
            "unreadable-secrets",
            Sentence(
                "%(subject)s can't be opened with MFA_GATE_KEYS, so nobody can use what they stand for.",
                subject=subject,
            ),
            fix="Put the earlier key back into MFA_GATE_KEYS, behind the new one. If it is lost: flask mfa reset USER",
        )
