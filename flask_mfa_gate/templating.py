"""The gate's templates, which come out the same whatever the host has made of Jinja."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import BaseLoader, BytecodeCache, Environment, FileSystemLoader, TemplateNotFound, Undefined
from jinja2.bccache import Bucket

BUILT_IN = Path(__file__).parent / "templates"
FOLDER = "mfa_gate/"
_CONSOLE = "admin/"
_DEFAULT = f"{FOLDER}default/"
# What a template of the gate, and one in its place, is written for. Hosts give {{ }} to Vue, or change the rest.
_STANDARD: Mapping[str, Any] = {
    "block_start_string": "{%", "block_end_string": "%}", "variable_start_string": "{{", "variable_end_string": "}}",
    "comment_start_string": "{#", "comment_end_string": "#}",
    "line_statement_prefix": None, "line_comment_prefix": None, "trim_blocks": False, "lstrip_blocks": False,
    "newline_sequence": "\n", "keep_trailing_newline": False, "undefined": Undefined, "finalize": None,
    "enable_async": False,
}  # fmt: skip


def standard_overlay(
    host: Environment, *, autoescape: bool | Callable[[str | None], bool], loader: BaseLoader | None = None
) -> Environment:
    """The host's filters, tests, globals and extensions, in Jinja's standard language."""
    overlay = host.overlay(**_STANDARD, autoescape=autoescape)
    overlay.loader = overlay.loader if loader is None else loader
    return overlay


class Texts(NamedTuple):
    """What gettext offers: the words for a message, and those for a number of things, with nothing filled in.

    :param said: a sentence of a rule or a service, with all that is filled into it.
    """

    gettext: Callable[[str], str]
    ngettext: Callable[[str, str, int], str]
    said: Callable[[str], str] = str


class PageTemplates:
    """The gate's pages: built in, or with what a host has put in their place.

    :param url_for: for the built-in ones, the addresses of the gate.
    :param texts: puts what people read into their language.
    """

    def __init__(self, host: Environment, *, url_for: Callable[..., str], texts: Texts) -> None:
        # SECURITY: names and addresses are data on every page, also where the host has switched escaping off.
        self._plain = Environment(
            autoescape=True, loader=_BuiltIn(), extensions=["jinja2.ext.i18n"], bytecode_cache=_compiled
        )
        self._plain.globals["url_for"] = url_for
        # SECURITY: a filter, since what ``_`` gives counts as markup, and names are filled into these.
        self._plain.filters["said"] = texts.said
        self._plain.install_gettext_callables(texts.gettext, texts.ngettext, newstyle=True)  # type: ignore[attr-defined]
        # Under names of their own in templates that hosts may replace: ``_`` is theirs there, with their catalogs.
        self._texts = {f"mfa_{name}": self._plain.globals[name] for name in ("gettext", "ngettext")}
        self._plain.globals.update(self._texts)
        self._overridden: dict[str, bool] = {}
        self._hosted = standard_overlay(host, autoescape=True, loader=_HostFirst(host))

    def draw(self, name: str, values: Mapping[str, Any]) -> str:
        """A page of the gate as it is built in."""
        return self._plain.get_template(f"{FOLDER}{name}").render(values)

    def draw_with_overrides(self, name: str, values: Mapping[str, Any], context: Callable[[], dict[str, Any]]) -> str:
        """The same with the host's templates in place of the gate's.

        :param context: what the host's context processors give.
        :raises Exception: whatever the host's templates and functions raise.
        """
        return self._hosted.get_template(f"{FOLDER}{name}", globals=self._texts).render({**context(), **values})

    def is_overridden(self, name: str) -> bool:
        """Whether the page, or what it is made of, is the host's. The console is built in."""
        if name.startswith(_CONSOLE):
            return False
        # As Jinja keeps a template: for good where it does not look whether its file has changed.
        if name not in self._overridden or self._hosted.auto_reload:
            self._overridden[name] = self._has_overrides(name)
        return self._overridden[name]

    def _has_overrides(self, name: str) -> bool:
        loader = self._hosted.loader
        assert isinstance(loader, _HostFirst)  # noqa: S101 - for the type checker
        return any(loader.has_override(self._hosted, f"{FOLDER}{part}") for part in (name, "base.html", "_parts.html"))


class _BuiltIn(FileSystemLoader):
    """The gate's own files, each also under ``mfa_gate/default/`` for templates that extend what they replace."""

    def __init__(self) -> None:
        super().__init__(BUILT_IN)

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        """Of a template of the gate."""
        return super().get_source(environment, template.replace(_DEFAULT, FOLDER, 1))


class _Compiled(BytecodeCache):
    """Apps of one process, as those of a host's tests, compile the built-in pages once."""

    def __init__(self) -> None:
        self._codes: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Also an older one: Jinja compares what it was made of."""
        if code := self._codes.get(bucket.key):
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """For the next app."""
        self._codes[bucket.key] = bucket.bytecode_to_string()


_compiled = _Compiled()


class _HostFirst(BaseLoader):
    """The host's template folders, then the gate's."""

    def __init__(self, host: Environment) -> None:
        self._host, self._built_in = host, _BuiltIn()

    def get_source(self, environment: Environment, template: str) -> Any:
        """The host's own under this name, else the gate's."""
        found = None if template.startswith(_DEFAULT) else self._of_host(environment, template)
        return found or self._built_in.get_source(environment, template)

    def has_override(self, environment: Environment, template: str) -> bool:
        """Whether the host has a template in the place of this one."""
        return self._of_host(environment, template) is not None

    def _of_host(self, environment: Environment, template: str) -> Any:
        try:
            found = self._host.loader.get_source(environment, template) if self._host.loader else None
        except TemplateNotFound:
            return None
        # The gate's folder is one of those that a blueprint adds to the app's.
        is_own = found is not None and found[1] is not None and Path(found[1]).is_relative_to(BUILT_IN)
        return None if is_own else found
