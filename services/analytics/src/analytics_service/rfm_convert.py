"""Between what the RFM rules give and the messages of the contract."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from atalaya.analytics.v1 import rfm_pb2

from analytics_service.customer_table import Customer
from analytics_service.rfm import Found, Segmentation
from analytics_service.rfm_move_store import Move


def segments(segmentation: Segmentation) -> rfm_pb2.ListSegmentsResponse:
    return rfm_pb2.ListSegmentsResponse(
        segmentos=[
            rfm_pb2.Segment(
                segmento=segment.name,
                descripcion=segment.description,
                clientes=segment.customers,
                porcentaje=segment.share,
                recencia_promedio=segment.mean_recency,
                frecuencia_promedio=segment.mean_frequency,
                monto_promedio=segment.mean_money,
            )
            for segment in segmentation.segments
        ],
        total_clientes=segmentation.customers,
        as_of=segmentation.as_of.isoformat() if segmentation.as_of else None,
    )


def customer(found: Customer, as_of: date, benefits: Mapping[str, Sequence[str]]) -> rfm_pb2.GetCustomerResponse:
    return rfm_pb2.GetCustomerResponse(**_fields(found, as_of, benefits))


def customers(found: Found, benefits: Mapping[str, Sequence[str]]) -> rfm_pb2.BatchGetCustomersResponse:
    return rfm_pb2.BatchGetCustomersResponse(
        clientes=[rfm_pb2.Customer(**_fields(each, found.as_of, benefits)) for each in found.customers],
        not_found=found.missing,
    )


def history(moves: Sequence[Move]) -> rfm_pb2.GetCustomerHistoryResponse:
    return rfm_pb2.GetCustomerHistoryResponse(
        historial=[
            rfm_pb2.SegmentMove(as_of=move.as_of.isoformat(), segmento=move.segmento, rfm=move.rfm) for move in moves
        ]
    )


def _fields(found: Customer, as_of: date | None, benefits: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    return {
        "id_cuenta": found.id_cuenta,
        "recencia": found.recencia,
        "frecuencia": found.frecuencia,
        "monto": found.monto,
        "r": found.r,
        "f": found.f,
        "m": found.m,
        "rfm": found.rfm,
        "segmento": found.segmento,
        "beneficios": benefits[found.segmento],
        "as_of": as_of.isoformat() if as_of else "",
    }
