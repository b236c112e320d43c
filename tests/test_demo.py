"""``make demo``: the portal and its two relying parties, on whatever ports are free, until Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from example_app.__main__ import listen


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program has, with free ones behind it."""
    places = listen(20_000 + os.getpid() % 20_000)
    for place in places[1:]:
        place.close()
    yield places[0].getsockname()[1]
    places[0].close()


def test_ports_that_are_taken_are_passed_over(taken: int) -> None:
    places = listen(taken)
    ports = [place.getsockname()[1] for place in places]
    assert taken not in ports
    assert ports == sorted(set(ports))
    for place in places:
        place.close()


def test_everything_starts_on_other_ports_and_stops_together(taken: int, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path}/portal.sqlite3",
        "PYTHONUNBUFFERED": "1",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "example_app", "--port", str(taken)], cwd=Path(__file__).parents[1], env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        # A shell that starts the tests in the background has them ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as demo:  # fmt: skip
        assert demo.stdout is not None
        said = [demo.stdout.readline() for _ in range(3)]
        assert said[0].strip() == f"Port {taken} is in use by another program."
        portal, notes, board = re.findall(r"http://127\.0\.0\.1:\d+", "".join(said))
        found = json.load(urlopen(f"{portal}/.well-known/openid-configuration"))
        assert found["issuer"] == portal
        assert json.load(urlopen(f"{board}/config.json"))["authority"] == portal
        assert b"Nobody is signed in" in urlopen(f"{notes}/").read()
        demo.send_signal(signal.SIGINT)
        assert demo.wait(20) == 0
    with pytest.raises(OSError, match="refused"):
        urlopen(f"{notes}/")
