"""What is noted of one request says nothing of another, whatever environment the two share."""

from __future__ import annotations

from flask import Flask, request

from flask_mfa_gate.web.request_notes import note, noted


def test_a_note_is_found_by_its_own_request_alone() -> None:
    app = Flask("host")
    with app.test_request_context("/"):
        note("told", value="outer")
        for environ in ({**request.environ}, request.environ):
            with app.request_context(environ):
                assert noted("told") is None
                note("told", value="inner")
                assert noted("told") == "inner"
            assert noted("told") == "outer"
