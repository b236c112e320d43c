"""What is opened, and its default access."""

from __future__ import annotations

from enum import StrEnum

APP = "app"
MFA_ADMIN = "mfa-admin"


class Access(StrEnum):
    """Default access of a resource."""

    USER_SETTING = "user-setting"
    ALLOW = "allow"
    REQUIRE = "require"
    DENY = "deny"
