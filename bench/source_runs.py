"""Sources into the lake: a million rows of MariaDB against a cursor written as CSV, of PostgreSQL against COPY.

`python bench/source_runs.py` starts both servers, fills them, and measures in one run, by turns, each side as the
median of TIMES. A run here is what a worker does between taking the job and ending it, without the queue. Memory is
the run's peak in a process of its own.
"""

# ruff: noqa: S608
import csv
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
import pymysql
from ingest_service.sources.address import parse_url
from ingest_service.sources.connecting import connect
from ingest_service.sources.pace import Pace
from ingest_service.sources.table import WantedTable
from ingest_service.sources.table_reading import TableReader
from ingest_service.sources.table_writer import write_table
from local_suite.checks import free_ports
from local_suite.databases.mariadb import MariaDb
from local_suite.databases.postgresql import PostgreSql
from pymysql.cursors import SSCursor
from service_runtime.lake.local import LocalLake

ROWS = 1_000_000
TIMES = int(os.environ.get("TIMES", "3"))
COLUMNS = "id, user_id, name, email, premium, created_at, note, active"


class Limits:
    """The settings' defaults."""

    sources_statement_seconds = 3600
    sources_silence_seconds = 300
    sources_fetch_rows = 2_000


def run_source(url: str) -> float:
    """Reads the table and puts it into a lake; gives the seconds."""
    kind = url.partition(":")[0]
    address, login = parse_url(kind, url)
    with tempfile.TemporaryDirectory() as folder:
        lake, work = LocalLake(Path(folder) / "lake"), Path(folder) / "work"
        work.mkdir()
        began = time.perf_counter()
        connection = connect(address, "127.0.0.1", login, Limits())
        pace = Pace(rows_per_second=1_000_000, largest_table=1 << 40)
        reader = TableReader(connection, lake, pace, "csv", full=False, folder=work)
        staged = reader.read(WantedTable("policies"), f"{kind}/policies", None)
        connection.close()
        written = write_table(staged.reading, "csv", f"{kind}/policies/policies.csv")
        lake.put_file(written.file, written.path)
        seconds = time.perf_counter() - began
        if written.rows != ROWS:
            raise RuntimeError(f"{written.rows} rows came")
    return seconds


def pymysql_to_csv(url: str) -> float:
    """What one would write: a cursor on the server's side, its rows as CSV."""
    address, login = parse_url("mysql", url)
    began = time.perf_counter()
    where = {"host": address.host, "port": address.port, "database": address.database}
    connection = pymysql.connect(**where, user=login.user, password=login.password, cursorclass=SSCursor)
    with tempfile.NamedTemporaryFile("w", newline="") as file, connection.cursor() as cursor:
        cursor.execute(f"SELECT {COLUMNS} FROM policies")
        csv.writer(file).writerows(cursor)
    return time.perf_counter() - began


def copy_out(url: str) -> float:
    """COPY into a file, and nothing else."""
    began = time.perf_counter()
    statement = "COPY policies TO STDOUT (FORMAT csv)"
    with (
        psycopg.connect(url) as connection,
        tempfile.NamedTemporaryFile("wb", buffering=1 << 20) as file,
        connection.cursor() as cursor,
        cursor.copy(statement) as copy,
    ):
        for data in copy:
            file.write(data)
    return time.perf_counter() - began


def compare(name: str, ours: Callable[[], float], theirs: Callable[[], float], goal: float) -> None:
    # By turns, so that what else the machine does meets both.
    pairs = [(ours(), theirs()) for _ in range(TIMES)]
    mine, bare = median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)
    print(f"{name}: {ROWS / mine:,.0f} rows/s against {ROWS / bare:,.0f}, {bare / mine:.2f} times (goal {goal})")


def peak(url: str) -> str:
    """Measures a run's memory in a process of its own."""
    done = subprocess.run([sys.executable, __file__, url], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def fill(mariadb: MariaDb, postgres: PostgreSql) -> tuple[str, str]:
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE bench")
        cursor.execute("CREATE USER bench@'127.0.0.1' IDENTIFIED BY 'bench'")
        cursor.execute("GRANT SELECT ON bench.* TO bench@'127.0.0.1'")
        cursor.execute(
            "CREATE TABLE bench.policies (id BIGINT PRIMARY KEY, user_id INT, name VARCHAR(60), email VARCHAR(80), "
            "premium DECIMAL(12,2), created_at DATETIME(6), note TEXT NULL, active TINYINT)"
        )
        cursor.execute(
            "INSERT INTO bench.policies SELECT seq, seq % 5000, CONCAT('Nombre ', seq), "
            "IF(seq % 17 = 0, NULL, CONCAT('p', seq, '@example.com')), seq / 7, '2024-01-01' + INTERVAL seq SECOND, "
            f"IF(seq % 10 = 0, 'algo \"raro\", sí', ''), seq % 2 FROM bench.seq_1_to_{ROWS}"
        )
    with postgres.connect() as admin:
        admin.execute("CREATE DATABASE bench")
        admin.execute("CREATE ROLE bench LOGIN PASSWORD 'bench'")
    with postgres.connect("bench") as owner:
        owner.execute(
            "CREATE TABLE policies (id bigint PRIMARY KEY, user_id int, name text, email text, premium numeric(12,2), "
            "created_at timestamp, note text, active smallint)"
        )
        owner.execute(
            "INSERT INTO policies SELECT n, n % 5000, 'Nombre ' || n, CASE WHEN n % 17 > 0 THEN 'p' || n || "
            "'@example.com' END, n / 7.0, timestamp '2024-01-01' + n * interval '1 second', "
            f"CASE WHEN n % 10 = 0 THEN 'algo \"raro\", sí' ELSE '' END, n % 2 FROM generate_series(1, {ROWS}) n"
        )
        owner.execute("GRANT SELECT ON policies TO bench")
    return (
        f"mysql://bench:bench@127.0.0.1:{mariadb.port}/bench",
        f"postgresql://bench:bench@127.0.0.1:{postgres.port}/bench",
    )


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="atalaya-bench-"))
    folder.chmod(0o711)
    ports = free_ports(2)
    servers: list[Any] = [MariaDb(folder / "mysql", ports[0]), PostgreSql(folder / "postgresql", ports[1])]
    try:
        for server in servers:
            server.start()
        mysql, postgresql = fill(*servers)
        compare(
            "MariaDB into the lake, against pymysql to CSV", lambda: run_source(mysql), lambda: pymysql_to_csv(mysql), 2
        )
        compare(
            "PostgreSQL into the lake, against COPY out",
            lambda: run_source(postgresql),
            lambda: copy_out(postgresql),
            0.6,
        )
        print(f"Peak of a process: MariaDB {peak(mysql)} MB, PostgreSQL {peak(postgresql)} MB (goal 300)")
    finally:
        for server in servers:
            server.stop()
        subprocess.run(["rm", "-rf", str(folder)], check=False)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run_source(sys.argv[1])
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    else:
        main()
