"""Part 6: no code block, fence or code span hides an image from the screening that a viewer loads."""

import re

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from adapters.system.policy_files import load_policy_document
from domain.answers.disarming import SHOWN_AS_TEXT, disarm
from domain.answers.screen import screen_output
from domain.inference.content import Message, Speaker
from domain.inference.requests import bare_request
from domain.policy.document import parse_policy
from domain.screening.verdicts import Decision
from tests.paths import ROOT
from tests.security.answers.viewer import shown_as_html

POLICY = parse_policy(load_policy_document(ROOT / "policies", {}))
QUESTION = bare_request(Message(Speaker.USER, "What is new?"))
IMAGE = "![x](https://evil.example/a.png)"
TAG = "<img src='https://evil.example/b.png'>"
VIEWERS = (  # of Markdown: with HTML, without, with tables
    MarkdownIt("commonmark", {"html": True}),
    MarkdownIt("commonmark", {"html": False}),
    MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]),
)


def _loaded(answer: str) -> set[str]:
    """Hosts from which any of the viewers loads something."""
    return set().union(*(shown_as_html(viewer.render(answer)).loaded_hosts() for viewer in VIEWERS))


def _given_out(answer: str) -> str:
    return str(disarm(answer, screen_output(answer, QUESTION, POLICY.output)))


class FencesByPattern:
    """The wrong variant: code is whatever stands between two fences, or between backticks."""

    _CODE = re.compile(r"(```|~~~).*?(?:\1|\Z)|`[^`]*`", re.DOTALL)
    _IMAGE = re.compile(r"!\[|<img")

    def disarm(self, answer: str) -> str:
        """Return the answer with images outside of code shown as text."""
        parts: list[str] = []
        at = 0
        for code in self._CODE.finditer(answer):
            parts += (self._IMAGE.sub("Image: [", answer[at : code.start()]), code[0])
            at = code.end()
        return "".join([*parts, self._IMAGE.sub("Image: [", answer[at:])])


HIDING = [
    f"```\ncode\n```js\n{IMAGE}\n```\n{IMAGE}\n",  # a fence with a word after it does not end a block
    f"~~~\n```\n~~~\n{IMAGE}\n```\n",
    f"```\n~~~\n```\n\n{IMAGE}\n~~~\n",
    f"a\n    ```\n    {IMAGE}\n    ```",  # indented: no fence, but a continued paragraph
    f"``` a`b\n{IMAGE}\n```",  # a backtick after the fence: no fence
    f"> ```\n{IMAGE}\n> ```",  # the quotation has ended
    f"- ```\n{IMAGE}\n\n  ```",  # the list item has ended
    f"`a\n\n{IMAGE} `",  # no code span over paragraphs
    f"\\`{IMAGE}`",
    f"`` {IMAGE} ``` ` x",
    f"<i title='`'>{IMAGE}`",
    f"<!-- ` -->{IMAGE} `",
    f"<div>\n```\n{TAG}\n```\n</div>",
    f"```\nx\n````\n\n{IMAGE}\n\n```\n",  # ended by a longer fence
    f"`\n# {IMAGE} `",
    f"| ` | {IMAGE} | ` |\n|---|---|---|\n",  # a code span is in one cell
    f"| z ` | ` \\\\| ` {IMAGE} ` |\n|---|---|\n| z ` | ` \\\\| ` {IMAGE} ` |\n",
    f"a | b\n---|---\n` {IMAGE} | `\n",
    f"```| a | b |\n|---|---|\n| {IMAGE} |",  # the header of a table for some viewers
    f"```| a | b |\n|---|---|\n```\n{IMAGE}\n```",  # and a code block for others
    f"<i t='{TAG}",  # one tag for a browser, text and an image for Markdown
    f'<i t="<b u="{TAG}">',
    f"1. ```\n   x\n\n2. {IMAGE}\n   ```",
]


@pytest.mark.parametrize("answer", HIDING)
def test_an_image_next_to_code_is_shown_as_text(answer: str):
    verdict = screen_output(answer, QUESTION, POLICY.output)
    assert SHOWN_AS_TEXT in verdict.rules
    assert _loaded(_given_out(answer)) == set()


def test_most_of_these_pass_a_pattern_for_code():
    """So that the attack is one."""
    passed = [answer for answer in HIDING if _loaded(FencesByPattern().disarm(answer))]
    assert len(passed) >= len(HIDING) // 2, passed


@pytest.mark.parametrize(
    "answer",
    [
        f"```\n{IMAGE}\n{TAG}\n```",
        f"```md\n{IMAGE}",  # never closed: code to the end
        f"~~~~ md `x`\n{IMAGE}\n~~~\n{TAG}\n~~~~~",
        f"Write `{IMAGE}` or `` {TAG} ` ``.",
        f"- a\n\n  ```html\n  {TAG}\n  ```\n- b",
        f"> ````\n> ```\n> {IMAGE}\n> ```\n> ````",
    ],
)
def test_images_in_code_are_unchanged_since_no_viewer_loads_them(answer: str):
    assert _loaded(answer) == set()
    verdict = screen_output(answer, QUESTION, POLICY.output)
    assert (verdict.decision, verdict.rules) == (Decision.ALLOW, ())
    assert _given_out(answer) == answer


_PIECES = (
    *(
        "```",
        "````",
        "`````",
        "~~~",
        "~~~~",
        "`",
        "``",
        "`",
        "```js",
        "``` a`b",
        "~~~ `x`",
        "\\",
        "\\`",
        "&#96;&#96;&#96;",
    ),
    *(
        "\n",
        "\n",
        "\n",
        "\n\n",
        "\r\n",
        "\r",
        "\t",
        " ",
        "   ",
        "    ",
        "     ",
        "\u00a0",
        "\u2028",
        "\x0c",
        "\x0b",
        "\x85",
    ),
    *(
        "> ",
        ">",
        "- ",
        "* ",
        "1. ",
        "10) ",
        "+   ",
        "-\t",
        "# ",
        "---\n",
        "===\n",
        "| a | b |\n|---|---|\n| ",
        "|",
        "text ",
        "*",
    ),
    *(
        "<div>",
        "</div>",
        "<!--",
        "-->",
        "<pre>",
        "</pre>",
        "<?",
        "?>",
        "<i t='`'>",
        "<i t='",
        "'>",
        "<b>",
        "[",
        "]",
        "![",
        "](",
        ")",
    ),
    *(IMAGE, IMAGE, IMAGE, TAG, TAG, "![r]", "\n[r]: https://evil.example/c\n", "![x](<https://evil.example/d>)"),
)


@settings(max_examples=250, deadline=None)
@given(st.lists(st.sampled_from(_PIECES), min_size=2, max_size=16).map("".join))
@example(f"```\n{IMAGE}")
@example(f"- > ```\n  {IMAGE}")
def test_no_arrangement_of_code_hides_an_image(answer: str):
    verdict = screen_output(answer, QUESTION, POLICY.output)
    assume(verdict.decision is Decision.ALLOW)
    assert _loaded(str(disarm(answer, verdict))) == set()
