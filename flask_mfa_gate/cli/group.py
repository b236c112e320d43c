"""The command group, and what its commands share."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any

import click
from flask.cli import AppGroup, ScriptInfo

from ..domain.people.roles import Actor
from ..errors import BadRequest, MFAGateError
from ..store.every_table.unreadable import unreadable_rows
from ..web.state import current_state

ACTOR = Actor.CLI
_COMMANDS = f"{__package__}.commands"


class GateGroup(AppGroup):
    """``flask mfa``: an error of the gate is one sentence on stderr and exit status 1, never a stack trace.

    The app is made inside of a command, so that also holds for one that the gate does not let start. Its commands are
    loaded when one is asked for: an app that only serves needs none.
    """

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of them by its name."""
        import_module(_COMMANDS)
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all."""
        import_module(_COMMANDS)
        return super().list_commands(ctx)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        if sys.stdout is None:
            # A command that can tell nobody what it did had better do nothing.
            raise click.ClickException("Standard output is closed. Send it to a file, or to /dev/null.")
        try:
            answer = super().invoke(ctx)
            sys.stdout.flush()
        except MFAGateError as error:
            raise click.ClickException(str(error)) from error
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            if not (found := _unreadable(ctx)):
                raise
            raise click.ClickException(" ".join(found) + " Correct or delete what was edited by hand.") from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader has seen enough, as `head` does
                raise
            _give_up_stdout()
            raise click.ClickException(f"The output can't be written: {error.strerror or error}.") from error
        return answer


def _unreadable(ctx: click.Context) -> list[str]:
    """Rows that may be why a command failed, looked for only then."""
    app = ctx.ensure_object(ScriptInfo).load_app()
    with app.app_context():
        store = current_state().store
        return list(unreadable_rows(store.database, store.tables))


def _give_up_stdout() -> None:
    """What waits in it would be tried once more when Python ends, and fail with a trace."""
    with suppress(OSError):
        sys.stdout.close()


# Help texts are given as such everywhere: docstrings are gone under `python -OO`.
mfa = GateGroup("mfa", help="Multi-factor authentication: users, policies, tables, keys, health.")
as_json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")


def confirm(question: str, *, yes: bool) -> None:
    """Ask, unless the answer was given already.

    :raises BadRequest: where there is no terminal to ask on.
    """
    if yes:
        return
    if not _is_interactive():
        raise BadRequest(f"{question} No terminal to confirm on. Pass --yes.")
    click.confirm(question, abort=True, err=True)


def _is_interactive() -> bool:
    return sys.stdin.isatty()


@contextmanager
def progress(label: str, length: int | None = None) -> Iterator[Callable[[int], None]]:
    """A bar on stderr for the person who waits; takes the number of users that were done since the last call."""
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    with click.progressbar(range(length or 0), length=length, label=label, file=sys.stderr, show_pos=True) as bar:
        yield bar.update
