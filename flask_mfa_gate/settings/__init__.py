"""What an app sets: every key with its type, default, check and meaning."""

from .settings import PREFIX, Settings

__all__ = ["PREFIX", "Settings"]
