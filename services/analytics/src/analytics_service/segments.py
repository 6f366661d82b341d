"""The eleven RFM segments: what their customers have in common, and what they are offered."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SegmentText:
    """What is said of a segment."""

    name: str
    description: str
    benefits: tuple[str, ...]


SEGMENTS = (
    SegmentText(
        "Campeones",
        "Compraron hace muy poco, compran seguido y son los que más gastan.",
        ("Acceso anticipado a los lanzamientos", "Asesor personal", "Puntos dobles en cada compra"),
    ),
    SegmentText(
        "Clientes Leales",
        "Compran con regularidad y gastan por encima de la mayoría.",
        ("Programa de puntos", "Aviso previo de las promociones", "Envío sin costo"),
    ),
    SegmentText(
        "Leales Potenciales",
        "Compraron hace poco, más de una vez, y pueden volverse habituales.",
        ("Bono de bienvenida al programa de puntos", "Recomendaciones según sus compras"),
    ),
    SegmentText(
        "Nuevos Clientes",
        "Su primera compra es muy reciente.",
        ("Guía de primeros pasos", "Descuento en la segunda compra"),
    ),
    SegmentText(
        "Prometedores",
        "Compraron hace poco, todavía pocas veces y con montos pequeños.",
        ("Muestra de productos relacionados", "Descuento por completar su perfil"),
    ),
    SegmentText(
        "Necesitan Atención",
        "Compran y gastan como el promedio, pero su última compra ya no es reciente.",
        ("Oferta por tiempo limitado", "Recomendaciones según sus compras"),
    ),
    SegmentText(
        "A Punto de Dormir",
        "Compran poco y llevan un tiempo sin volver.",
        ("Recordatorio de lo que dejaron pendiente", "Descuento por volver este mes"),
    ),
    SegmentText(
        "En Riesgo",
        "Compraban a menudo o gastaban bien, y hace mucho que no vuelven.",
        ("Llamada de seguimiento", "Descuento por volver", "Renovación con condiciones mejoradas"),
    ),
    SegmentText(
        "No se pueden perder",
        "Fueron de los que más compraron y gastaron, y hace mucho que no vuelven.",
        ("Contacto personal de un asesor", "Oferta a su medida", "Prioridad en la atención"),
    ),
    SegmentText(
        "Hibernando",
        "Compraron pocas veces, gastaron poco y su última compra queda lejos.",
        ("Catálogo de novedades", "Descuento en su categoría habitual"),
    ),
    SegmentText(
        "Perdidos",
        "Compraron poco y son los que llevan más tiempo sin volver.",
        ("Invitación a contar por qué se fueron", "Descuento de bienvenida al volver"),
    ),
)

BENEFITS = {segment.name: segment.benefits for segment in SEGMENTS}
