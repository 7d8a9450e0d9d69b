"""``assay policy``: applying and reading policies, by the operator's AppRole."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from adapters.screening.detectors import load_detectors
from adapters.system.policy_files import load_policy_document
from adapters.vault.session import ServiceSession
from adapters.wiring.policy_store import policy_store
from cli.admin import as_operator
from cli.output import JsonFlag, Output
from config.settings import Settings
from domain.policy.document import PolicyError, parse_policy
from domain.policy.ports import StoredPolicy
from embedded.places import local_settings
from services.policies.changes import AppliedPolicy, apply_policy, find_policy

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="The policy: limits, models, screening, privacy, for all tenants."
)
_DIGITS = 16  # of a hash, in text for people


@app.command("apply")
def apply(
    directory: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="The policy's files, in place of ASSAY_POLICIES_DIR.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Validate the policy files and make them the current policy. Running processes follow within seconds.

    Runs that have begun keep the policy that they began with.
    """
    out = Output(as_json)
    document = _checked(out, local_settings(Settings()), directory)

    async def use(session: ServiceSession, settings: Settings) -> AppliedPolicy:
        async with policy_store(session, settings) as store:
            return await apply_policy(store, document)

    done = as_operator(out, use)
    made = {"policy": done.hash, "before": done.before, "changed": done.changed, "sections": list(done.sections)}
    if not done.changed:
        out.value(made, f"policy {done.hash} is current already")
    elif done.before is None:
        out.value(made, f"policy {done.hash} is current, the first one")
    else:
        sections = ", ".join(done.sections)
        out.value(made, f"policy {done.hash} is current, in place of {done.before[:_DIGITS]}\nchanged: {sections}")


@app.command("show")
def show(
    policy: Annotated[
        str | None, typer.Argument(metavar="[HASH]", help="Eight digits or more; the current policy if none.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Print a policy's document as YAML, or with --json as JSON."""
    out = Output(as_json)

    async def use(session: ServiceSession, settings: Settings) -> tuple[str, bytes]:
        async with policy_store(session, settings) as store:
            return await find_policy(store, policy)

    found, document = as_operator(out, use)
    content = json.loads(document)
    if as_json:
        out.value({"policy": found, "document": content})
    else:
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
        out.console.print(f"# policy {found}\n{text}", markup=False, soft_wrap=True, end="")


@app.command("list")
def list_policies(as_json: JsonFlag = False) -> None:
    """List the stored policies, when each became current, and by which database login."""
    out = Output(as_json)

    async def use(session: ServiceSession, settings: Settings) -> tuple[StoredPolicy, ...]:
        async with policy_store(session, settings) as store:
            return await store.stored()

    rows = [_as_row(stored) for stored in as_operator(out, use)]
    if not as_json:
        rows = [{**row, "policy": row["policy"][:_DIGITS]} for row in rows]
    out.table(rows, "Policies")


def _as_row(stored: StoredPolicy) -> dict[str, Any]:
    since = stored.current_since
    return {
        "policy": stored.hash,
        "current": stored.current,
        "current_since": None if since is None else since.isoformat(timespec="seconds"),
        "by": stored.login,
        "stored": stored.stored_at.isoformat(timespec="seconds"),
    }


def _checked(out: Output, settings: Settings, directory: Path | None) -> bytes:
    """The document of the files. Ends the command if they are not valid, or name a model that is not here."""
    chosen = directory or settings.policies_dir
    try:
        document = load_policy_document(chosen, settings.provider_urls)
        screening = parse_policy(document).screening
        load_detectors(settings.models_dir, screening, settings.onnx.dir, settings.onnx.threads)
    except PolicyError as error:
        raise out.fail(f"the policy in {chosen} is not valid: {error}") from None
    return document
