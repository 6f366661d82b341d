"""The kinds of records: their tables, keys and values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any


@dataclass(frozen=True)
class RecordKind:
    """A kind of record: its table, its number, the columns of its key and its values, its lake partition."""

    name: str
    number: str
    key: tuple[str, ...]
    values: tuple[str, ...]
    # The column with a row's time.
    time: str
    # Whether the lake's partitions are months of an account, not whole accounts.
    by_month: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.key, *self.values)

    def partition(self, row: Mapping[str, Any]) -> tuple[int, str]:
        """Gives the lake's partition of a row."""
        return row["id_usuario"], row[self.time].astimezone(UTC).strftime("%Y-%m") if self.by_month else ""

    @property
    def month(self) -> str:
        """SQL for the lake's partition of a row besides its account."""
        return f"to_char({{row}}.{self.time} AT TIME ZONE 'UTC', 'YYYY-MM')" if self.by_month else "''"


POST_RECORDS = RecordKind(
    name="posts",
    number="id_publicacion",
    key=("id_usuario", "clave"),
    values=(
        "id_externo",
        "contenido",
        "fecha_publicacion",
        "likes",
        "comentarios",
        "compartidos",
        "impresiones",
        "alcance",
        "guardados",
        "reproducciones",
        "tipo_contenido",
        "hashtags",
        "menciones",
        "plataforma",
        "idioma",
    ),
    time="fecha_publicacion",
)
METRIC_RECORDS = RecordKind(
    name="metrics",
    number="id_metrica",
    key=("id_usuario", "hora"),
    values=(
        "seguidores",
        "siguiendo",
        "publicaciones_totales",
        "alcance_promedio",
        "impresiones",
        "engagement_rate",
    ),
    time="hora",
    by_month=False,
)
COMMENT_RECORDS = RecordKind(
    name="comments",
    number="id_comentario",
    key=("id_usuario", "clave"),
    values=("id_externo", "post", "autor", "texto", "fecha", "likes", "responde_a"),
    time="fecha",
)
RECORD_KINDS = {kind.name: kind for kind in (POST_RECORDS, METRIC_RECORDS, COMMENT_RECORDS)}
