"""AppRole credentials: the SDK's login, by our settings."""

from assay_temporal.vault.login import AppRoleLogin, LoginImpossible, VaultToken

__all__ = ["AppRoleLogin", "LoginImpossible", "VaultToken"]
