"""Calls Atalaya from Python: `connect` with a token or `log_in` with a name, then the services' own typed rpcs."""

from atalaya_client.connection import Atalaya as Atalaya
from atalaya_client.connection import connect as connect
from atalaya_client.connection import log_in as log_in
from atalaya_client.exports import create_export as create_export
from atalaya_client.exports import download_export as download_export
from atalaya_client.imports import follow_job as follow_job
from atalaya_client.imports import import_file as import_file
