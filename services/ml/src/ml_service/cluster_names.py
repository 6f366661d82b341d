"""Names of clusters by rank of engagement."""

from __future__ import annotations

_NAMES = {
    1: ("Medio",),
    2: ("Bajo", "Alto"),
    3: ("Bajo", "Medio", "Alto"),
    4: ("Bajo", "Medio", "Alto", "Viral"),
    5: ("Bajo", "Medio-Bajo", "Medio", "Medio-Alto", "Alto"),
    6: ("Bajo", "Medio-Bajo", "Medio", "Medio-Alto", "Alto", "Viral"),
    7: ("Muy Bajo", "Bajo", "Medio-Bajo", "Medio", "Medio-Alto", "Alto", "Viral"),
    8: ("Muy Bajo", "Bajo", "Medio-Bajo", "Medio", "Medio-Alto", "Alto", "Muy Alto", "Viral"),
    9: ("Mínimo", "Muy Bajo", "Bajo", "Medio-Bajo", "Medio", "Medio-Alto", "Alto", "Muy Alto", "Viral"),
}


def cluster_names(clusters: int) -> list[str]:
    """By rising engagement; beyond nine the highest are Viral 2, Viral 3 and so on."""
    names = _NAMES[min(clusters, max(_NAMES))]
    return [*names, *(f"Viral {place}" for place in range(2, clusters - len(names) + 2))]
