"""Verification of the whole log from the store, against Vault's checkpoint and kept ones.

Memory is bounded: leaves come in pages, and of the tree its edge and one tile per level are in memory. Vault's
checkpoint is read first: the store's log is then newer, unless it was rolled back.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from domain.ports import Clock, SignatureChecks
from domain.refusals import Kind, Refusal
from domain.transparency.checkpoints import Checkpoint, LogFormatError, Unproven, open_checkpoint
from domain.transparency.merkle import consistency_path, verify_consistency
from domain.transparency.stored_log import LogKeys, Signed, StoredHead
from domain.transparency.tiles import (
    TILE_WIDTH,
    TileError,
    TileId,
    partial_tiles,
    subtree_from_tiles,
    tiles_for_consistency,
    tiles_for_edge,
)
from domain.transparency.verification import (
    Entry,
    Fault,
    Rebuilt,
    TenantAudit,
    VerificationFinding,
    behind,
    check_tile,
    forked,
    leaf_hashes,
    missing_before,
    unlike,
)
from domain.transparency.verification_ports import LogAnchors, PublicKeys, StoredLog
from services.verification.leaf_records import LeafRecords

VAULTS = "Vault's last checkpoint"
KEPT = "the kept checkpoint"
_COUNTED = 1 << 16  # leaves


@dataclass(frozen=True, slots=True)
class Anchor:
    """A verified checkpoint from outside the store."""

    checkpoint: Checkpoint
    where: str


class LogAudit:
    """Verifies logs, one tenant at a time."""

    def __init__(
        self,
        store: StoredLog,
        anchors: LogAnchors,
        keys: LogKeys,
        archive_keys: PublicKeys,
        signatures: SignatureChecks,
        clock: Clock,
        *,
        log_name: str,
        max_merge_delay_seconds: float,
    ) -> None:
        """Take the readers. ``log_name`` begins logs' origins; the maximum merge delay."""
        self._store = store
        self._anchors = anchors
        self._keys = keys
        self._verify = signatures.ed25519
        self._records = LeafRecords(store, archive_keys, signatures, clock)
        self._log_name = log_name
        self._max_merge_delay = max_merge_delay_seconds

    async def tenants(self) -> list[str]:
        """Return the tenants with a log, in the store or in Vault."""
        return sorted(await self._store.tenants() | await self._anchors.tenants())

    def origin(self, tenant: str) -> str:
        """Return the name of the tenant's log."""
        return f"{self._log_name}/{tenant}"

    def open_kept(self, note: str) -> tuple[str, Checkpoint]:
        """Return tenant and checkpoint of a signed note kept outside the installation.

        Raises:
            Refusal: INVALID_REQUEST if it belongs to none of this installation's logs, or is not signed by its key.
        """
        try:
            origin = note.partition("\n")[0]
            checkpoint = open_checkpoint(note, self._keys.of(origin), self._verify)
        except (LogFormatError, Unproven) as error:
            raise Refusal(Kind.INVALID_REQUEST, f"{KEPT} can't be used: {error}") from None
        name, _, tenant = origin.rpartition("/")
        if name != self._log_name:
            raise Refusal(Kind.INVALID_REQUEST, f"{KEPT} belongs to another log than '{self._log_name}'")
        return tenant, checkpoint

    async def verify(self, tenant: str, *, since: int = 0, kept: Sequence[Checkpoint] = ()) -> TenantAudit:
        """Verify a tenant's log: its leaves and records from ``since`` on, and the checkpoints over them.

        Earlier leaves are taken from the tiles, and are proven by a valid later checkpoint.

        Raises:
            Refusal: STORE_UNAVAILABLE, VAULT_UNAVAILABLE, INTERNAL: it can't be verified.
        """
        audit = TenantAudit(tenant)
        anchors = [Anchor(checkpoint, KEPT) for checkpoint in kept]
        if vaults := self._opened(audit, await self._anchors.note(tenant)):
            anchors.append(vaults)
        head = await self._store.head(tenant)
        audit.size, audit.signed_size = head.size, head.signed
        audit.since = audit.proven = min(since, head.size) // TILE_WIDTH * TILE_WIDTH
        await self._check_sizes(audit, head, anchors)
        try:
            tree = await self._tree(audit, anchors)
        except TileError as error:
            audit.found(
                VerificationFinding(Fault.TILE_CHANGED, f"{error}: there is no tree to start from", seq=audit.since)
            )
        else:
            await self._check_leaves(audit, head, tree, anchors)
        await self._check_pending(audit)
        await self._check_vault(audit)
        return audit

    async def unplaced(self, tenant: str | None = None) -> dict[str, VerificationFinding]:
        """Return by tenant the first record neither in the tree nor pending.

        Raises:
            Refusal: as ``verify``.
        """
        found = dict[str, VerificationFinding]()
        async for owner, event in self._store.unplaced(tenant):
            detail = "it is neither in the tree nor pending: its leaf was removed, or never existed"
            found.setdefault(owner, VerificationFinding(Fault.NOT_RECORDED, detail, event_id=event))
        return found

    def _opened(self, audit: TenantAudit, note: str | None) -> Anchor | None:
        if note is None:
            return None
        try:
            return Anchor(open_checkpoint(note, self._keys.of(self.origin(audit.tenant)), self._verify), VAULTS)
        except (LogFormatError, Unproven) as error:
            audit.found(VerificationFinding(Fault.CHECKPOINT_FORGED, f"{VAULTS}: {error}"))
            return None

    async def _check_sizes(self, audit: TenantAudit, head: StoredHead, anchors: Sequence[Anchor]) -> None:
        """Compare the number of leaves with head, checkpoints and anchors, before reading any."""
        for anchor in anchors:
            if anchor.checkpoint.size > head.size:
                audit.found(behind(anchor.checkpoint, anchor.where, head.size))
        if head.signed > head.size:
            detail = f"the store has a checkpoint over {head.signed} leaves, but only {head.size} leaves"
            audit.found(VerificationFinding(Fault.ROLLED_BACK, detail, size=head.signed))
        if head.leaves != head.size or head.first < 0:
            detail = f"the leaves are numbered {head.first} to {head.leaves - 1}, but the head covers {head.size}"
            audit.found(VerificationFinding(Fault.HEAD_CHANGED, detail, seq=min(head.leaves, head.size)))
        for start in range(audit.since, head.size, _COUNTED):
            end = min(start + _COUNTED, head.size)
            if (count := await self._store.count(audit.tenant, start, end)) > end - start:
                audit.found(
                    VerificationFinding(
                        Fault.LEAF_ADDED, f"there are {count} leaves at {end - start} positions", seq=start
                    )
                )

    async def _tree(self, audit: TenantAudit, anchors: Sequence[Anchor]) -> Rebuilt:
        """Return the tree before ``since``, from tiles. Older anchors are proven to be a part of it."""
        since, older = audit.since, [anchor for anchor in anchors if anchor.checkpoint.size <= audit.since]
        wanted = {*tiles_for_edge(since), *partial_tiles(since)}
        for anchor in older:
            wanted.update(tiles_for_consistency(anchor.checkpoint.size, since))
        tiles, _ = await self._store.tiles(audit.tenant, sorted(wanted))
        tree = Rebuilt(since, tiles)
        for anchor in older:
            old, root = anchor.checkpoint, tree.edge.root()
            path = consistency_path(old.size, since, lambda level, idx: subtree_from_tiles(level, idx, tiles))
            if not verify_consistency(old.size, since, old.root, root, path):
                audit.found(forked(old, anchor.where))
        return tree

    async def _check_leaves(
        self, audit: TenantAudit, head: StoredHead, tree: Rebuilt, anchors: Sequence[Anchor]
    ) -> None:
        archived = await self._records.archived(audit)
        async for page in self._store.leaves(audit.tenant, audit.since, head.size):
            whole, missing = self._records.check(audit, tree.edge.size, page, archived)
            if missing:
                archived = await self._records.look_again(audit, missing)
            await self._grow(audit, tree, page[:whole], anchors)
            if whole < len(page):
                break  # the tree over the following leaves is another one
        if tree.edge.size < head.size:
            audit.found(
                VerificationFinding(Fault.LEAF_MISSING, "the leaf at this position is missing", seq=tree.edge.size)
            )
            return
        if audit.beside:
            audit.warnings.append(f"{audit.beside} records are being archived: outside the log's table, verified too")
        audit.root = tree.edge.root()
        await self._check_tiles(audit, tree.unfinished())
        if tree.edge.to_bytes() != head.edge:
            audit.found(
                VerificationFinding(Fault.HEAD_CHANGED, "the stored edge does not match the leaves", seq=head.size)
            )

    async def _grow(self, audit: TenantAudit, tree: Rebuilt, page: Sequence[Entry], anchors: Sequence[Anchor]) -> None:
        """Append the page to the tree, stopping at each size with a signed checkpoint."""
        begun, end = tree.edge.size, tree.edge.size + len(page)
        signed = {row.size: row async for row in self._store.checkpoints(audit.tenant, begun, end)}
        outside = [anchor for anchor in anchors if begun < anchor.checkpoint.size <= end]
        full, at = list[tuple[TileId, bytes]](), begun
        for stop in sorted({*signed, *(anchor.checkpoint.size for anchor in outside), end}):
            full += tree.append(leaf_hashes(page[at - begun : stop - begun]))
            at, root = stop, tree.edge.root()
            for anchor in outside:
                if anchor.checkpoint.size == stop and anchor.checkpoint.root != root:
                    audit.found(forked(anchor.checkpoint, anchor.where))
            if stop in signed:
                self._check_signed(audit, signed[stop], root)
        await self._check_tiles(audit, full)

    def _check_signed(self, audit: TenantAudit, row: Signed, root: bytes) -> None:
        audit.checkpoints += 1
        before, audit.last_checkpoint = audit.last_checkpoint, row.size
        try:
            checkpoint = open_checkpoint(row.note, self._keys.of(self.origin(audit.tenant)), self._verify)
        except (LogFormatError, Unproven) as error:
            audit.found(VerificationFinding(Fault.CHECKPOINT_FORGED, str(error), size=row.size))
            return
        previous = checkpoint.previous or 0
        if previous > max(before, audit.since) and row.size <= audit.signed_size:  # not signed while this reads
            audit.found(missing_before(row.size, previous))
        if (checkpoint.size, checkpoint.root) != (row.size, row.root):
            audit.found(
                VerificationFinding(
                    Fault.CHECKPOINT_FORGED,
                    "the signed checkpoint does not match its stored size and root",
                    size=row.size,
                )
            )
        elif root != checkpoint.root:
            audit.found(unlike(checkpoint, audit.proven))
        else:
            audit.proven = checkpoint.size

    async def _check_tiles(self, audit: TenantAudit, computed: Sequence[tuple[TileId, bytes]]) -> None:
        if not computed:
            return
        kept, size = await self._store.tiles(audit.tenant, [tile for tile, _ in computed])
        for (level, idx), content in computed:
            finding = check_tile((level, idx), kept.get((level, idx), b""), content, size)
            if finding is not None and finding.seq is not None:
                finding = replace(finding, event_id=await self._store.event(audit.tenant, finding.seq))
            audit.found(finding)

    async def _check_pending(self, audit: TenantAudit) -> None:
        if wrong := await self._store.wrong_pending(audit.tenant):
            event, reason = wrong
            audit.found(VerificationFinding(Fault.PENDING_CHANGED, reason, event_id=event))
        audit.pending, oldest = await self._store.waiting(audit.tenant)
        if oldest > self._max_merge_delay:
            audit.warnings.append(f"{audit.pending} records are pending, the oldest for {oldest:.0f} s")

    async def _check_vault(self, audit: TenantAudit) -> None:
        """Check that Vault's checkpoint is as new as those read: it is stored there first."""
        if not audit.signed_size:
            if audit.size:
                audit.warnings.append("no checkpoint of this log has ever been signed")
            return
        anchor = self._opened(audit, await self._anchors.note(audit.tenant))
        if anchor is None or anchor.checkpoint.size < audit.signed_size:
            newest = f"over {anchor.checkpoint.size} leaves" if anchor else "missing, or not signed"
            detail = f"{VAULTS} is {newest}: Vault was restored to an earlier state, or another process signed it"
            audit.found(VerificationFinding(Fault.ANCHOR_MISSING, detail, size=audit.signed_size))
