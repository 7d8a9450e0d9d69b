"""Provisioning of Vault: engines, policies, logins."""
