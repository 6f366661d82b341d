"""The demo's files as an import takes them: CSV bytes, the same in every run for the same last day."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain

from local_suite.demo import metrics, posts
from local_suite.demo.banks import BANKS
from local_suite.demo.companies import Company
from local_suite.demo.history import history_of
from local_suite.demo.insurance import insurance_tables
from local_suite.demo.purchases import purchases


@dataclass(frozen=True)
class ImportFile:
    """A file and the parameters of its import."""

    parameters: dict[str, str]
    rows: int
    body: bytes

    @property
    def title(self) -> str:
        """What it holds, in a word."""
        return self.parameters.get("dataset") or self.parameters["kind"]


def files_of(company: Company, until: date) -> Iterator[ImportFile]:
    """Gives the files of a company, with nothing later than `until`."""
    many_accounts = {"account_column": "cuenta", "create_accounts": "true"}
    banks = [bank for bank in BANKS if bank.account in company.accounts]
    histories = [history_of(bank, until) for bank in banks]
    post_rows = [list(posts.posts_of(bank, history)) for bank, history in zip(banks, histories, strict=True)]
    readings = [metrics.metrics_of(*each) for each in zip(banks, histories, post_rows, strict=True)]
    yield _file({"kind": "posts", **many_accounts}, posts.COLUMNS, chain.from_iterable(post_rows))
    yield _file({"kind": "metrics", **many_accounts}, metrics.COLUMNS, chain.from_iterable(readings))
    if company.has_business_data:
        for dataset, (columns, rows) in insurance_tables(until).items():
            yield _file({"kind": "dataset", "dataset": dataset}, columns, rows)
        columns, rows = purchases(until)
        yield _file({"kind": "transactions"}, columns, rows)


def _file(parameters: dict[str, str], columns: Sequence[str], rows: Iterable[Sequence[object]]) -> ImportFile:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    count = 0
    for row in rows:
        writer.writerow(row)
        count += 1
    return ImportFile(parameters, count, text.getvalue().encode())
