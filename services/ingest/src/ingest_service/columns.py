"""Which column of a file is which target: by the caller's mapping, else by the synonyms of names."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from service_runtime.errors import InvalidArgument, Unprocessable

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


@dataclass(frozen=True)
class Mapping:
    """The column of each target that has one, the account's column (-1: none), and the names that nothing took."""

    column_of: dict[str, int]
    account_column: int
    left_alone: list[str]

    def told(self, header: Sequence[str]) -> str:
        return ", ".join(f"{target}:{header[column]}" for target, column in self.column_of.items())


def plain(name: str) -> str:
    """Gives a name without case, accents, spaces, `_` and `-`, as names are compared."""
    letters = unicodedata.normalize("NFKD", name).casefold()
    return re.sub(r"[\s_\-.]+", "", "".join(letter for letter in letters if not unicodedata.combining(letter)))


def parse_mapping(kind: str, mapping: str) -> dict[str, str]:
    """Reads `target:column` pairs by comma; raises on a target that the kind has not."""
    names = {plain(target.name): target.name for target in TARGETS.get(kind, ())}
    pairs = {}
    for pair in filter(None, (part.strip() for part in mapping.split(","))):
        target, colon, column = pair.partition(":")
        if not colon or plain(target) not in names:
            known = ", ".join(names.values())
            raise InvalidArgument(
                "BAD_MAPPING", f"`{pair[:100]}` is not target:column with one of the targets {known}.", pair=pair[:100]
            )
        pairs[names[plain(target)]] = column.strip()
    return pairs


def known_names(kind: str, named: Iterable[str]) -> Callable[[Sequence[str]], int]:
    """Gives what counts the names in a header that are some target's, or that the caller has named."""
    known = {plain(name) for target in TARGETS.get(kind, ()) for name in (target.name, *target.synonyms)}
    known |= {plain(name) for name in named if name}
    return lambda header: sum(1 for name in header if plain(name) in known)


def find_columns(kind: str, header: Sequence[str], chosen: dict[str, str], account_column: str) -> Mapping:
    """Finds the column of every target; raises Unprocessable COLUMN_MISSING where a required one has none."""
    account = _named(header, account_column, "account") if account_column else -1
    column_of = {target: _named(header, column, target) for target, column in chosen.items() if column}
    taken = {account, *column_of.values()}
    for target in TARGETS[kind]:
        if target.name not in chosen:
            column = _by_synonym(header, target, taken)
            if column is not None:
                column_of[target.name] = column
                taken.add(column)
        if target.required and target.name not in column_of:
            raise _missing(target, header)
    left_alone = [name for column, name in enumerate(header) if column not in taken]
    in_order = {target.name: column_of[target.name] for target in TARGETS[kind] if target.name in column_of}
    return Mapping(in_order, account, left_alone)


def _by_synonym(header: Sequence[str], target: Target, taken: set[int]) -> int | None:
    for synonym in (target.name, *target.synonyms):
        for column, name in enumerate(header):
            if plain(name) == plain(synonym) and column not in taken:
                return column
    return None


def _named(header: Sequence[str], name: str, target: str) -> int:
    for same in (str, plain):
        for column, title in enumerate(header):
            if same(title) == same(name):
                return column
    raise Unprocessable(
        "COLUMN_MISSING",
        f"The file has no column `{name}` for {target}; it has {_told(header)}.",
        target=target,
        columns=_told(header),
    )


def _missing(target: Target, header: Sequence[str]) -> Unprocessable:
    return Unprocessable(
        "COLUMN_MISSING",
        f"No column for {target.name}: none is called {target.name}, {', '.join(target.synonyms)}, and `mapping` "
        f"names none; the file has {_told(header)}.",
        target=target.name,
        columns=_told(header),
    )


def _told(header: Sequence[str]) -> str:
    names = ", ".join(name[:60] for name in header[:50])
    return names + (f" and {len(header) - 50} more" if len(header) > 50 else "")
