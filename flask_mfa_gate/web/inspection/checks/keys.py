"""The keys that seal secrets."""

from __future__ import annotations

import stat
from collections.abc import Iterator

from ....services.keys import KEY_FILE
from ..findings import Finding, error, warning
from ..registry import Inspection, check


@check()
def key_file(on: Inspection) -> Iterator[Finding]:
    """A key that nobody chose, and who can read it."""
    if on.settings.keys or not on.state.location.embedded:
        return
    path = on.state.location.folder / KEY_FILE
    yield warning(
        "key-file",
        f"Secrets are sealed with the key file {path}.",
        fix="Back it up, or set MFA_GATE_KEYS.",
    )
    if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield error(
            "key-file-mode", f"Other users of this machine can read the key file {path}.", fix=f"chmod 600 {path}"
        )
