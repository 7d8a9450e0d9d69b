"""Addresses in settings: nothing private in plaintext, and an origin just as a browser writes it."""

import pytest
from pydantic import ValidationError

from config.settings import ApiSettings, Settings
from config.transport import require_origin


@pytest.mark.parametrize(
    "origin",
    [
        "http://127.0.0.1:8233",
        "http://127.0.0.1",
        "http://[::1]:8233",
        "http://localhost:8080",
        "https://ui.example",
        "https://ui.example:8443",
    ],
)
def test_an_origin_passes_as_it_is(origin: str):
    assert require_origin(origin) == origin
    assert ApiSettings(ui_origin=origin).ui_origin == origin


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "null",
        "ui.example",
        "https://ui.example/",
        "https://ui.example/ui",
        "https://ui.example?x",
        "https://ui.example#x",
        "https://UI.example",
        "https://ui.example:443",
        "http://127.0.0.1:80",
        "http://ui.example",
        "https://me@ui.example",
        "https://*.example",
        "ftp://127.0.0.1",
        "https://a.example,https://b.example",
        "https://ui.example ",
    ],
)
def test_what_no_browser_would_send_is_refused(text: str):
    with pytest.raises(ValidationError):
        ApiSettings(ui_origin=text)


def test_none_is_the_default_and_an_empty_variable_means_none(monkeypatch: pytest.MonkeyPatch):
    assert Settings().api.ui_origin is None
    monkeypatch.setenv("ASSAY_API__UI_ORIGIN", "")
    assert Settings().api.ui_origin is None
