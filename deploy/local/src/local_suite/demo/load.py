"""Loads the demo: makes the companies, imports their files through the API, trains their first models."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import date

import httpx

from local_suite.demo.api import Api
from local_suite.demo.companies import COMPANIES, Company
from local_suite.demo.files import ImportFile, files_of
from local_suite.demo.last_day import last_day
from local_suite.demo.logins import passwords, wanted, write_logins
from local_suite.environment import service_environment
from local_suite.errors import SuiteError
from local_suite.home import Home

Say = Callable[[str], None]
# A file may wait for others to be taken in; Envoy ends an upload after ten minutes anyway.
_CALL_SECONDS = 120.0


def load(home: Home, say: Say, environment: Mapping[str, str] = os.environ) -> None:
    """Loads everything; doing it again changes nothing."""
    home.prepare()
    known = passwords(home, environment)
    until = last_day(home, environment)
    tokens = provision(home, wanted(known))
    write_logins(home, known)
    say(f"The companies of the demo are there; their data run to {until}.")
    asyncio.run(_load_all(home, tokens, until, say))


def provision(home: Home, tenants: Mapping[str, object]) -> dict[str, str]:
    """Makes the companies and their people by auth's operator command; gives a loader's token for each company."""
    done = subprocess.run(
        [sys.executable, "-m", "auth_service", "provision"],
        env=service_environment(home, "auth"),
        input=json.dumps(tenants),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SuiteError(f"auth_service provision failed: {done.stderr.strip()}")
    reply = json.loads(done.stdout.strip().splitlines()[-1])
    return {tenant["name"]: tenant["loader_token"] for tenant in reply["tenants"]}


async def _load_all(home: Home, tokens: Mapping[str, str], until: date, say: Say) -> None:
    # The address is always this machine's, whatever proxy the environment names.
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{home.port}", timeout=_CALL_SECONDS, trust_env=False
    ) as client:
        apis = {company.name: Api(client, tokens[company.name]) for company in COMPANIES}
        loading = []
        for company in COMPANIES:
            # The files of one company are made while those of the one before are imported.
            files = await asyncio.to_thread(_files, company, until)
            loading.append(asyncio.create_task(_load_company(apis[company.name], company, files, say)))
        await asyncio.gather(*loading)


def _files(company: Company, until: date) -> list[ImportFile]:
    return list(files_of(company, until))


async def _load_company(api: Api, company: Company, files: list[ImportFile], say: Say) -> None:
    jobs = [(file, await api.upload(file)) for file in files]
    written = unchanged = rejected = 0
    for file, job_id in jobs:
        job = await api.finished(job_id)
        if file.parameters["kind"] in {"posts", "metrics"} and job["rows_rejected"]:
            raise SuiteError(f"{job['rows_rejected']} rows of {company.name}'s {file.title} were rejected ({job_id}).")
        written += job["rows_written"]
        unchanged += job["rows_unchanged"]
        rejected += job["rows_rejected"]
    say(f"{company.name}: {written} rows written, {unchanged} there already, {rejected} rejected ({len(files)} files).")
    if company.trains_models:
        trainings = [(what, account) for account in company.accounts for what in ("regression", "clustering")]
        begun = await asyncio.gather(*(api.train(what, account) for what, account in trainings))
        say(f"{company.name}: {sum(begun)} models trained or in training, {len(begun) - sum(begun)} there already.")
