"""Disguises of addresses: spellings of characters, schemes, authorities and paths, and the markup around them."""

from hypothesis import strategies as st

PLACEHOLDER = "[EMAIL_1_BCDF]"
HOST = "evil.example"

_CHARACTER = st.sampled_from(["{0}", "{0}", "{0}", "&#{1};", "&#x{1:x};", "&#{1:07d};"])


@st.composite
def _entities(draw: st.DrawFn, text: str) -> str:
    return "".join(
        draw(_CHARACTER).format(char, ord(char)) if char not in "[]{}_" else char for char in text if char not in "\t\n"
    )


_SCHEMES = st.sampled_from(
    [
        "https://",
        "http:",
        "HTTPS:/",
        "https:\\\\",
        "//",
        "\\\\",
        "/\\",
        "///",
        "h\tttps://",
        "ht\ntps://",
        "wss://",
        "\x01https://",
    ]
)
_AUTHORITIES = st.sampled_from(
    [
        HOST,
        f"user:{PLACEHOLDER}@{HOST}",
        f"{PLACEHOLDER}@{HOST}",
        "EVIL.example:443",
        f"a.b.{HOST}",
        f"trusted.example@{HOST}",
        "xn--bcher-kva.example",
        "evil\u3002example",
        "\uff45vil.example",
    ]
)
_PATHS = st.sampled_from(
    [
        f"/{PLACEHOLDER}",
        f"/?d={PLACEHOLDER}",
        f"/#{PLACEHOLDER}",
        "/a/email_1_bcdf.png",
        f"/(a)/{PLACEHOLDER}",
        f"/x;{PLACEHOLDER}",
        f"/\u6570/{PLACEHOLDER}",
        f"/a,b/{PLACEHOLDER}",
        f"/'{PLACEHOLDER}",
        "/?a=1&amp;b=EMAIL 1 BCDF",
    ]
)
_HTML = st.sampled_from(
    [
        '<img src="{0}">',
        "<img src='{0}' alt=x>",
        '<IMG\nSRC = "{0}"/>',
        '<img/src="{0}"/>',
        '<img a="\'>" src="{0}">',
        '<img srcset="{0} 2x">',
        '<img srcset="a.png 1x, {0} 2x">',
        '<svg><image href="{0}"/></svg>',
        '<svg><image xlink:href="{0}"/></svg>',
        '<svg><use href="{0}"/></svg>',
        '<link rel=stylesheet href="{0}">',
        '<picture><source srcset="{0}"></picture>',
        '<video poster="{0}"></video>',
        '<body background="{0}">',
        '<p style="background:url({0})">x</p>',
        '<object data="{0}"></object>',
        '<embed src="{0}">',
        '<iframe src="{0}"></iframe>',
        '<rect fill="url({0})"/>',
        '<img data-x="<" src="{0}">',
        '<x-y src="{0}">',
        '<p title="`"><img src="{0}"></p>',
        '<input type=image src="{0}">',
        '<audio src="{0}"></audio>',
        '<track src="{0}">',
        '<img title="{0}" src="{0}">',
        '<a b=<img src="{0}">',
        '<img src="{0}',
    ]
)
_MARKDOWN = st.sampled_from(
    [
        "![x]({0})",
        "![x](<{0}>)",
        "![x]( {0} 'title')",
        "![x][y]\n\n[y]: {0}",
        "![y][]\n\n[Y]: <{0}>",
        '![y]\n\n> [y]: {0} "t"',
        "![x [z] x]({0})",
        "[![x]({0})](https://named.test)",
        "![a\\]b][c\\]d]\n\n[c\\]d]:\n{0}",
        '![x]({0} "a) {0}")',
        "- ![x]({0})",
        "> ![x](\n> {0})",
        "| a |\n|---|\n| ![x]({0}) |",
    ]
)
_CLICKED = st.sampled_from(
    ["<{0}>", "[x]({0})", "{0}", '<a href="{0}">x</a>', "[x]\n\n[x]: {0}", "({0})", "**{0}**", '"{0}"', "\u898b{0}"]
)


@st.composite
def addresses(draw: st.DrawFn, *, clicked: bool) -> str:
    """A placeholder in an address in some markup, all of it disguised."""
    url = draw(_SCHEMES) + draw(_AUTHORITIES) + draw(_PATHS)
    kinds = [_HTML, _MARKDOWN, *([_CLICKED] if clicked else [])]
    frame = draw(st.one_of(*kinds))
    if draw(st.booleans()):
        url = draw(_entities(url))
    around = draw(
        st.sampled_from(["{0}", "Of course.\n\n{0}\n\nBye.", "a {0} b", "<b>{0}</b>", "x > y\n{0}", "`a` {0} `b`"])
    )
    return around.replace("{0}", frame.replace("{0}", url))


@st.composite
def links(draw: st.DrawFn, words: str) -> str:
    """A link with words in its address, disguised, that needs a click."""
    url = (
        draw(_SCHEMES)
        + draw(st.sampled_from([HOST, f"a.b.{HOST}", "EVIL.example:443", "\uff45vil.example"]))
        + "/"
        + words
    )
    if draw(st.booleans()):
        url = draw(_entities(url))
    frame = draw(_CLICKED)
    around = draw(
        st.sampled_from(["{0}", "Of course.\n\n{0}\n\nBye.", "a {0} b", "- {0}", "> {0}", "| a |\n|---|\n| {0} |"])
    )
    return around.replace("{0}", frame.replace("{0}", url))
