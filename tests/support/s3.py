"""An S3 server for the whole run; it keeps everything in memory."""

import atexit
from functools import cache
from typing import TYPE_CHECKING
from uuid import uuid4

import boto3
from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@cache
def endpoint() -> str:
    """Starts the server at the first call and gives its URL; it ends with the run."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    atexit.register(server.stop)
    host, port = server.get_host_and_port()
    return f"http://{host}:{port}"


def new_bucket() -> str:
    """Creates a bucket and gives its name."""
    name = f"test-{uuid4().hex}"
    client().create_bucket(Bucket=name)
    return name


@cache
def client() -> "S3Client":
    """Gives a client that sees the server as its operator does."""
    made: S3Client = boto3.client(
        "s3", endpoint_url=endpoint(), region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s"
    )
    atexit.register(made.close)
    return made
