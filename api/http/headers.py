"""Header fields and query parameters that occur once. Of two, a proxy may obey the one and this process the other."""

from fastapi import Request

from domain.refusals import Kind, Refusal


def only_one(request: Request, name: str) -> str | None:
    """Return the value of a header field, None without it.

    Raises:
        Refusal: INVALID_REQUEST, naming the header, if it occurs more than once.
    """
    values = request.headers.getlist(name)
    if len(values) > 1:
        raise Refusal(Kind.INVALID_REQUEST, "must occur once", field=name)
    return values[0] if values else None


def media_type(request: Request) -> str:
    """Return the body's media type, in lower case and without parameters; empty without one.

    Raises:
        Refusal: INVALID_REQUEST for a second Content-Type.
    """
    return (only_one(request, "Content-Type") or "").partition(";")[0].strip().lower()


async def parameters_once(request: Request) -> None:
    """Refuse a query with a parameter twice. A dependency of routers.

    Raises:
        Refusal: INVALID_REQUEST.
    """
    names = [name for name, _ in request.query_params.multi_items()]
    if len(set(names)) != len(names):
        raise Refusal(Kind.INVALID_REQUEST, "a query parameter occurs twice")
