"""Syslog messages (RFC 5424) over UDP (RFC 5426), TCP (RFC 6587) and TLS (RFC 5425)."""

from __future__ import annotations

import errno
import re
import socket
from datetime import UTC

from ..domain.records.destination import SyslogServer, Transport
from ..outbound import Channels, TlsLine, look_up
from ..store.records.outgoing_events import OutgoingEvent
from .ocsf import Severity, meaning_of
from .trouble import Refused

# RFC 5424 section 6.2.1: notice for what is in order, warning and error for what is not.
_SEVERITIES = {Severity.INFORMATIONAL: 6, Severity.LOW: 5, Severity.MEDIUM: 4, Severity.HIGH: 3}
_NIL, _LONGEST_APP, _LONGEST_HOST, _LONGEST_ID = "-", 48, 255, 32
FAREWELL_SECONDS = 1
# The operator named the server, which is mostly in a private network, and chose the transport.
CHANNELS = Channels(is_everywhere=True)


def send(server: SyslogServer, one: OutgoingEvent, body: bytes, *, app: str) -> None:
    """Send an event. Over UDP nobody says whether it arrived.

    :raises OSError: where nobody takes it.
    :raises Refused: for a message that is too long for UDP.
    """
    message = message_of(server, one, body, app=app)
    if server.transport is Transport.UDP:
        _send_datagram(server, message)
        return
    with CHANNELS.open(server.host, server.port, tls=False) as line:
        spoken = TlsLine(line, server.host) if server.transport is Transport.TLS else line
        # RFC 6587 section 3.4.1: the length in octets, so that no line break in a message ends it.
        spoken.sendall(b"%d %b" % (len(message), message))
        _await_end(spoken)


def message_of(server: SyslogServer, one: OutgoingEvent, body: bytes, *, app: str) -> bytes:
    """The message (RFC 5424 section 6)."""
    priority = server.facility * 8 + _SEVERITIES[meaning_of(one.event.name).severity]
    at = one.event.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    host, name = _word(socket.gethostname(), _LONGEST_HOST), _word(app, _LONGEST_APP)
    head = f"<{priority}>1 {at} {host} {name} {_NIL} {_word(one.event.name, _LONGEST_ID)} {_NIL} "
    # SECURITY: a server cuts what is too long for it, and takes the rest for another message. Without this sign, which
    # JSON has in strings only, none begins there with a header that somebody wrote as a reason.
    return head.encode("ascii") + body.replace(b"<", rb"\u003c")


def _word(text: str, longest: int) -> str:
    """Printable ASCII without a space, as the fields of the head take it."""
    return re.sub(r"[^!-~]+", "_", text)[:longest] or _NIL


def _send_datagram(server: SyslogServer, message: bytes) -> None:
    family, kind, protocol, _, place = look_up(
        server.host, server.port, kind=socket.SOCK_DGRAM, seconds=CHANNELS.connect_seconds
    )[0]
    with socket.socket(family, kind, protocol) as line:
        line.settimeout(CHANNELS.connect_seconds)
        try:
            line.sendto(message, place)
        except OSError as error:
            # SECURITY: one long message would keep back all that is behind it.
            raise (Refused("too long for UDP") if error.errno == errno.EMSGSIZE else error) from None


def _await_end(line: socket.socket | TlsLine) -> None:
    """Say that this was all, and see the server read up to there.

    What is only handed to the system may still be lost: a server that goes down resets the connection, and then the
    event is sent again. One that neither ends nor resets it within a moment has it.
    """
    try:
        if isinstance(line, TlsLine):
            line.say_goodbye()
        else:
            line.shutdown(socket.SHUT_WR)
        line.settimeout(FAREWELL_SECONDS)
        while line.recv(4096):
            pass
    except TimeoutError:
        return
