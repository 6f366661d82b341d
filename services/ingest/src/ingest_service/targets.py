"""What a row of each kind can have, and the names that columns of it have elsewhere."""

from dataclasses import dataclass
from typing import Literal

Form = Literal["time", "text", "count", "percentage", "money"]


@dataclass(frozen=True)
class Target:
    """A value that rows of a kind have. `default` stands for an empty cell where it is not required."""

    name: str
    form: Form
    synonyms: tuple[str, ...]
    required: bool = False
    may_be_empty: bool = False
    default: str | None = None


def _target(name: str, form: Form, synonyms: str, **more: object) -> Target:
    return Target(name, form, tuple(synonyms.split()), **more)  # type: ignore[arg-type]


POSTS = (
    _target(
        "fecha_publicacion",
        "time",
        "published_at published_utc created_at created_time status_published timestamp date fecha",
        required=True,
    ),
    _target(
        "contenido",
        "text",
        "text message status_message caption content texto post",
        required=True,
        may_be_empty=True,
        default="",
    ),
    # Reactions count as likes only where no column of likes is there: they come last.
    _target(
        "likes",
        "count",
        "num_likes like_count favorites favorite_count me_gusta num_reactions reactions",
        default="0",
    ),
    _target("comentarios", "count", "comments num_comments comment_count replies", default="0"),
    _target("compartidos", "count", "shares num_shares share_count retweets retweet_count reposts", default="0"),
    _target("impresiones", "count", "impressions"),
    _target("alcance", "count", "reach"),
    _target("guardados", "count", "saves saved"),
    _target("reproducciones", "count", "views view_count plays"),
    _target("tipo_contenido", "text", "type status_type media_type content_type", default=""),
    _target("hashtags", "text", "tags", default=""),
    _target("menciones", "count", "mentions", default="0"),
    _target("plataforma", "text", "platform network", default=""),
    _target("idioma", "text", "language lang", default=""),
    _target("id_externo", "text", "post_id status_id tweet_id video_id id url permalink link", default=""),
)
METRICS = (
    _target("hora", "time", "date_utc date fecha timestamp day retrieved_at", required=True),
    _target(
        "seguidores",
        "count",
        "followers followers_count subscriber_count subscribers num_subscribers fans",
        required=True,
    ),
    _target("siguiendo", "count", "following"),
    _target("publicaciones_totales", "count", "posts media_count video_count"),
    _target("alcance_promedio", "count", "reach"),
    _target("impresiones", "count", "impressions"),
    _target("engagement_rate", "percentage", "engagement"),
)
COMMENTS = (
    _target("texto", "text", "text comment comment_text", required=True),
    _target("fecha", "time", "created_at", required=True),
    _target("post", "text", "post_id post_link", required=True),
    _target("autor", "text", "author username owner", default=""),
    _target("likes", "count", "like_count", default="0"),
    _target("responde_a", "text", "reply_to parent_id", default=""),
    _target("id_externo", "text", "comment_id id", default=""),
)
TRANSACTIONS = (
    _target("id_cuenta", "text", "customer_id client_id user_id customerid", required=True),
    _target("fecha", "time", "date invoicedate order_date", required=True),
    _target("monto", "money", "amount dollar_value total price", required=True),
)
TARGETS: dict[str, tuple[Target, ...]] = {
    "posts": POSTS,
    "metrics": METRICS,
    "comments": COMMENTS,
    "transactions": TRANSACTIONS,
}
