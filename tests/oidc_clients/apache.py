"""Debian's Apache with mod_auth_openidc, as any site would put it before its pages."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.oidc_clients.kit import SECRET, recipe

APACHE = shutil.which("apache2") or shutil.which("apache2", path="/usr/sbin")
MODULES = Path("/usr/lib/apache2/modules")
# Of the documentation, and one that only tests have.
ROOMS = ("plain", "strong", "fresh", "quiet", "goodbye")
_CONFIG = """
ServerRoot "{folder}"
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile "{folder}/apache.pid"
ErrorLog "{folder}/error.log"
LogLevel warn
{owner}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authn_core_module {modules}/mod_authn_core.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule authz_user_module {modules}/mod_authz_user.so
LoadModule dir_module {modules}/mod_dir.so
LoadModule mime_module {modules}/mod_mime.so
LoadModule include_module {modules}/mod_include.so
LoadModule auth_openidc_module {modules}/mod_auth_openidc.so
StartServers 1
ThreadsPerChild 8
MaxRequestWorkers 8
DefaultRuntimeDir "{folder}"
Mutex file:{folder} default
DocumentRoot "{folder}/pages"
DirectoryIndex index.shtml
TypesConfig {folder}/mime.types
<Directory "{folder}/pages">
    Options +Includes
    Require all granted
    <Files "*.shtml">
        SetOutputFilter INCLUDES
    </Files>
</Directory>
{recipe}
<Location /quiet/>
    OIDCPathAuthRequestParams prompt=none
</Location>
# Cookies know no ports, and every app of the tests is on this host.
OIDCCookie apache_session
OIDCStateCookiePrefix apache_state_
"""
_PAGE = """<!doctype html><title>{name}</title><h1>Room {name}</h1>
<p>user=<!--#echo var="REMOTE_USER" -->; acr=<!--#echo var="OIDC_CLAIM_acr" -->; name=<!--#echo var="OIDC_CLAIM_name" -->;
auth_time=<!--#echo var="OIDC_CLAIM_auth_time" -->;</p>"""


def is_installed() -> bool:
    return APACHE is not None and (MODULES / "mod_auth_openidc.so").exists()


@contextmanager
def apache(*, issuer: str, port: int) -> Iterator[str]:
    """Its origin, while it runs in the foreground as a child of this process."""
    with TemporaryDirectory(prefix="mfa-gate-apache-") as name:
        # Started by root, it reads its pages as another user, who may not look into the folders of pytest.
        Path(name).chmod(0o755)
        _furnish(Path(name), issuer=issuer, port=port)
        with _running(Path(name), port):
            yield f"http://127.0.0.1:{port}"


@contextmanager
def _running(folder: Path, port: int) -> Iterator[None]:
    command = [str(APACHE), "-D", "FOREGROUND", "-f", str(folder / "apache.conf")]
    with (folder / "output.log").open("w") as output:
        running = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            _wait(running, folder, port)
            yield
        finally:
            # Its children may take ten seconds to say goodbye, and have nothing to keep.
            os.killpg(running.pid, signal.SIGKILL)
            running.wait(10)


def directives(*, issuer: str, own: str) -> str:
    """Those of the documentation, with addresses that are there."""
    mine = {"https://portal.example.org": issuer, "https://wiki.example.org": own, "the-secret-of-this-client": SECRET}
    return recipe("apache", mine)


def _furnish(folder: Path, *, issuer: str, port: int) -> None:
    for name in ROOMS:
        (folder / "pages" / name).mkdir(parents=True)
        (folder / "pages" / name / "index.shtml").write_text(_PAGE.format(name=name))
    (folder / "mime.types").write_text("text/html html shtml\n")
    config = _CONFIG.format(
        folder=folder, port=port, modules=MODULES, recipe=directives(issuer=issuer, own=f"http://127.0.0.1:{port}"),
        owner="User www-data\nGroup www-data" if os.geteuid() == 0 else "",
    )  # fmt: skip
    (folder / "apache.conf").write_text(config)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _wait(running: subprocess.Popen[bytes], folder: Path, port: int) -> None:
    for _ in range(200):
        if running.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"Apache did not start: {(folder / 'output.log').read_text()} {_log(folder)}")


def _log(folder: Path) -> str:
    path = folder / "error.log"
    return path.read_text() if path.exists() else ""
