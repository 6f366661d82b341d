"""The one file in a multipart/form-data body, as its bytes come in."""

import re

from service_runtime.errors import InvalidArgument

from ingest_service.file_types import check_content_type, format_by_name

_LONGEST_HEADER = 16 * 1024
_FILE_NAME = re.compile(r'^content-disposition:.*\bfilename\*?="?([^";\r\n]*)', re.IGNORECASE | re.MULTILINE)


def boundary_of(content_type: str) -> bytes:
    """Gives the boundary of a multipart type; empty for other types."""
    if content_type.partition(";")[0].strip().lower() != "multipart/form-data":
        return b""
    found = re.search(r'boundary=(?:"([^"]{1,200})"|([^;\s]{1,200}))', content_type, re.IGNORECASE)
    if found is None:
        raise InvalidArgument("BAD_MULTIPART", "The multipart body's type names no boundary.")
    return (found[1] or found[2]).encode()


class MultipartFile:
    """Takes the body piece by piece and gives the bytes of the part that is a file."""

    def __init__(self, boundary: bytes) -> None:
        self._mark = b"\r\n--" + boundary
        # The first boundary may stand at the very beginning.
        self._held = b"\r\n"
        self._place = "between"
        # Bytes at the file's front that still belong to the header.
        self._skip = 0
        self.files = 0
        self.ended = False
        # What the file's type or name says of its format.
        self.format = ""

    def feed(self, piece: bytes) -> bytes:
        """Gives what of the file is in sight after this piece."""
        self._held += piece
        found = b""
        while not self.ended:
            if self._place == "header":
                end = self._held.find(b"\r\n\r\n")
                if end < 0:
                    if len(self._held) > _LONGEST_HEADER:
                        raise InvalidArgument("BAD_MULTIPART", "A part of the body has no end of its header.")
                    break
                self._open(self._held[:end].decode(errors="replace"))
                # The mark's line end may be the header's own, where a part is empty.
                self._held = self._held[end + 2 :]
                self._skip = 2
            elif self._held.startswith(self._mark):
                if len(self._held) < len(self._mark) + 2:
                    break
                self._enter()
            else:
                end = self._held.find(self._mark)
                kept = self._held[: end if end >= 0 else max(0, len(self._held) - len(self._mark))]
                if self._place == "file":
                    found += self._without_line_end(kept)
                self._held = self._held[len(kept) :]
                if end < 0:
                    break
        return found

    def _without_line_end(self, kept: bytes) -> bytes:
        cut, self._skip = kept[self._skip :], max(0, self._skip - len(kept))
        return cut

    def _enter(self) -> None:
        """Goes over the mark in front, into the next part's header or to the end."""
        self._held = self._held[len(self._mark) :]
        if self._held.startswith(b"--"):
            self.ended = True
        else:
            self._place = "header"

    def _open(self, header: str) -> None:
        self._place = "part"
        named = _FILE_NAME.search(header)
        # Browsers send a part without a name where no file was chosen.
        if named and named[1].strip():
            self.files += 1
            if self.files > 1:
                raise InvalidArgument("MORE_THAN_ONE_FILE", "The body has more than one file.")
            kind = re.search(r"^content-type:\s*(.+?)\s*$", header, re.IGNORECASE | re.MULTILINE)
            self.format = check_content_type(kind[1] if kind else "") or format_by_name(named[1].strip())
            self._place = "file"
