"""A problem document names only what its user could bring."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import JSON, Phone
from tests.web.kit import signed_in

pytestmark = pytest.mark.pages


@pytest.mark.parametrize(("enabled", "listed"), [(["totp"], ["totp"]), (["totp", "webauthn"], ["totp", "webauthn"])])
def test_factors_that_are_off_are_not_listed(
    make_app: Any, phone: Phone, clock: Any, enabled: list[str], listed: list[str]
) -> None:
    app = make_app(MFA_GATE_FACTORS=enabled)
    browser = signed_in(app, "dave", phone)
    clock.forward(minutes=6)
    answer = browser.get("/transfer", headers=JSON)
    assert (answer.status_code, answer.json["factors"]) == (401, listed)  # type: ignore[index]


def test_a_sign_in_lists_the_ways_back_too(make_app: Any) -> None:
    answer = signed_in(make_app(), "dave").get("/", headers=JSON)
    assert answer.json["factors"] == ["access_pass", "recovery_code", "totp"]  # type: ignore[index]
