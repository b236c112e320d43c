"""Every policy of the cookbook does what the page says, run from the text of the page."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_mfa_gate.domain.policy.analysis.finding import Level
from flask_mfa_gate.services.policies.scenarios import read_scenarios, run_scenarios
from flask_mfa_gate.web.view_marks.protection import marked_views
from tests.conftest import key_of, state_of

PAGE = (Path(__file__).parents[1] / "docs" / "cookbook.md").read_text(encoding="utf-8")
RECIPES = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))
GROUPS = {"erin": "finance", "frank": "contractors", "hugo": "auditors"}


@pytest.fixture
def portal(make_app: Callable[..., Flask], tmp_path: Path, monkeypatch: Any) -> Flask:
    """The example portal with what the recipes ask for: groups, a GeoIP file, a word on devices."""
    from mmdb_writer import MMDBWriter
    from netaddr import IPSet

    import example_app
    from example_app.models import User, db

    places = MMDBWriter(ip_version=6, ipv4_compatible=True)
    places.insert_network(IPSet(["198.51.100.0/24"]), {"country": {"iso_code": "DE"}})
    places.to_db_file(str(tmp_path / "places.mmdb"))
    start = example_app.gate.init_app
    monkeypatch.setattr(
        example_app.gate, "init_app", lambda app, **host: start(app, is_managed=lambda _request: None, **host)
    )
    app = make_app(MFA_GATE_GEOIP_DATABASE=str(tmp_path / "places.mmdb"), MFA_GATE_BREAK_GLASS=["7"])
    with app.app_context():
        for name, group in GROUPS.items():
            user = db.session.get(User, int(key_of(app, name)))
            assert user is not None
            user.group = group
        db.session.commit()
        state_of(app).people.users.sync()
    return app


def test_there_are_many_of_them() -> None:
    assert len(RECIPES) >= 20


@pytest.mark.parametrize("title", RECIPES)
def test_it_does_what_the_page_says(portal: Flask, title: str) -> None:
    document, scenarios = re.findall(r"```toml\n(.*?)```", RECIPES[title], re.DOTALL)
    state = state_of(portal)
    with portal.app_context():
        state.access.policies.import_(document, dry_run=False, actor="user:1")
        errors = [
            one for one in state.access.linter.remarks(state.access.policies.current()) if one.level is Level.ERROR
        ]
        assert errors == []
        expected = read_scenarios(scenarios)
        assert len(expected) >= 2
        surprises = [
            (one.scenario, one.found)
            for one in run_scenarios(state.access.simulator, expected, views=marked_views(portal))
            if not one.is_as_expected
        ]
    assert surprises == []
