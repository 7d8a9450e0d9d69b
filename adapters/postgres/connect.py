"""One connection to PostgreSQL: TLS with a verified host name except on loopback, bounded in time."""

import ssl

import asyncpg

from config.settings import DatabaseSettings


def tls_context(settings: DatabaseSettings) -> ssl.SSLContext | bool:
    """Return libpq's ``verify-full`` as a context, or False on loopback."""
    if not settings.tls_required:
        return False
    context = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


async def connect(
    settings: DatabaseSettings,
    *,
    user: str,
    password: str,
    application: str,
    tls: ssl.SSLContext | bool | None = None,
) -> asyncpg.Connection:
    """Connect. ``tls`` reuses a context; ``application`` is the name shown by PostgreSQL."""
    statement_ms = str(int(settings.statement_timeout_seconds * 1000))
    return await asyncpg.connect(
        host=settings.host,
        port=settings.port,
        database=settings.name,
        user=user,
        password=password,
        ssl=tls_context(settings) if tls is None else tls,
        timeout=settings.connect_timeout_seconds,
        command_timeout=settings.statement_timeout_seconds + 0.5,  # the server's own limit comes first
        target_session_attrs=asyncpg.connect_utils.SessionAttribute.any,
        server_settings={
            "application_name": application,
            "statement_timeout": statement_ms,
            "lock_timeout": statement_ms,
            "idle_in_transaction_session_timeout": statement_ms,
            "timezone": "UTC",
            "jit": "off",
        },
    )
