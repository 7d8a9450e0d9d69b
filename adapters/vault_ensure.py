"""Writing to Vault only what does not stand there already."""

from collections.abc import Mapping
from typing import Any

import hvac

from adapters.vault_calls import read


def ensure(client: hvac.Client, path: str, wanted: Mapping[str, Any]) -> bool:
    """Write ``wanted`` at ``path`` unless it reads like that already; tell whether it was written."""
    found = read(client, path)
    if found is not None and all(found.get(name) == value for name, value in wanted.items()):
        return False
    client.write_data(path, data=dict(wanted))
    return True
