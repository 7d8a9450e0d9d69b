"""Answers of models with placeholders: prose, code, data and mark-up."""

from collections.abc import Iterator, Mapping

from domain.inference.content import Message, Speaker
from domain.inference.requests import bare_request
from domain.privacy.masking import mask_request
from domain.privacy.policy import PrivacyPolicy
from domain.privacy.ports import PhoneNumbers
from domain.privacy.restoring import restore

PROMPT = "Schreibe dem Kunden anna.berg@kunde.example.com, Telefon +49 30 901820, eine Antwort."

# {m} is the placeholder of the address, {t} that of the number, {u} one of the addresses below.
_FRAMES: Mapping[str, tuple[str, ...]] = {
    "JSON": (
        '{"url":"{u}","email":"{m}","tel":"{t}"}',
        '[{"href":"{u}","to":"{m}"},{"to":"{t}"}]',
        '{"site":"{u}","contact":{"mail":"{m}","tel":"{t}"},"n":1.5}',
        '{"$schema":"{u}","default":"{m}"}',
        '{"a":["{u}","{m}"],"b":"Dear {m}, see {u} or call {t}"}',
        'Here it is:\n{"url":"{u}","email":"{m}"}',
        '```json\n{"url":"{u}","email":"{m}","tel":"{t}"}\n```',
        '{"url":"{u}","mail":"{m}"}\n{"url":"{u}","mail":"{t}"}',
        "{'url':'{u}','email':'{m}','tel':'{t}'}",
    ),
    "CSV": (
        "Anna;{u};{m};{t}",
        "Anna|{u}|{m}",
        'Anna,"{u}","{m}"',
        "Anna\t{u}\t{m}\t{t}",
        "name;url;mail\nAnna;{u};{m}\nBert;{u};{t}",
        "| a | b |\n|---|---|\n|{u}|{m}|\n|{t}|{u}|",
    ),
    "text without spaces": (
        "\u8a73\u898b{u}\uff0c\u6216\u81f4\u96fb{t}\u3002",
        "\u8bf7\u8bbf\u95ee{u}\u6216\u53d1\u90ae\u4ef6\u81f3{m}\u3002",
        "\u5b98\u7f51\uff1a{u}\uff0c\u90ae\u7bb1\uff1a{m}\uff0c\u7535\u8bdd\uff1a{t}\u3002",
        "\u304a\u554f\u3044\u5408\u308f\u305b\u5148\uff1a{u}\u3001\u30e1\u30fc\u30eb\uff1a{m}\u3001\u96fb\u8a71\uff1a{t}",
        "\u0e14\u0e39\u0e17\u0e35\u0e48{u}\u0e2b\u0e23\u0e37\u0e2d\u0e2d\u0e35\u0e40\u0e21\u0e25{m}",
        "\uc790\uc138\ud55c\ub0b4\uc6a9\uc740{u}\ucc38\uace0,\ubb38\uc758:{m}",
        "\u300c{m}\u300d\u3068{u}\uff08{t}\uff09",
    ),
    "Markdown": (
        "[Site]({u}),{m}",
        "See [the site]({u}) and write to **{m}** or `{t}`.",
        "- {u}\n- {m}\n- [{m}](mailto:{m})\n",
        "<{u}>, <{m}>",
        "> {m}\n\n[1]: {u}\n\n{t}",
    ),
    "code": (
        "//{m}",
        "Kontakt//{m}",
        'path = "C:\\\\Users\\\\{m}\\\\Documents"',
        "\\\\fileserver\\home\\{m}",
        "Anna Berg\\\\{m}\\\\Berlin",
        'const u={data:"{m}"};',
        "url = '{u}'; mail = '{m}'  # {t}",
        'send(to="{m}", link="{u}")',
        "INSERT INTO c VALUES ('{u}', '{m}', '{t}');",
        "mail: {m}\nurl: {u}\ntel: {t}\n",
        "# see {u}\nMAIL={m}\n",
        "data:{m}",
        "<contact><mail>{m}</mail><url>{u}</url></contact>",
        "<p>{m}</p><td>{t}</td>",
    ),
    "prose": (
        "Dear {m}, see {u}. Call {t}!",
        "({u}) {m}",
        "{u}, {m}; {t}.",
        "{u}\n{m}\n{t}",
        "Write to {m}/{t} and/or {u} please",
    ),
}
_ADDRESSES = (
    "https://a.example",
    "https://shop.example/orders/42",
    "http://www.w3.org/2000/svg",
    "www.sample.co.jp",
    "https://example.cn/help?a=1&b=2#c",
)


def _answers() -> Iterator[tuple[str, str]]:
    for group, frames in _FRAMES.items():
        for frame in frames:
            yield from (
                (group, frame.replace("{u}", address))
                for address in _ADDRESSES
                if "{u}" in frame or address == _ADDRESSES[0]
            )


ANSWERS = tuple(_answers())
"""Groups and answers."""


def put_back_into(answer: str, policy: PrivacyPolicy, phones: PhoneNumbers) -> str:
    """Mask the prompt, have a model answer, and restore its values."""
    made = mask_request(bare_request(Message(Speaker.USER, PROMPT)), policy, "acme", phones, b"seed")
    names = {name.split("_")[0]: name for name, _ in made.values}
    said = answer.replace("{m}", names["[EMAIL"]).replace("{t}", names["[PHONE"])
    restored = restore(said, made.values, made.request)
    assert isinstance(restored, str)
    return restored
