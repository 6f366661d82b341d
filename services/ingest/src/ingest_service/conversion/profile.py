"""What the columns of a file look like as a whole, gathered batch by batch before any value is converted."""

from collections.abc import Mapping
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from service_runtime.errors import InvalidArgument

from ingest_service.conversion.number_styles import NumberProfile
from ingest_service.conversion.time_forms import TimeProfile
from ingest_service.targets import Target

# More accounts than this in one file is a wrongly named account column.
MOST_ACCOUNTS = 20_000


class FileProfile:
    """Profiles of the mapped columns, by target, and the account names that occur."""

    def __init__(self, targets: Mapping[str, Target], cell_of: Mapping[str, str], account_cell: str) -> None:
        self._cell_of = dict(cell_of)
        self._account_cell = account_cell
        self.numbers = {
            name: NumberProfile(whole=target.form == "count")
            for name, target in targets.items()
            if target.form in ("count", "percentage", "money") and name in cell_of
        }
        self.times = {name: TimeProfile() for name, target in targets.items() if target.form == "time"}
        self.account_names: set[str] = set()

    def look(self, connection: duckdb.DuckDBPyConnection, batch: pa.RecordBatch) -> None:
        for name, number in self.numbers.items():
            number.look(batch.column(self._cell_of[name]))
        for name, time in self.times.items():
            time.look(connection, batch.column(self._cell_of[name]))
        if self._account_cell:
            names = pc.unique(pc.utf8_trim_whitespace(batch.column(self._account_cell)))
            self.account_names.update(name for name in names.to_pylist() if name)
            if len(self.account_names) > MOST_ACCOUNTS:
                raise InvalidArgument(
                    "TOO_MANY_ACCOUNTS",
                    f"The account column names more than {MOST_ACCOUNTS} accounts; is it the right one?",
                )

    def judged(self) -> dict[str, Any]:
        """Gives what was seen of the columns, for `assume`."""
        numbers = {name: {"odd": number.odd, "fits": dict(number.fits)} for name, number in self.numbers.items()}
        times = {name: {"seen": time.seen, "fits": dict(time.fits)} for name, time in self.times.items()}
        return {"numbers": numbers, "times": times}

    def assume(self, judged: Mapping[str, Any]) -> None:
        """Counts what was seen of the whole file from which these rows are, so that they are read as it was."""
        for name, number in self.numbers.items():
            seen = judged["numbers"].get(name, {"odd": 0, "fits": {}})
            number.odd += seen["odd"]
            number.fits.update(seen["fits"])
        for name, time in self.times.items():
            seen = judged["times"].get(name, {"seen": 0, "fits": {}})
            time.seen += seen["seen"]
            time.fits.update(seen["fits"])

    def told(self) -> dict[str, str]:
        """Says what was found, for the job's details."""
        styles = {"comma": "1,234.5", "dot": "1.234,5"}
        numbers = ", ".join(f"{name}: {styles[n.style]}" for name, n in self.numbers.items() if n.style != "plain")
        times = ", ".join(time.told for time in self.times.values())
        return {"times": times, **({"numbers": numbers} if numbers else {})}
