"""A QR code as inline SVG: no second request, nothing in a cache, no foreign source."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import groupby

QUIET_ZONE = 4


def qr_svg(text: str, *, label: str) -> str:
    """Dark on a white ground with the quiet zone that scanners need, also on a dark page (ISO/IEC 18004).

    :param label: accessible name; it must not hold the secret.
    """
    import qrcode  # noqa: PLC0415 - only an enrollment needs it

    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, border=QUIET_ZONE)
    code.add_data(text)
    code.make(fit=True)
    matrix = code.get_matrix()
    path = "".join(f"M{x} {y}h{length}" for y, row in enumerate(matrix) for x, length in _dark_runs(row))
    size = len(matrix)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" role="img" aria-label="{escape(label)}" '
        f'shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{size}v{size}H0z"/>'
        f'<path stroke="#000" transform="translate(0 .5)" d="{path}"/></svg>'
    )


def _dark_runs(row: list[bool]) -> Iterator[tuple[int, int]]:
    """Start and length of each run of dark modules."""
    x = 0
    for is_dark, modules in groupby(row):
        length = len(list(modules))
        if is_dark:
            yield x, length
        x += length
