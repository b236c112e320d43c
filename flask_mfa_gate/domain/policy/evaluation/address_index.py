"""Policies by the addresses outside of which they cannot apply."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from ..addresses import Span, spot_of
from .compiled_policy import CompiledPolicy

Rows = Sequence[CompiledPolicy]
POSITION = attrgetter("position")
_FEW = 4
_MOST_CELLS = 64


@dataclass(frozen=True, slots=True)
class AddressIndex:
    """The line of addresses, cut wherever a network begins or ends.

    :param anywhere: policies that no single network bounds, or one that would fill too many cells.
    :param edges: where each cell begins.
    :param cells: the policies whose networks cover the cell; most lie between networks, and are not there.
    """

    rows: Rows
    anywhere: Rows
    edges: Sequence[int]
    cells: Mapping[int, Rows]

    def find(self, address: str | None) -> Rows:
        """Every policy that may apply at this address, each once, in the document's order; all of them where the
        address is not known.
        """
        if not self.edges:
            return self.rows
        spot = spot_of(address)
        # SECURITY: an unreadable address leaves each network open, so no policy may be passed over for it.
        if spot is None:
            return self.rows
        rows = self.cells.get(bisect_right(self.edges, spot) - 1)
        if rows is None:
            return self.anywhere
        return sorted([*self.anywhere, *rows], key=POSITION) if self.anywhere else rows


def index_addresses(rows: Rows) -> AddressIndex:
    """An index where there are enough policies to gain by it. Its size grows with their number, not its square."""
    bounded = [(row, row.spans) for row in rows if row.spans is not None]
    if len(rows) < _FEW or not bounded:
        return AddressIndex(rows, rows, (), {})
    edges = sorted({edge for _, spans in bounded for first, last in spans for edge in (first, last + 1)})
    cells: dict[int, list[CompiledPolicy]] = {}
    anywhere = [row for row in rows if row.spans is None]
    for row, spans in bounded:
        covered = _covered(edges, spans)
        if len(covered) > _MOST_CELLS:
            anywhere.append(row)
            continue
        for number in covered:
            cells.setdefault(number, []).append(row)
    return AddressIndex(rows, anywhere, edges, cells)


def _covered(edges: Sequence[int], spans: Sequence[Span]) -> list[int]:
    """Numbers of the cells that lie in the spans, counted no further than it takes to say that they are too many."""
    numbers: list[int] = []
    for first, last in spans:
        start, end = bisect_left(edges, first), bisect_left(edges, last + 1)
        numbers += range(start, min(end, start + _MOST_CELLS + 1))
        if len(numbers) > _MOST_CELLS:
            break
    return numbers
