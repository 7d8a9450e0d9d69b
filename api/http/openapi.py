"""OpenAPI 3.1 description of bodies that are read after authentication, which FastAPI can't infer."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api.access.key_bodies import ApiKeyRequest, KeyRotation
from api.http.schemas import (
    ErasureBody,
    HoldRequest,
    PayloadsBody,
    PredictBody,
    ProblemBody,
    TicketRequest,
)
from api.problems import MEDIA_TYPE
from api.wires.descriptions import wire_schemas
from domain.inference.parsing import body_schemas

_REF = "#/components/schemas/{model}"
_BODIES: tuple[type[BaseModel], ...] = (
    *(PredictBody, PayloadsBody, TicketRequest, ProblemBody),
    *(ErasureBody, HoldRequest, ApiKeyRequest, KeyRotation),
)
_PUBLIC = ("/oauth/token", "/.well-known/jwks.json", "/healthz", "/readyz", "/codec/session")
_SESSIONS = ("/codec/decode", "/codec/encode")
_TOKENS_ALONE = ("/v1/keys", "/v1/audit/events", "/v1/audit/export", "/v1/audit/erasures", "/v1/audit/holds", "/codec")
"""Prefixes of routes that no API key may use."""

TOKEN_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["grant_type"],
                    "properties": {
                        "grant_type": {"const": "client_credentials"},
                        "client_id": {"type": "string"},
                        "client_secret": {"type": "string", "format": "password"},
                    },
                }
            }
        },
    }
}


def _takes_keys(path: str) -> bool:
    return path.endswith("/proof") or not path.startswith(_TOKENS_ALONE)


def body_of(model: type[BaseModel] | str) -> dict[str, Any]:
    """Describe the ``requestBody`` of a route: a model of ``api.http.schemas``, or one of ``body_schemas`` by name."""
    schema = {"$ref": _REF.format(model=model if isinstance(model, str) else model.__name__)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problem responses of a route."""
    content = {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model=ProblemBody.__name__)}}}
    return {status: {"description": "Problem", "content": content} for status in statuses}


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the whole description, built once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title="Assay", version=app.version, summary=app.summary, routes=app.routes, openapi_version="3.1.0"
        )
        components = document.setdefault("components", {})
        _, extra = models_json_schema([(model, "validation") for model in _BODIES], ref_template=_REF)
        components.setdefault("schemas", {}).update(extra["$defs"] | body_schemas() | wire_schemas())
        components["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            "api_key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            "session": {"type": "apiKey", "in": "cookie", "name": "assay-codec"},
        }
        for path, operations in document["paths"].items():
            for operation in operations.values():
                if path not in _PUBLIC:
                    also = {"session": path in _SESSIONS, "api_key": _takes_keys(path)}
                    operation["security"] = [{"bearer": []}, *({name: []} for name, may in also.items() if may)]
        app.openapi_schema = document
    return app.openapi_schema
