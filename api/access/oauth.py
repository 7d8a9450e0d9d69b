"""``/oauth/token`` (RFC 6749 client credentials) and the public keys of this service's signatures (RFC 7517)."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from api.dependencies import Access
from api.edge.refusals import record_refusal
from api.http.headers import media_type, only_one
from api.http.openapi import TOKEN_FORM
from api.http.schemas import TokenBody
from api.problems import SHAPES, headers_for, problem_type
from domain.refusals import Kind, Refusal
from domain.signing_keys import RECEIPT_KEY, TOKEN_KEY
from services.tokens import client_credentials, read_form

router = APIRouter(tags=["oauth"])

_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_OAUTH_ERRORS = {Kind.INVALID_CLIENT: "invalid_client", Kind.UNSUPPORTED_GRANT: "unsupported_grant_type"}
_SIGNING_KEYS = (TOKEN_KEY, RECEIPT_KEY)
JWKS_MAX_AGE_SECONDS = 300


@router.post("/oauth/token", response_model=TokenBody, openapi_extra=TOKEN_FORM)
async def token(request: Request, access: Access) -> JSONResponse:
    """Issue an access token to a client. Errors have the form of RFC 6749 section 5.2."""
    try:
        return await _grant(request, access)
    except Refusal as refusal:
        if SHAPES[refusal.kind].status >= 500:  # noqa: PLR2004 - server errors have no form in the RFC
            raise
        status = 400 if refusal.kind is Kind.INVALID_REQUEST else SHAPES[refusal.kind].status
        record_refusal(request, refusal, status)
        headers = {**headers_for(refusal.kind, refusal.retry_after, final=False), **_NO_STORE}
        if refusal.kind is Kind.INVALID_CLIENT:
            headers["WWW-Authenticate"] = 'Basic realm="assay"'
        error = {
            "error": _OAUTH_ERRORS.get(refusal.kind, "invalid_request"),
            "error_description": refusal.detail,
            "type": problem_type(refusal.kind),
        }
        return JSONResponse(error, status_code=status, headers=headers)


async def _grant(request: Request, access: Access) -> JSONResponse:
    if media_type(request) != "application/x-www-form-urlencoded":
        raise Refusal(Kind.UNSUPPORTED_MEDIA, "send 'Content-Type: application/x-www-form-urlencoded'")
    form = read_form(await request.body())
    if form.get("grant_type") != "client_credentials":
        raise Refusal(Kind.UNSUPPORTED_GRANT, "only 'grant_type=client_credentials' is supported")
    client_id, secret = client_credentials(only_one(request, "Authorization"), form)
    issued = await access.tokens.grant(client_id, secret, request.client.host if request.client else "")
    body = {
        "access_token": issued.access_token,
        "token_type": "Bearer",
        "expires_in": issued.expires_in,
        "scope": issued.scope,
    }
    return JSONResponse(body, headers=_NO_STORE)


@router.get("/.well-known/jwks.json")
async def jwks(access: Access) -> JSONResponse:
    """Return the public keys of access tokens and receipts."""
    keys = [dict(jwk) for name in _SIGNING_KEYS for jwk in (await access.signer.public_keys(name)).values()]
    return JSONResponse({"keys": keys}, headers={"Cache-Control": f"public, max-age={JWKS_MAX_AGE_SECONDS}"})
