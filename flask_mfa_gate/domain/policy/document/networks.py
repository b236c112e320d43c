"""A named network as a table of a document, and back."""

from __future__ import annotations

from ....errors import PolicyError
from ..addresses import Network, looks_like_address, read_entry
from ..reading import at_key
from .fields import listed, read_fields, read_list, read_name


def read_network(value: object, where: str) -> Network:
    """A named network from its table. A fault raises :class:`PolicyError`."""
    table = read_fields(value, where, known=("name", "entries"))
    for key in ("name", "entries"):
        if key not in table:
            raise PolicyError("is missing", path=at_key(where, key))
    name = read_name(table["name"], at_key(where, "name"))
    # SECURITY: conditions read such a text as the address itself, so the network's entries would silently not count.
    if looks_like_address(name):
        raise PolicyError("must not look like an address", path=at_key(where, "name"))
    entries = read_list(table["entries"], at_key(where, "entries"))
    return Network(name, tuple(dict.fromkeys(read_entry(read_name(entry, at), at) for at, entry in entries)))


def write_network(network: Network) -> dict[str, object]:
    """The table of a named network."""
    return {"name": network.name, "entries": listed(network.entries)}
