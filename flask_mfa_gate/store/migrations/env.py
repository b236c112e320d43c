"""Alembic's entry: runs on the connection that :mod:`flask_mfa_gate.store.schema` hands over."""

from __future__ import annotations

from alembic import context

from flask_mfa_gate.store.schema import version_table

_attributes = context.config.attributes
context.configure(
    connection=_attributes["connection"],
    version_table=version_table(_attributes["prefix"]),
    transactional_ddl=False,
)
context.run_migrations()
