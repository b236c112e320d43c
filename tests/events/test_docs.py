"""The page of events says what is so, and its receiver works."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest

from docs.generate import events_page
from flask_mfa_gate.domain.records.destination import Webhook
from flask_mfa_gate.events import webhooks
from tests.events.kit import OLD_SECRET, SECRET

PAGE = (Path(__file__).parents[2] / "docs" / "events.md").read_text(encoding="utf-8")
BODY = b'{"id":"msg_1","type":"mfa_reset","data":{"subject":"7"}}'


def test_the_table_is_up_to_date() -> None:
    assert events_page(PAGE) == PAGE, "run: make docs"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("HOOK_SECRETS", f"{SECRET} {OLD_SECRET}")
    (code,) = (one for one in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if one.startswith("# receiver.py"))
    space: dict[str, Any] = {"__name__": "receiver"}
    exec(compile(code, "docs/events.md", "exec"), space)
    return space


def headers(secret: str = SECRET, *, age: int = 0, event_id: str = "msg_1") -> dict[str, str]:
    from flask_mfa_gate.settings.event_checks import webhooks as read

    (hook,) = read("x", [{"url": "https://example.org", "secrets": [secret]}])
    assert isinstance(hook, Webhook)
    sent_at = int(time.time()) - age
    signature = webhooks.signatures(hook.secrets, event_id, sent_at, BODY)
    return {"webhook-id": event_id, "webhook-timestamp": str(sent_at), "webhook-signature": signature}


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
def test_the_receiver_takes_what_is_genuine_once(receiver: Any, secret: str) -> None:
    client = receiver["app"].test_client()
    for _ in range(2):
        assert client.post("/mfa", data=BODY, headers=headers(secret)).status_code == 204
    assert receiver["seen"] == {"msg_1"}


@pytest.mark.parametrize(
    "forged",
    [
        headers("whsec_" + "A" * 32),
        headers(age=3600),
        {**headers(), "webhook-id": "msg_2"},
        {**headers(), "webhook-signature": "v1,AAAA"},
    ],
)
def test_the_receiver_refuses_what_is_not(receiver: Any, forged: dict[str, str]) -> None:
    assert receiver["app"].test_client().post("/mfa", data=BODY, headers=forged).status_code == 401
    assert receiver["seen"] == set()
