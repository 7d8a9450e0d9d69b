import pytest
from temporalio.api.common.v1 import Payload
from temporalio.converter import ActivitySerializationContext, DataConverter, WorkflowSerializationContext

from assay_temporal.codec import ENCODING, EncryptingCodec, OnUnauthenticated, UnauthenticatedPayload
from assay_temporal.data_converter import encrypted
from assay_temporal.keyring import KeyUnavailable
from domain.identity import tenant_of_run
from tests.doubles.keys import FixedKeyRing

ACME = "inf.acme." + "a" * 32
GLOBEX = "inf.globex." + "a" * 32
CANARY = b"a canary in a payload"


def codec(
    ring: FixedKeyRing, mode: OnUnauthenticated = OnUnauthenticated.RAISE, refused=lambda: None
) -> EncryptingCodec:
    return EncryptingCodec(
        ring, tenant_of=tenant_of_run, fallback_tenant="system", on_unauthenticated=mode, refused=refused
    )


def of(workflow_id: str, namespace: str = "assay") -> WorkflowSerializationContext:
    return WorkflowSerializationContext(namespace=namespace, workflow_id=workflow_id)


def plain() -> Payload:
    return Payload(metadata={"encoding": b"json/plain"}, data=CANARY)


@pytest.fixture
def ring() -> FixedKeyRing:
    return FixedKeyRing("acme", "globex", "system")


async def test_a_payload_comes_back_and_shows_nothing(ring):
    here = codec(ring).with_context(of(ACME))
    [sealed] = await here.encode([plain()])
    assert sealed.metadata["encoding"] == ENCODING
    assert CANARY not in sealed.SerializeToString()
    assert b"json/plain" not in sealed.SerializeToString()
    assert await here.decode([sealed]) == [plain()]


async def test_equal_payloads_look_different(ring):
    here = codec(ring).with_context(of(ACME))
    first, second = await here.encode([plain(), plain()])
    assert first.data != second.data


async def test_old_keys_still_read(ring):
    here = codec(ring).with_context(of(ACME))
    [sealed] = await here.encode([plain()])
    ring.rotate("acme")
    [newer] = await here.encode([plain()])
    assert newer.metadata["assay-key"] != sealed.metadata["assay-key"]
    assert await here.decode([sealed, newer]) == [plain(), plain()]


async def test_an_activity_of_the_workflow_reads_what_the_workflow_wrote(ring):
    [sealed] = await codec(ring).with_context(of(ACME)).encode([plain()])
    activity = ActivitySerializationContext(
        namespace="assay",
        activity_id="1",
        activity_type="a",
        activity_task_queue="q",
        workflow_id=ACME,
        workflow_type="w",
        is_local=False,
    )
    assert await codec(ring).with_context(activity).decode([sealed]) == [plain()]


@pytest.mark.parametrize("reader", [of(GLOBEX), of(ACME[:-1] + "b"), of(ACME, namespace="other")])
async def test_a_payload_moved_elsewhere_does_not_open(ring, reader):
    [sealed] = await codec(ring).with_context(of(ACME)).encode([plain()])
    with pytest.raises(UnauthenticatedPayload):
        await codec(ring).with_context(reader).decode([sealed])


@pytest.mark.parametrize("place", [ACME, "of-no-tenant"])
async def test_who_holds_another_tenants_key_writes_nothing_here(ring, place):
    """Teams hold keys of their tenants: with them they can seal for any workflow, but not have it opened."""
    theirs = EncryptingCodec(ring, tenant_of=lambda _: "globex", fallback_tenant="globex")
    [sealed] = await theirs.with_context(of(place)).encode([plain()])
    with pytest.raises(UnauthenticatedPayload):
        await codec(ring).with_context(of(place)).decode([sealed])
    assays = EncryptingCodec(ring, tenant_of=lambda _: None, fallback_tenant="system")
    [by_assay] = await assays.with_context(of(place)).encode([plain()])
    assert await codec(ring).with_context(of(place)).decode([by_assay]) == [plain()]


@pytest.mark.parametrize("name", ["assay-key", "assay-tenant", "assay-namespace", "assay-workflow", "extra"])
async def test_edited_metadata_does_not_open_even_without_a_context(ring, name):
    [sealed] = await codec(ring).with_context(of(ACME)).encode([plain()])
    sealed.metadata[name] = b"globex"
    with pytest.raises(UnauthenticatedPayload):
        await codec(ring).decode([sealed])


async def test_every_flipped_byte_is_found(ring):
    here = codec(ring).with_context(of(ACME))
    [sealed] = await here.encode([plain()])
    for place in range(len(sealed.data)):
        forged = Payload()
        forged.CopyFrom(sealed)
        forged.data = bytes(sealed.data[:place]) + bytes([sealed.data[place] ^ 1]) + bytes(sealed.data[place + 1 :])
        with pytest.raises(UnauthenticatedPayload):
            await here.decode([forged])


@pytest.mark.parametrize("payload", [plain(), Payload(), Payload(metadata={"encoding": ENCODING}, data=b"short")])
async def test_what_does_not_authenticate_is_refused_and_counted(ring, payload):
    seen = []
    with pytest.raises(UnauthenticatedPayload) as caught:
        await codec(ring, refused=lambda: seen.append(1)).with_context(of(ACME)).decode([payload])
    assert seen == [1]
    assert CANARY.decode() not in str(caught.value)


async def test_a_workflows_plaintext_can_be_read_as_null_but_never_an_activitys(ring):
    lenient = codec(ring, OnUnauthenticated.READ_AS_NULL)
    [read] = await lenient.with_context(of(ACME)).decode([plain()])
    assert read.metadata["encoding"] == b"binary/null"
    assert read.data == b""
    with pytest.raises(UnauthenticatedPayload):
        await lenient.decode([plain()])


async def test_a_keeper_that_is_away_is_no_forgery(ring):
    lenient = codec(ring, OnUnauthenticated.READ_AS_NULL).with_context(of(ACME))
    [sealed] = await lenient.encode([plain()])
    ring.away = True
    with pytest.raises(KeyUnavailable):
        await lenient.decode([sealed])
    with pytest.raises(KeyUnavailable):
        await lenient.encode([plain()])


@pytest.mark.parametrize("workflow_id", ["someone-elses", "inf.nobody." + "a" * 32])
async def test_a_workflow_of_no_known_tenant_is_under_the_fallback_key(ring, workflow_id):
    [sealed] = await codec(ring).with_context(of(workflow_id)).encode([plain()])
    assert sealed.metadata["assay-tenant"] == b"system"


async def test_failures_are_encrypted_too(ring):
    converter: DataConverter = encrypted(codec(ring)).with_context(of(ACME))
    from temporalio.api.failure.v1 import Failure

    failure = Failure()
    try:
        raise ValueError(CANARY.decode())
    except ValueError as error:
        await converter.encode_failure(error, failure)
    assert CANARY not in failure.SerializeToString()
    assert b"test_failures_are_encrypted_too" not in failure.SerializeToString()
    assert CANARY.decode() in str(await converter.decode_failure(failure))
