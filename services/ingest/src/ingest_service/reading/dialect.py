"""How a delimited file separates and quotes its cells."""

from dataclasses import dataclass

_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe", " ": "space"}


@dataclass(frozen=True)
class Dialect:
    """How cells are written. Quotes inside quoted cells are doubled unless there is an escape character."""

    delimiter: str
    quote: str = '"'
    escape: str = ""
    skip_space: bool = False

    @property
    def is_plain(self) -> bool:
        """Tells whether the fast reader understands it."""
        return not self.escape and not self.skip_space and len(self.delimiter) == 1

    @property
    def delimiter_name(self) -> str:
        return _NAMES.get(self.delimiter, self.delimiter)
