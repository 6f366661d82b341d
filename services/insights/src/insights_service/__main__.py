"""The insights service: `python -m insights_service serve | migrate | check-config`; without jobs, so no `work`."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from functools import lru_cache
from uuid import UUID

import grpc
from atalaya.auth.v1 import auth_pb2, auth_pb2_grpc
from atalaya.insights.v1 import sentiment_pb2_grpc
from atalaya.policies import rpc_policies
from service_runtime.client import open_channel
from service_runtime.config import load_settings
from service_runtime.database import Database
from service_runtime.identity import TokenVerifier
from service_runtime.lake import tenant_lake
from service_runtime.migrations import run_migrations
from service_runtime.server import Server, run_service

from insights_service.accounts_client import VisibleAccounts
from insights_service.config import Settings
from insights_service.labels import Labels
from insights_service.lexicon import LexiconEngine
from insights_service.post_texts import PostTexts
from insights_service.sentiment import Sentiment
from insights_service.sentiment_servicer import SentimentServicer
from insights_service.store import LabelStore


async def build_server(settings: Settings, *, verifier: TokenVerifier | None = None) -> Server:
    """Joins the service's parts; `verifier` is for tests."""
    database = Database(settings.database_url)
    auth_channel = open_channel(settings.auth_address, settings)
    ingest_channel = open_channel(settings.ingest_address, settings)
    engine = LexiconEngine()
    posts = PostTexts(lru_cache(256)(lambda tenant_id: tenant_lake(settings, tenant_id)), settings.posts_per_batch)
    sentiment = Sentiment(posts, Labels(engine, LabelStore(database)))
    accounts = VisibleAccounts(ingest_channel, seconds=settings.visible_accounts_seconds)

    verifier = verifier or TokenVerifier(_key_fetcher(auth_channel), settings.jwt_issuer, settings.jwt_audience)
    server = Server(settings, policies=rpc_policies(), verifier=verifier, name="insights")
    servicer = SentimentServicer(engine, sentiment, accounts)
    server.add(sentiment_pb2_grpc.add_SentimentServiceServicer_to_server, servicer)
    server.add_check("database", database.ping)
    # Texts that come with the call are scored without the lake, so it is not critical.
    server.add_check("lake", _lake_check(settings), critical=False)
    server.on_close(database.close)
    server.on_close(lambda: auth_channel.close(None))
    server.on_close(lambda: ingest_channel.close(None))
    return server


def _key_fetcher(channel: grpc.aio.Channel) -> Callable[[], Awaitable[bytes]]:
    stub = auth_pb2_grpc.AuthServiceStub(channel)

    async def fetch() -> bytes:
        reply = await stub.GetJwks(auth_pb2.GetJwksRequest())
        return bytes(reply.data)

    return fetch


def _lake_check(settings: Settings) -> Callable[[], Awaitable[None]]:
    # A tenant that nobody has: an empty listing says that the lake answers.
    lake = tenant_lake(settings, UUID(int=0))

    async def check() -> None:
        await asyncio.to_thread(lake.list, "health/")

    return check


async def serve(settings: Settings) -> None:
    server = await build_server(settings)
    await server.run()


def main() -> None:
    parser = argparse.ArgumentParser(prog="insights_service", description=__doc__)
    parser.add_argument("command", choices=["serve", "migrate", "check-config"])
    command = parser.parse_args().command
    settings = load_settings(Settings)
    if command == "serve":
        run_service(serve(settings))
    elif command == "migrate":
        run_migrations("insights_service", settings)
    else:
        print("The settings are valid.")


if __name__ == "__main__":
    main()
