"""A row that cannot be taken, and where it stands in the file."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

_LOOKED_AT = 5_000
REPEATS_HEADER = "repeats the header"


# Of a large file there may be a hundred thousand.
@dataclass(frozen=True, slots=True)
class Rejection:
    """`start` and `size` are the row's place in the UTF-8 file that was read, so that its text can be shown."""

    line: int
    column: str
    value: str
    reason: str
    start: int
    size: int


class Rejections(Protocol):
    """Rejected rows of a batch."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Rejection]: ...


class OfAnotherWidth:
    """Rows with more or fewer cells than the header, each made only when it is looked at: a batch may have 100,000."""

    def __init__(self, places: tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]], width: int) -> None:
        """`places` are their lines, starts, sizes and widths."""
        self._places = places
        self._width = width

    def __len__(self) -> int:
        return len(self._places[0])

    def __iter__(self) -> Iterator[Rejection]:
        reasons: dict[int, str] = {}
        for begin in range(0, len(self), _LOOKED_AT):
            some = (values[begin : begin + _LOOKED_AT].tolist() for values in self._places)
            for line, start, size, width in zip(*some, strict=True):
                if width not in reasons:
                    reasons[width] = of_another_width(width, self._width)
                yield Rejection(line, "", "", reasons[width], start, size)


def of_another_width(width: int, wanted: int) -> str:
    """Says what is wrong with such a row."""
    return f"has {width} cells, the header {wanted}"
