"""What is there after the faults: the rows of the record, of the lake, and the files, each by the id that was sent."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
from deltalake import DeltaTable
from ingest_service.lake_check import Difference, LakeCheck
from ingest_service.lake_store import LakeStore
from service_runtime.database import Database
from service_runtime.lake.local import LocalLake

from support.ledger import Operation, broken_rules
from support.running_suite import RunningSuite
from support.suite_faults import environment_of

LAKE_SECONDS = 120


class Findings:
    """One tenant of a running suite, looked at from outside."""

    def __init__(self, suite: RunningSuite, tenant_id: str) -> None:
        self._suite = suite
        self._tenant_id = tenant_id
        self._lake = suite.home.lake / f"tenant={tenant_id}"

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Asks the record as the service's own role."""
        with psycopg.connect(environment_of(self._suite)["DATABASE_URL"]) as connection:
            connection.execute("SELECT set_config('app.tenant_id', %s, true)", [self._tenant_id])
            return connection.execute(statement.encode()).fetchall()

    def posts(self) -> list[str]:
        return [row[0] for row in self.query("SELECT id_externo FROM posts")]

    def posts_of_the_lake(self) -> list[str]:
        if not (self._lake / "social/posts").exists():
            return []
        table = DeltaTable(str(self._lake / "social/posts")).to_pyarrow_table(columns=["id_externo"])
        return [str(value) for value in table.column("id_externo").to_pylist()]

    def datasets(self) -> list[str]:
        """Gives the tables of the lake by name and content."""
        files = (self._lake / "faults").glob("*/*.csv")
        return [":".join(row) for file in files for row in list(csv.reader(file.read_text().splitlines()))[1:]]

    def imports(self) -> Counter[str]:
        """Gives how many imports there are of each file, by its hash."""
        return Counter(row[0] for row in self.query("SELECT sha256 FROM imports"))

    def lake_differences(self) -> list[str]:
        """Compares record and lake as the command check-lake does, until the lake follows; gives what differs then."""
        until = time.monotonic() + LAKE_SECONDS
        while True:
            left = asyncio.run(self._differences())
            if not left or time.monotonic() > until:
                return [str(difference) for difference in left]
            time.sleep(0.2)

    async def _differences(self) -> list[Difference]:
        database = Database(environment_of(self._suite)["DATABASE_URL"])
        check = LakeCheck(database, LakeStore(), lambda _tenant_id: LocalLake(self._lake))
        try:
            with tempfile.TemporaryDirectory() as folder:
                return await check.differences(UUID(self._tenant_id), Path(folder))
        finally:
            await database.close()


def broken(findings: Findings, operations: Sequence[Operation]) -> list[str]:
    """Holds the four rules against each place that rows, files and jobs are in."""
    posts = [each for each in operations if each.kind in ("posts", "refused", "post")]
    tables = [each for each in operations if each.kind == "dataset"]
    differs = findings.lake_differences()
    return [
        *_in("record", broken_rules(posts, findings.posts())),
        *_in("lake", broken_rules(posts, findings.posts_of_the_lake())),
        *_in("lake's files", broken_rules(tables, findings.datasets())),
        *_in("jobs", _jobs(operations, findings.imports())),
        *_in("lake beside record", differs),
    ]


def _in(place: str, sentences: Iterable[str]) -> list[str]:
    return [f"{place}: {sentence}" for sentence in sentences]


def _jobs(operations: Iterable[Operation], imports: Counter[str]) -> list[str]:
    """An accepted file has one job, whose end says what its rows say; one that is not known to be has one at most."""
    sent, sentences = [each for each in operations if "sha256" in each.facts], []
    for each in sent:
        count = imports.pop(each.facts["sha256"], 0)
        if count not in ({1} if "job" in each.facts else {0, 1}):
            sentences.append(f"{each.kind} {each.number} ({each.end}) has {count} jobs")
        if each.end == "acked" and each.facts["written"] != (1 if each.kind == "dataset" else len(each.rows)):
            sentences.append(f"{each.kind} {each.number} says that it wrote {each.facts['written']} rows")
    return [*sentences, *([f"{len(imports)} imports that nobody asked for"] if imports else [])]


def broken_exports(client: httpx.Client, operations: Sequence[Operation]) -> list[str]:
    """A finished export holds what had been acknowledged before it, nothing twice and nothing that nobody sent."""
    sent = {row for each in operations for row in each.rows}
    sentences = []
    for each in operations:
        if each.kind != "export" or each.end != "acked":
            continue
        reply = client.get(f"/api/v1/data/exports/{each.facts['job']}").raise_for_status()
        rows = Counter(_ids(reply.text, each.facts["format"]))
        missing, made_up = set(each.facts["before"]) - rows.keys(), rows.keys() - sent
        if missing or made_up or rows.total() != len(rows) or rows.total() != each.facts["written"]:
            sentences.append(
                f"export {each.number}: lacks {len(missing)}, has {len(made_up)} others, {rows.total()} rows"
            )
    return sentences


def _ids(text: str, form: str) -> list[str]:
    if form == "jsonl":
        return [json.loads(line)["id_externo"] for line in text.splitlines()]
    return [row["id_externo"] for row in csv.DictReader(io.StringIO(text))]
