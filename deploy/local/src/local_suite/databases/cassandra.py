"""Cassandra from its Maven artifacts, on the system's Java: a server of one node."""

import shutil
import socket
import subprocess
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from local_suite.databases.server import CannotBeHad, DatabaseServer, run_tool

VERSION = "5.0.8"
# It runs on these; Debian 12 has the newer one.
_JAVA_VERSIONS = ("11", "17")
_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
# What the server's own start script opens to it of Java 17's inside.
_EXPORTS = (
    "java.base/jdk.internal.misc", "java.base/jdk.internal.ref", "java.base/sun.nio.ch",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi", "java.rmi/sun.rmi.registry", "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
)  # fmt: skip
_OPENS = (
    "java.base/java.io", "java.base/java.lang", "java.base/java.lang.module", "java.base/java.net",
    "java.base/java.nio",
    "java.base/java.util", "java.base/java.util.concurrent", "java.base/java.util.concurrent.atomic",
    "java.base/jdk.internal.loader", "java.base/jdk.internal.math", "java.base/jdk.internal.module",
    "java.base/jdk.internal.ref", "java.base/jdk.internal.reflect", "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch", "jdk.management/com.sun.management.internal",
)  # fmt: skip
SUPERUSER = ("cassandra", "cassandra")


class Cassandra(DatabaseServer):
    """A Cassandra server; it takes some 700 MB."""

    name = "Cassandra"
    start_seconds = 150.0

    def __init__(self, folder: Path, port: int, jars: Path) -> None:
        super().__init__(folder, port)
        self.jars = jars.absolute() / VERSION

    def prepare(self) -> None:
        _need_java()
        fetch_jars(self.jars)
        template = resources.files("local_suite.databases").joinpath("cassandra.yaml").read_text()
        (self.folder / "triggers").mkdir(exist_ok=True)
        text = template.replace("FOLDER", str(self.folder)).replace("STORAGE_PORT", str(self.port + 1))
        (self.folder / "cassandra.yaml").write_text(text.replace("NATIVE_PORT", str(self.port)))
        logback = resources.files("local_suite.databases").joinpath("cassandra-logback.xml").read_text()
        (self.folder / "logback.xml").write_text(logback)

    def command(self) -> Sequence[str | Path]:
        settings = {
            "cassandra.config": f"file://{self.folder / 'cassandra.yaml'}",
            "cassandra.storagedir": self.folder,
            "cassandra.triggers_dir": self.folder / "triggers",
            "logback.configurationFile": self.folder / "logback.xml",
            "cassandra-foreground": "yes",
            "jdk.attach.allowAttachSelf": "true",
            # One node waits for nobody.
            "cassandra.ring_delay_ms": 0,
            "cassandra.skip_wait_for_gossip_to_settle": 0,
            "cassandra.superuser_setup_delay_ms": 0,
            "cassandra.available_processors": 2,
        }
        return [
            str(shutil.which("java")),
            *("-Xms400m", "-Xmx400m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
            f"-javaagent:{next(self.jars.glob('jamm-*.jar'))}",
            *(word for name in _EXPORTS for word in ("--add-exports", f"{name}=ALL-UNNAMED")),
            *(word for name in _OPENS for word in ("--add-opens", f"{name}=ALL-UNNAMED")),
            *(f"-D{name}={value}" for name, value in settings.items()),
            *("-cp", f"{self.jars}/*"),
            "org.apache.cassandra.service.CassandraDaemon",
        ]

    def answers(self) -> bool:
        with socket.socket() as probe:
            # The driver has much to say of a port on which nothing listens.
            if probe.connect_ex(("127.0.0.1", self.port)) != 0:
                return False
        try:
            self.connect().shutdown()
        except Exception:
            return False
        return True

    def connect(self) -> Any:
        """Gives a cluster of the driver's, connected as the superuser by its first session."""
        from cassandra.auth import PlainTextAuthProvider
        from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
        from cassandra.policies import WhiteListRoundRobinPolicy

        here = ExecutionProfile(WhiteListRoundRobinPolicy(["127.0.0.1"]), request_timeout=60)
        cluster = Cluster(
            ["127.0.0.1"],
            port=self.port,
            protocol_version=5,
            execution_profiles={EXEC_PROFILE_DEFAULT: here},
            auth_provider=PlainTextAuthProvider(*SUPERUSER),
            connect_timeout=10,
            control_connection_timeout=10,
        )
        try:
            cluster.connect()
        except BaseException:
            cluster.shutdown()
            raise
        return cluster


def fetch_jars(folder: Path) -> None:
    """Brings the server and what it needs from Maven Central into a folder, once."""
    if any(folder.glob("cassandra-all-*.jar")):
        return
    if shutil.which("mvn") is None:
        raise CannotBeHad("Cassandra: Maven is not installed (apt-get install maven), or its jars in " + str(folder))
    unfinished = folder.with_name(folder.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    pom = resources.files("local_suite.databases").joinpath("cassandra-pom.xml").read_text()
    (unfinished / "pom.xml").write_text(pom.replace("VERSION", VERSION))
    run_tool(
        "Cassandra",
        *("mvn", "-B", "-q", "-f", unfinished / "pom.xml", _PLUGIN),
        *(f"-DoutputDirectory={unfinished}", "-DincludeScope=runtime"),
    )
    unfinished.replace(folder)


def _need_java() -> None:
    java = shutil.which("java")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr if java else ""
    if not any(f'version "{version}' in said for version in _JAVA_VERSIONS):
        found = f" This is {said.splitlines()[0]}." if said else ""
        raise CannotBeHad(f"Cassandra needs Java 17: apt-get install openjdk-17-jre-headless brings it.{found}")
