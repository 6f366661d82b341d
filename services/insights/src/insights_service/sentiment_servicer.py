"""The rpcs of SentimentService: scores of texts, and sums over an account's posts."""

import asyncio
from typing import Any, TypeAlias

from atalaya.insights.v1 import sentiment_pb2
from atalaya.insights.v1.sentiment_pb2_grpc import SentimentServiceServicer
from grpc.aio import ServicerContext
from service_parts.visible_accounts import VisibleAccounts
from service_runtime.identity import caller

from insights_service import convert
from insights_service.lexicon import ENGINE, LexiconEngine
from insights_service.sentiment import Sentiment

Context: TypeAlias = ServicerContext[Any, Any]


class SentimentServicer(SentimentServiceServicer):
    """Tells what people feel."""

    def __init__(self, engine: LexiconEngine, sentiment: Sentiment, accounts: VisibleAccounts) -> None:
        self._engine = engine
        self._sentiment = sentiment
        self._accounts = accounts

    async def ScoreSentiment(
        self, request: sentiment_pb2.ScoreSentimentRequest, context: Context
    ) -> sentiment_pb2.ScoreSentimentResponse:
        # A thousand texts take a tenth of a second of computing, which must not hold up other calls.
        found = await asyncio.to_thread(self._engine.score_all, request.texts, request.language)
        results = [convert.from_text_sentiment(each) for each in found]
        return sentiment_pb2.ScoreSentimentResponse(results=results, engine=ENGINE)

    async def GetSentiment(
        self, request: sentiment_pb2.GetSentimentRequest, context: Context
    ) -> sentiment_pb2.GetSentimentResponse:
        identity = caller()
        period = convert.to_period(request, identity.timezone)
        accounts = (
            (await self._accounts.named(identity, request.account),)
            if request.account
            else await self._accounts.all_of(identity)
        )
        return convert.from_summary(await self._sentiment.summary(identity.tenant_id, accounts, period))
