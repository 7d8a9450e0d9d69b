"""Paths inside the installation: files shipped with the code."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
MIGRATIONS: Final = ROOT / "migrations"
MODELS: Final = ROOT / "models"
POLICIES: Final = ROOT / "policies"
SQL_ROLES: Final = ROOT / "deploy" / "sql" / "roles.sql"
VAULT_POLICIES: Final = ROOT / "deploy" / "vault"
