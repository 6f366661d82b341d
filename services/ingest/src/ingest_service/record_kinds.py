"""The kinds of records: their tables, keys and values."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RecordKind:
    """A kind of record: its table, its number, the columns of its key and its values, its lake partition."""

    name: str
    number: str
    key: tuple[str, ...]
    values: tuple[str, ...]
    # SQL for the lake's partition of a row besides its account.
    month: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.key, *self.values)


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
    month="to_char({row}.fecha_publicacion AT TIME ZONE 'UTC', 'YYYY-MM')",
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
    month="''",
)
RECORD_KINDS = {kind.name: kind for kind in (POST_RECORDS, METRIC_RECORDS)}
