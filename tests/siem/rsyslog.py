"""Debian's rsyslog, as the documentation configures it, with ports and files of the tests' own."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme

from tests.mail.kit import free_port

RSYSLOG = shutil.which("rsyslogd") or shutil.which("rsyslogd", path="/usr/sbin")
TLS_DRIVER = "lmnsd_gtls.so"
PAGE = Path(__file__).parents[2] / "docs" / "events.md"
SIZE = 'global(maxMessageSize="128k")'
# Also without TLS, which takes the same messages.
_BESIDE = """
global(workDirectory="{folder}" net.enableDNS="off")
module(load="imudp")
input(type="imudp" address="127.0.0.1" port="{udp}" ruleset="mfa")
input(type="imtcp" address="127.0.0.1" port="{tcp}" ruleset="mfa")
"""


def is_installed() -> bool:
    return RSYSLOG is not None and any(Path("/usr/lib").glob(f"*/rsyslog/{TLS_DRIVER}"))


@dataclass
class Rsyslog:
    """A server in the foreground, as a child of this process.

    :ivar ports: by transport.
    """

    folder: Path
    ports: dict[str, int] = field(default_factory=lambda: {name: free_port() for name in ("udp", "tcp", "tls")})
    _running: subprocess.Popen[bytes] | None = None

    def url(self, transport: str) -> str:
        return f"{transport}://127.0.0.1:{self.ports[transport]}"

    def configure(self, authority: trustme.CA, *, without: str = "") -> None:
        """As on the page, where it says nothing of ``without``."""
        files = {name: self.folder / f"{name}.pem" for name in ("ca", "cert", "key")}
        mine = authority.issue_cert("127.0.0.1")
        authority.cert_pem.write_to_path(files["ca"])
        mine.cert_chain_pems[0].write_to_path(files["cert"])
        mine.private_key_pem.write_to_path(files["key"])
        (text,) = re.findall(r"```rsyslog\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
        here = {
            'port="6514"': f'address="127.0.0.1" port="{self.ports["tls"]}"',
            "/var/log/mfa.json": str(self.folder / "mfa.json"),
            **{f"/etc/ssl/siem/{name}.pem": str(path) for name, path in files.items()},
            **({without: ""} if without else {}),
        }
        for theirs, ours in here.items():
            assert theirs in text
            text = text.replace(theirs, ours)
        (self.folder / "rsyslog.conf").write_text(text + _BESIDE.format(folder=self.folder, **self.ports))

    def start(self) -> None:
        command = [str(RSYSLOG), "-n", "-f", str(self.folder / "rsyslog.conf"), "-i", str(self.folder / "pid")]
        with (self.folder / "output.log").open("ab") as output:
            self._running = subprocess.Popen(command, stdout=output, stderr=output)
        for _ in range(400):
            assert self._running.poll() is None, self.log()
            if all(self._listens(name) for name in ("tcp", "tls")):
                return
            time.sleep(0.02)
        raise AssertionError(self.log())

    def stop(self) -> None:
        """It writes what it has read, and says goodbye."""
        if self._running is not None:
            self._running.terminate()
            self._running.wait(20)
            self._running = None

    def records(self, count: int) -> list[dict[str, Any]]:
        """What it wrote, once that is so much: over UDP nobody says when it was read."""
        ends = time.monotonic() + 20
        while len(found := self._lines()) < count and time.monotonic() < ends:
            time.sleep(0.02)
        return [json.loads(line) for line in found]

    def log(self) -> str:
        return (self.folder / "output.log").read_text()

    def forget(self) -> None:
        """What it wrote so far."""
        if self._file.exists():
            self._file.open("w").close()

    @property
    def _file(self) -> Path:
        return self.folder / "mfa.json"

    def _lines(self) -> list[str]:
        text = self._file.read_text() if self._file.exists() else ""
        return text[: text.rfind("\n") + 1].splitlines()

    def _listens(self, transport: str) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.ports[transport])) == 0


@contextmanager
def rsyslog(folder: Path, authority: trustme.CA, *, without: str = "") -> Iterator[Rsyslog]:
    server = Rsyslog(folder)
    server.configure(authority, without=without)
    server.start()
    yield server
    server.stop()
