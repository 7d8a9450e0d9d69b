"""Rates in PostgreSQL, beside their contract: a rate does not wait for the disk, and nothing else is hurried by it."""

from adapters.postgres.pool import PostgresPool

_TAKE = "SELECT * FROM assay.take_rate('acme', $1, 5, 60)"
_WAITS = "SELECT current_setting('synchronous_commit') AS waits"


async def test_a_rates_transaction_alone_does_not_wait_for_the_disk(api_pool: PostgresPool):
    async with api_pool.transaction() as connection:
        [before] = await connection.fetch(_WAITS)
        [taken] = await connection.fetch(_TAKE, "c" * 32)
        [within] = await connection.fetch(_WAITS)
    [after] = await api_pool.fetch(_WAITS)
    assert taken["allowed"]
    assert (before["waits"], within["waits"], after["waits"]) == ("on", "off", "on")
