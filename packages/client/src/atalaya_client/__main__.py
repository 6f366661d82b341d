"""The command `atalaya`: logs in, imports and exports files, lists jobs."""

import argparse
import asyncio
import getpass
import sys
from pathlib import Path

from atalaya.ingest.v1.data_pb2 import ImportDataRequest, ListJobsRequest
from atalaya.ingest.v1.exports_pb2 import CreateExportRequest
from atalaya.jobs.v1.job_pb2 import SUCCEEDED, Job, JobStatus
from service_runtime.errors import ServiceError, Unauthenticated

from atalaya_client import saved_login
from atalaya_client.connection import connect, log_in
from atalaya_client.exports import create_export, download_export
from atalaya_client.imports import follow_job, import_file
from atalaya_client.saved_login import SavedLogin

_KINDS = ("posts", "metrics", "comments", "transactions", "dataset")
_SAID_OF_THE_FILE = ("delimiter", "encoding", "format", "sheet")
_IMPORT_TEXTS = ("account", "account_column", "dataset", "mapping", "timezone", "on_error", *_SAID_OF_THE_FILE)
_EXPORT_TEXTS = ("account", "dataset", "start_date", "end_date")


def main() -> None:
    """Runs the command; ends with code 1 where the suite refuses."""
    arguments = _parser().parse_args()
    try:
        sys.exit(asyncio.run(arguments.run(arguments)))
    except Unauthenticated as error:
        sys.exit(f"{error.message} Log in with: atalaya login USERNAME")
    except (ServiceError, OSError, ValueError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="atalaya", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    login = commands.add_parser("login", help="log in and keep the token")
    login.add_argument("username", help="user name or e-mail address")
    login.add_argument("--url", default=saved_login.load().url, help="the suite (%(default)s)")
    login.set_defaults(run=_login)
    importing = commands.add_parser("import", help="import a file and follow its job")
    importing.add_argument("file", type=Path)
    importing.add_argument("--kind", required=True, choices=_KINDS)
    for name in _IMPORT_TEXTS:
        importing.add_argument(f"--{name.replace('_', '-')}", default="")
    importing.add_argument("--create-accounts", action="store_true", help="make accounts that are not there")
    importing.add_argument("--dry-run", action="store_true", help="do everything but the writing")
    importing.set_defaults(run=_import)
    exporting = commands.add_parser("export", help="export rows to a file")
    exporting.add_argument("--kind", required=True, choices=_KINDS)
    exporting.add_argument("--format", default="csv", choices=["csv", "jsonl", "parquet", "xlsx"])
    for name in _EXPORT_TEXTS:
        exporting.add_argument(f"--{name.replace('_', '-')}")
    exporting.add_argument("--raw", action="store_true", help="leave cells that a spreadsheet takes for formulas")
    exporting.add_argument("--output", "-o", type=Path, required=True, help="the file to write")
    exporting.set_defaults(run=_export)
    jobs = commands.add_parser("jobs", help="list the newest jobs")
    jobs.add_argument("--kind", default="")
    jobs.add_argument("--status", default="")
    jobs.set_defaults(run=_jobs)
    return parser


async def _login(arguments: argparse.Namespace) -> int:
    password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    async with await log_in(arguments.username, password, arguments.url) as atalaya:
        file = saved_login.save(SavedLogin(arguments.url, atalaya.token))
    print(f"Logged in; the token is kept in {file}.")
    return 0


async def _import(arguments: argparse.Namespace) -> int:
    options = ImportDataRequest(
        kind=arguments.kind,
        create_accounts=arguments.create_accounts,
        dry_run=arguments.dry_run,
        **{name: getattr(arguments, name) for name in _IMPORT_TEXTS},
    )
    login = saved_login.load()
    async with connect(login.url, login.token) as atalaya:
        job_id = await import_file(atalaya, arguments.file, options)
        job = await follow_job(atalaya, job_id, _tell)
    print(file=sys.stderr)
    print(_line(job))
    return 0 if job.status == SUCCEEDED else 1


async def _export(arguments: argparse.Namespace) -> int:
    _check_target(arguments.output)
    options = CreateExportRequest(
        kind=arguments.kind,
        format=arguments.format,
        raw=arguments.raw,
        **{name: getattr(arguments, name) for name in _EXPORT_TEXTS},
    )
    login = saved_login.load()
    async with connect(login.url, login.token) as atalaya:
        job = await follow_job(atalaya, await create_export(atalaya, options), _tell)
        print(file=sys.stderr)
        if job.status == SUCCEEDED:
            await download_export(atalaya, job, arguments.output)
    print(_line(job))
    return 0 if job.status == SUCCEEDED else 1


def _check_target(file: Path) -> None:
    """Raises where no file can be at this path, before anything is asked for it."""
    if file.is_dir():
        raise ValueError(f"{file} is a folder; name a file.")
    if not file.parent.is_dir():
        raise ValueError(f"{file} cannot be written: there is no folder {file.parent}.")


async def _jobs(arguments: argparse.Namespace) -> int:
    login = saved_login.load()
    async with connect(login.url, login.token) as atalaya:
        request = ListJobsRequest(kind=arguments.kind, status=arguments.status)
        page = await atalaya.jobs.ListJobs(request)
    for job in page.jobs:
        print(_line(job))
    if page.next_page_token:
        print("There are more.")
    return 0


def _tell(job: Job) -> None:
    print(f"\r{job.job_id} {JobStatus.Name(job.status)} {job.progress:4.0%}", end="", file=sys.stderr, flush=True)


def _line(job: Job) -> str:
    counts = f"read {job.rows_read}, written {job.rows_written}, unchanged {job.rows_unchanged}, "
    line = f"{job.job_id}  {job.kind}  {JobStatus.Name(job.status)}  {counts}rejected {job.rows_rejected}"
    return f"{line}  {job.code}: {job.error}" if job.code else line


if __name__ == "__main__":
    main()
