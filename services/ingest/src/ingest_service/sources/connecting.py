"""Connects to a source of any kind; a driver is loaded where it is used, for most workers never need all of them."""

from ingest_service.sources.address import Address, Login
from ingest_service.sources.connection import Limits, SourceConnection


def connect(address: Address, ip: str, login: Login, limits: Limits) -> SourceConnection:
    """Opens a connection to the IP address, with which everything is read that a run reads."""
    if address.kind == "mysql":
        from ingest_service.sources import mysql_store

        return mysql_store.connect(address, ip, login, limits)
    if address.kind == "postgresql":
        from ingest_service.sources import postgresql_store

        return postgresql_store.connect(address, ip, login, limits)
    from ingest_service.sources import cassandra_store

    return cassandra_store.connect(address, ip, login, limits)
