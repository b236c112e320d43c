"""Requests to the servers of others: to public addresses unless told otherwise, over TLS, and not for long."""

from .channel import AddressRefused, Channels
from .patience import look_up, within
from .post import Outbound
from .tls_line import TlsLine

__all__ = ["AddressRefused", "Channels", "Outbound", "TlsLine", "look_up", "within"]
