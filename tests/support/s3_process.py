"""An S3 server that can be stopped, since it has a process of its own."""

import signal
import subprocess
import sys

import boto3


class S3Process:
    """The server; it keeps everything in memory."""

    def __enter__(self) -> "S3Process":
        program = (
            "import sys, time; from moto.server import ThreadedMotoServer;"
            "s = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False); s.start();"
            "print(s.get_host_and_port()[1], flush=True); time.sleep(3600)"
        )
        self._process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def new_bucket(self) -> str:
        client = boto3.client(
            "s3", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s"
        )
        client.create_bucket(Bucket="reports")
        client.close()
        return "reports"

    def stop(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)
