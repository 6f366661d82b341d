"""The insights service: `python -m insights_service serve | migrate | check-config`; without jobs, so no `work`."""

import argparse
import time
from collections.abc import Callable
from functools import lru_cache
from uuid import UUID

from atalaya.auth_calls import key_exchange, signing_keys
from atalaya.insights.v1 import sentiment_pb2_grpc
from atalaya.policies import rpc_policies
from atalaya.tenancy.v1 import erasure_pb2_grpc
from service_parts.erasure_servicer import ErasureServicer
from service_parts.visible_accounts import VisibleAccounts
from service_runtime.client import open_channel
from service_runtime.config import load_settings
from service_runtime.database import Database
from service_runtime.erasure import TenantRows
from service_runtime.event_loop import run_service
from service_runtime.lake import lake_alive, tenant_lake
from service_runtime.migrations import run_migrations
from service_runtime.server import Server
from service_runtime.token_verifier import TokenVerifier

from insights_service.config import Settings
from insights_service.labels import Labels
from insights_service.lexicon import LexiconEngine
from insights_service.post_texts import PostTexts
from insights_service.sentiment import Sentiment
from insights_service.sentiment_servicer import SentimentServicer
from insights_service.store import LabelStore


async def build_server(
    settings: Settings, *, verifier: TokenVerifier | None = None, clock: Callable[[], float] = time.monotonic
) -> Server:
    """Joins the service's parts; `verifier` and `clock` are for tests."""
    database = Database(settings.database_url)
    auth_channel = open_channel(settings.auth_address, settings)
    ingest_channel = open_channel(settings.ingest_address, settings)
    engine = LexiconEngine()
    posts = PostTexts(lru_cache(256)(lambda tenant_id: tenant_lake(settings, tenant_id)), settings.posts_per_batch)
    sentiment = Sentiment(posts, Labels(engine, LabelStore(database)))
    accounts = VisibleAccounts(ingest_channel, keep_seconds=settings.visible_accounts_seconds, clock=clock)

    verifier = verifier or TokenVerifier(signing_keys(auth_channel), settings.jwt_issuer, settings.jwt_audience)
    server = Server(
        settings, policies=rpc_policies(), verifier=verifier, name="insights", exchange_key=key_exchange(auth_channel)
    )
    servicer = SentimentServicer(engine, sentiment, accounts)
    server.add(sentiment_pb2_grpc.add_SentimentServiceServicer_to_server, servicer)
    rows = TenantRows(database)

    async def erase(tenant_id: UUID) -> tuple[int, int]:
        return await rows.erase(tenant_id), 0

    server.add(erasure_pb2_grpc.add_ErasureServiceServicer_to_server, ErasureServicer(erase))
    server.add_check("database", database.ping)
    # Texts that come with the call are scored without the lake, so it is not critical.
    server.add_check("lake", lake_alive(settings), critical=False)
    server.on_close(database.close)
    server.on_close(lambda: auth_channel.close(None))
    server.on_close(lambda: ingest_channel.close(None))
    return server


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
