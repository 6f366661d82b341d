"""A Trino server for the whole run: the engine behind Athena, over the tables of the stand-ins for Glue and S3."""

import atexit
import shutil
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path

import httpx

from support import s3
from support.gateway_process import free_port

_HOME = Path(__file__).resolve().parents[2] / ".tools" / "trino-368"
_START_SECONDS = 120


def is_installed() -> bool:
    """Whether `tests/athena/install.sh` could bring it."""
    return _HOME.is_dir() and shutil.which("java") is not None


@cache
def url() -> str:
    """Starts the server at the first call and gives its URL; it ends with the run."""
    folder = Path(tempfile.mkdtemp(prefix="trino-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    port = free_port()
    found = f"http://127.0.0.1:{port}"
    (folder / "catalog").mkdir()
    (folder / "config.properties").write_text(
        f"coordinator=true\nnode-scheduler.include-coordinator=true\nhttp-server.http.port={port}\n"
        f"discovery.uri={found}\ncatalog.config-dir={folder}/catalog\nplugin.dir={_HOME}/plugin\n"
        "query.max-memory-per-node=400MB\ntask.concurrency=1\ntask.max-worker-threads=2\n"
    )
    (folder / "catalog" / "awsdatacatalog.properties").write_text(
        "connector.name=hive\nhive.metastore=glue\nhive.metastore.glue.region=us-east-1\n"
        f"hive.metastore.glue.endpoint-url={s3.endpoint()}\n"
        "hive.metastore.glue.aws-access-key=k\nhive.metastore.glue.aws-secret-key=s\n"
        f"hive.s3.endpoint={s3.endpoint()}\nhive.s3.aws-access-key=k\nhive.s3.aws-secret-key=s\n"
        "hive.s3.path-style-access=true\nhive.s3.ssl.enabled=false\nhive.table-statistics-enabled=false\n"
        # Tables have one version each, so what lies where need not be asked twice.
        "hive.file-status-cache-tables=*\nhive.file-status-cache-expire-time=1h\n"
        "hive.metastore-cache-ttl=0s\n"
    )
    # Small queries are over before much is compiled twice.
    command = [
        "java",
        "-Xmx1500M",
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-Djdk.attach.allowAttachSelf=true",
        "-Duser.timezone=UTC",
    ]
    command += ["-Dnode.environment=test", "-Dnode.internal-address=127.0.0.1", "-Dnode.bind-ip=127.0.0.1"]
    command += [f"-Dnode.data-dir={folder}", f"-Dconfig={folder}/config.properties"]
    command += ["-cp", f"{_HOME}/lib/*", "io.trino.server.TrinoServer"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
    atexit.register(_end, process)
    _wait(found, process, folder / "log")
    return found


def _wait(found: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"{found}/v1/info").json().get("starting") is False:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise RuntimeError(f"Trino did not start:\n{log.read_text(errors='replace')[-3000:]}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
