"""What the processes of ml hold in memory: serving runs without training code, and a worker without work too."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from datetime import date
from typing import Any

import pytest
from atalaya.ml.v1 import clustering_pb2, regression_pb2
from ml_service.config import Settings
from support.followers import days_from, growing
from support.ml_suite import Company, Suite
from support.running import socket_address

TRAINING_CODE = ["sklearn", "pandas", "statsmodels", "skl2onnx", "onnx", "scipy", "ml_service.training"]

SERVE = """
import asyncio, json, sys
import grpc
from atalaya.ml.v1 import clustering_pb2, clustering_pb2_grpc, regression_pb2, regression_pb2_grpc
from ml_service.__main__ import build_server, build_worker
from ml_service.config import Settings
from ml_service.renewal import Renewal
from service_runtime.config import load_settings

async def main(token):
    settings = load_settings(Settings)
    build_worker(settings, Renewal(0))
    server = await build_server(settings)
    await server.start()
    async with grpc.aio.insecure_channel(server.address) as channel:
        metadata = (("authorization", token),)
        followers = await regression_pb2_grpc.RegressionServiceStub(channel).PredictFollowers(
            regression_pb2.PredictFollowersRequest(username="banco"), metadata=metadata)
        cluster = await clustering_pb2_grpc.ClusteringServiceStub(channel).PredictCluster(
            clustering_pb2.PredictClusterRequest(username="banco", likes=1), metadata=metadata)
    await server.stop()
    print(json.dumps({"days": len(followers.series), "cluster": cluster.cluster, "modules": sorted(sys.modules)}))

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.slow
async def test_serving_imports_no_training_code(suite: Suite, company: Company) -> None:
    company.write_followers("banco", days_from(date(2024, 3, 1), 40), growing(40))
    company.write_posts("banco", company.posts(60))
    await suite.regression.TrainForecast(
        regression_pb2.TrainForecastRequest(username="banco"), metadata=company.caller()
    )
    await suite.clustering.TrainClusters(
        clustering_pb2.TrainClustersRequest(username="banco"), metadata=company.caller()
    )

    expected = await suite.clustering.PredictCluster(
        clustering_pb2.PredictClusterRequest(username="banco", likes=1), metadata=company.caller()
    )

    async with socket_address() as address:
        said = await run_process(suite.settings, address, dict(company.caller())["authorization"])

    assert (said["days"], said["cluster"]) == (30, expected.cluster)
    loaded = {name.split(".")[0] for name in said["modules"]} | set(said["modules"])
    assert [name for name in TRAINING_CODE if name in loaded] == []


async def run_process(settings: Settings, address: str, token: str) -> dict[str, Any]:
    names = ("database_url", "atalaya_lake", "auth_address", "ingest_address")
    environment = {name.upper(): str(getattr(settings, name)) for name in names} | {"LISTEN_ADDRESS": address}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        SERVE,
        token,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    said: dict[str, Any] = json.loads(output.splitlines()[-1])
    return said


@pytest.mark.parametrize(("seconds", "code"), [("20", 0), ("soon", 2)])
def test_check_config_names_a_bad_setting(seconds: str, code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ml_service", "check-config"],
        env={**os.environ, "TRAINING_WAIT_SECONDS": seconds},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == code
    assert ("TRAINING_WAIT_SECONDS" in done.stderr) == (code != 0)
