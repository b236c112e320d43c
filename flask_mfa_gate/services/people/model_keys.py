"""The key of a user who is a row of the host's model."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Any

from sqlalchemy import inspect

from ...errors import ConfigError, NamelessUser

if TYPE_CHECKING:
    from sqlalchemy.orm import Mapper


class ModelKey:
    """The primary key of a mapped class, as text.

    :raises ConfigError: for a primary key of several columns, of which none alone tells two users apart.
    """

    def __init__(self, model: type) -> None:
        self._model = model
        mapper: Mapper[Any] = inspect(model)
        names = [str(mapper.get_property_by_column(column).key) for column in mapper.primary_key]
        # SECURITY: the first column alone would make one account of everybody who shares it.
        if len(names) != 1:
            raise ConfigError(
                "user_model", f"has a primary key of {len(names)} columns ({', '.join(names)})", given=model.__name__,
                allowed="with user_key= beside it, a function that joins them, "
                "such as user_key=lambda user: user.get_id()",
            )  # fmt: skip
        self.attribute = names[0]

    def __call__(self, user: Any) -> str:
        """The key of this row.

        :raises NamelessUser: for an object whose number counts in another table.
        """
        # SECURITY: number 1 of another class is somebody else than number 1 of this one.
        if not self._is_row(user):
            raise NamelessUser(
                f"The signed-in user is a {type(user).__name__}, and user_model= is {self._model.__name__}. "
                "Give user_key=, which tells users of both classes apart."
            )
        return str(getattr(user, self.attribute))

    def _is_row(self, user: Any) -> bool:
        """A subclass shares the primary key of its parent, unless it has a whole table of its own."""
        if not isinstance(user, self._model):
            return False
        below = takewhile(lambda mapper: mapper.class_ is not self._model, inspect(user).mapper.iterate_to_root())
        return not any(mapper.concrete for mapper in below)
