"""Providers that nobody here wrote, or that are another process with other keys."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fcntl import LOCK_EX, flock
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests

from tests.conftest import Phone
from tests.federation.kit import BASE, CALLBACKS, CLIENT_ID, SECRET, WallClock

HERE = Path(__file__).parent
NODE = HERE / "node"
_REFRESH = re.compile(r'http-equiv="refresh" content="0;url=([^"]+)"')
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flask_mfa_gate_tests" / "oidc-provider"


def node_folder() -> Path | None:
    """Where the provider from npm is installed, once for every checkout; None where it can't be."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return None
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / ".lock").open("w") as lock:
        flock(lock, LOCK_EX)
        return CACHE if _is_installed() or _install() else None


def _is_installed() -> bool:
    kept = CACHE / "package-lock.json"
    is_same = kept.exists() and kept.read_bytes() == (NODE / "package-lock.json").read_bytes()
    return is_same and (CACHE / ".installed").exists()


def _install() -> bool:
    (CACHE / ".installed").unlink(missing_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(NODE / name, CACHE)
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=CACHE, capture_output=True, timeout=300
    )
    if done.returncode == 0:
        (CACHE / ".installed").touch()
    return done.returncode == 0


@contextmanager
def running(command: Sequence[str | Path], **options: Any) -> Iterator[str]:
    """The issuer of a process that says where it listens."""
    with subprocess.Popen(
        [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, **options
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if line.startswith("listening on "):
                    yield line.split()[-1]
                    return
            raise AssertionError("the provider did not start")
        finally:
            process.kill()


@contextmanager
def certified_provider(folder: Path) -> Iterator[str]:
    """``oidc-provider``, as configured in ``provider.mjs``."""
    # A module looks for packages beside itself.
    script = folder / f"provider-{os.getpid()}.mjs"
    shutil.copy(NODE / "provider.mjs", script)
    try:
        with running(["node", script, CLIENT_ID, SECRET, *CALLBACKS]) as issuer:
            yield issuer
    finally:
        script.unlink()


@contextmanager
def portal_process(folder: Path) -> Iterator[str]:
    """The example portal as a provider, with a database and keys of its own."""
    root = HERE.parents[1]
    with running([sys.executable, "-m", "tests.federation.portal_process", folder], cwd=root) as issuer:
        yield issuer


@dataclass
class CertifiedWalk:
    """A browser at ``oidc-provider``.

    :ivar login: what its login page finds out.
    :ivar asked: the reasons why it asked, of each time that it did.
    """

    login: dict[str, Any] = field(default_factory=lambda: {"accountId": "ann", "amr": ["pwd"]})
    asked: list[list[str]] = field(default_factory=list)
    browser: requests.Session = field(default_factory=requests.Session)

    def __call__(self, url: str) -> str:
        while not url.startswith(f"{BASE}/"):
            answer = self.browser.get(url, allow_redirects=False, timeout=20)
            if "/interaction/" in url:
                self.asked.append(answer.json()["reasons"])
                answer = self.browser.post(url, json={"login": self.login}, allow_redirects=False, timeout=20)
            assert answer.status_code in {302, 303}, answer.text
            url = urljoin(url, answer.headers["Location"])
        return url


@dataclass
class PortalWalk:
    """A browser at the portal, of somebody who types a code where one is asked for.

    :ivar codes: how many were typed.
    """

    origin: str
    username: str = "dave"
    codes: int = 0
    browser: requests.Session = field(default_factory=requests.Session)
    phone: Phone = field(default_factory=lambda: Phone(WallClock(), "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"))

    def __call__(self, url: str) -> str:
        for _ in range(12):
            answer = self.browser.get(url, allow_redirects=False, timeout=20)
            if answer.status_code == 200 and (found := _REFRESH.search(answer.text)) is None:
                answer = self._fill(url)
            leads = answer.headers["Location"] if answer.status_code != 200 else unescape(found[1]) if found else ""
            url = urljoin(url, leads)
            if url.startswith(f"{BASE}/"):
                return url
        raise AssertionError(url)

    def _fill(self, url: str) -> requests.Response:
        if "/login" in url:
            fields = {"username": self.username, "password": "correct horse battery staple"}
            return self.browser.post(url, data=fields, allow_redirects=False, timeout=20)
        assert "/mfa/challenge" in url, url
        token = self.browser.get(f"{self.origin}/mfa/status", timeout=20).json()["csrf_token"]
        fields = {"csrf_token": token, "code": self.phone.code()}
        self.codes += 1
        return self.browser.post(f"{self.origin}/mfa/challenge", data=fields, allow_redirects=False, timeout=20)
