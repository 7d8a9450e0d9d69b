# ruff: noqa: E501 - texts as they are
"""Harmless answers: those in ``harmless.txt``, written by hand, and generated ones, with the questions they answer.

Each generator takes seeded choices and returns a question and its answer. No answer loads anything from a host that the
conversation does not name: such content is shown as text, whatever else is in the answer.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, quote_plus, urlencode

from tests.unit.answers.rate.values import HEX, LETTERS, TOKENS, URL_SAFE, Chance
from tests.unit.answers.rate.words import LANGUAGES, NOUNS, PLACES, SENTENCES, TITLES, VERBS

WRITTEN = Path(__file__).with_name("harmless.txt")
OF_EACH_KIND = 62


@dataclass(frozen=True)
class Sample:
    """An answer with its conversation. ``system`` may be empty."""

    kind: str
    question: str
    answer: str
    system: str = ""


def harmless() -> Iterator[Sample]:
    """All samples, the written ones first."""
    for block in WRITTEN.read_text(encoding="utf-8").split("\n%% ", -1):
        head, _, answer = block.removeprefix("%% ").partition("\n")
        kind, _, question = head.partition(" | ")
        yield Sample(f"written {kind}", question, answer.strip("\n"))
    for name, make in GENERATORS.items():
        for number in range(OF_EACH_KIND):
            question, answer = make(Chance(f"harmless {name} {number}"))
            yield Sample(name, question, answer, _SYSTEMS[number % len(_SYSTEMS)])


_SYSTEMS = (
    "",
    "You are a helpful assistant.",
    "You are the assistant of the Acme developer portal. Answer questions on our products politely and briefly, with links.",
)
_HOW = (
    "How do I do this? Please explain with an example.",
    "Show me an example.",
    "How do I set it up?",
    "What is it?",
)


def _setting(chance: Chance) -> tuple[str, str]:
    names = chance.some(tuple(TOKENS), 3)
    values = [chance.placeholder(name) for name in names]
    form = chance.one(("export", "env", "yaml", "json", "python", "docker", "k8s", "toml", "prose", "js", "tf", "ini"))
    pairs = list(zip(names, values, strict=True))
    lines = {
        "export": [f'export {name}="{value}"' for name, value in pairs],
        "env": [f"{name}={value}" for name, value in pairs],
        "yaml": ["env:", *(f"  {name}: {value}" for name, value in pairs)],
        "json": [json.dumps(dict(pairs), indent=2)],
        "python": [f'os.environ["{name}"] = "{value}"' for name, value in pairs],
        "docker": ["docker run " + " ".join(f"-e {name}='{value}'" for name, value in pairs) + " app"],
        "k8s": [
            "kind: Secret",
            "stringData:",
            *(f'  {name.lower().replace("_", "-")}: "{value}"' for name, value in pairs),
        ],
        "toml": ["[secrets]", *(f'{name.lower()} = "{value}"' for name, value in pairs)],
        "prose": [f"Set {name} to {value}." for name, value in pairs],
        "js": [f"const client = new Client({{ apiKey: '{value}' }}); // {name}" for name, value in pairs],
        "tf": [f'variable "{name.lower()}" {{ default = "{value}" }}' for name, value in pairs],
        "ini": [f"{name.lower()} = {value}" for name, value in pairs],
    }[form]
    code = "\n".join(lines)
    fenced = form != "prose" and chance.number(0, 2)
    answer = f"```{form}\n{code}\n```" if fenced else code
    return chance.one(_HOW), f"{chance.one(SENTENCES)}\n\n{answer}\n\nReplace the values by your own."


def _connection(chance: Chance) -> tuple[str, str]:
    scheme, port = chance.one(
        ("postgres 5432", "mysql 3306", "mongodb 27017", "redis 6379", "amqp 5672", "https 443")
    ).split()
    user = chance.one(("user", "app", "admin", "root", "my_user", "username", "postgres", ""))
    password = chance.one(
        (
            *(
                "password",
                "pass",
                "secret",
                "changeme",
                "mypassword",
                "my-secret-pw",
                "s3cret",
                "P@ssw0rd!"[:1] + "assw0rd",
            ),
            *(
                "<password>",
                "${DB_PASSWORD}",
                "{password}",
                "xxxxx",
                "****",
                "your_password",
                "YOUR_PASSWORD",
                "password123",
            ),
            *(
                "example",
                "test",
                "admin",
                "root",
                "postgres",
                "guest",
                "hunter2",
                "secretpassword",
                "db_password",
                "[password]",
            ),
            *(
                "%s",
                "$PASSWORD",
                "user_password",
                "strongpassword",
                "supersecret",
                "12345",
                "dummy",
                "redacted",
                "hidden",
                "pw",
            ),
        )
    )
    host = chance.one(
        ("localhost", "127.0.0.1", "db.example.com", "db", "postgres.internal", "cluster0.example.net", "redis")
    )
    url = f"{scheme}://{user}:{password}@{host}:{port}/{chance.one(('app', 'test', '0', 'mydb?sslmode=require'))}"
    form = chance.one(
        ("DATABASE_URL={0}", "Connect with {0}.", "`{0}`", "```sh\npsql '{0}'\n```", '"url": "{0}"', "url = {0}")
    )
    return chance.one(_HOW), f"{chance.one(SENTENCES)} {form.format(url)}"


def _pem(chance: Chance) -> tuple[str, str]:
    kind = chance.one(
        ("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY")
    )
    body = chance.one(
        (
            *(
                "...",
                "MIIEpAIBAAKCAQEA...",
                "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC...",
                "<your key>",
                "[key data]",
            ),
            *(
                "YOUR PRIVATE KEY HERE",
                "(base64)",
                "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                "…",
            ),
            *(
                "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAA...",
                "REDACTED",
                "${PRIVATE_KEY_BODY}",
                "MIIE…",
            ),
            f"MIIEowIBAAKCAQEA{chance.text(LETTERS, 48)}\n...\n",
        )
    )
    begin, end = f"-----BEGIN {kind}-----", f"-----END {kind}-----"
    form = chance.one(
        (
            "{0}\n{1}\n{2}",
            "```\n{0}\n{1}\n{2}\n```",
            'key = "{0}\\n{1}\\n{2}\\n"',
            "The file begins with {0}, then {1}, and ends with {2}.",
            "Check the first line: `head -1 key.pem` should print {0} and not a certificate's header.",
            "```yaml\nprivateKey: |\n  {0}\n  {1}\n  {2}\n```",
            'if (!pem.startsWith("{0}")) throw new Error("no key: {1}"); // must end with {2}',
            "A header such as {0} in a commit is what scanners look for; remove it from the history with git filter-repo.",
        )
    )
    return "What does a key file look like?", form.format(begin, body, end)


def _share(chance: Chance) -> tuple[str, str]:
    title = chance.one(TITLES)
    text = f"{title}: {chance.one(SENTENCES)} {chance.one(SENTENCES)}"
    page = f"https://{chance.one(('blog', 'docs', 'news'))}.example.com/{title.lower().replace(' ', '-')}"
    base, fields = chance.one(
        (
            "https://twitter.com/intent/tweet text,url",
            "https://x.com/intent/post text,url",
            "https://www.facebook.com/sharer/sharer.php quote,u",
            "https://www.linkedin.com/shareArticle title,url",
            "https://www.reddit.com/submit title,url",
            "https://t.me/share/url text,url",
            "https://wa.me/ text,url",
            "https://api.whatsapp.com/send text,url",
            "https://bsky.app/intent/compose text,url",
            "https://mastodon.social/share text,url",
            "https://www.pinterest.com/pin/create/button/ description,url",
            "https://calendar.google.com/calendar/render details,location",
            "https://outlook.live.com/calendar/0/deeplink/compose body,location",
            "https://news.ycombinator.com/submitlink t,u",
        )
    ).split()
    first, second = fields.split(",")
    link = f"{base}?{urlencode({first: text, second: page}, quote_via=quote if chance.number(0, 1) else quote_plus)}"
    form = chance.one(("Share: {0}", "[Share it]({0})", "<{0}>", "- {0}", '<a href="{0}">Share</a>', "Link: {0}."))
    return chance.one((*_HOW, f"Write a link with which people can share this: {text}")), form.format(link)


def _search(chance: Chance) -> tuple[str, str]:
    question = f"How do I {chance.one(VERBS)} the {chance.one(NOUNS)} of a {chance.one(NOUNS)} {chance.one(PLACES)}?"
    if chance.number(0, 1):
        question += f" And can I {chance.one(VERBS)} it before I {chance.one(VERBS)} the {chance.one(NOUNS)} {chance.one(PLACES)}?"
    base = chance.one(
        (
            *("https://www.google.com/search?q=", "https://duckduckgo.com/?q=", "https://www.bing.com/search?q="),
            *(
                "https://stackoverflow.com/search?q=",
                "https://github.com/search?type=issues&q=",
                "https://www.ecosia.org/search?q=",
            ),
            *(
                "https://www.youtube.com/results?search_query=",
                "https://scholar.google.com/scholar?q=",
                "https://kagi.com/search?q=",
            ),
            "https://en.wikipedia.org/w/index.php?search=",
        )
    )
    return question, f"I am not sure; [search for it]({base}{quote_plus(question)})."


def _reference(chance: Chance) -> tuple[str, str]:
    title = chance.one(TITLES)
    page = chance.one(
        (
            f"https://en.wikipedia.org/wiki/{title.replace(' ', '_')}",
            f"https://stackoverflow.com/questions/{chance.number(10**6, 10**8)}/{title.lower().replace(' ', '-')}",
            f"https://docs.example.com/en/latest/{title.lower().replace(' ', '/')}.html#{title.lower().replace(' ', '-')}",
            f"https://medium.com/@someone/{title.lower().replace(' ', '-')}-{chance.text(HEX, 12)}",
            f"https://www.youtube.com/watch?v={chance.text(URL_SAFE, 11)}&list=PL{chance.text(URL_SAFE, 32)}",
            f"https://doi.org/10.{chance.number(1000, 9999)}/{chance.text(LETTERS, 8)}.{chance.number(1, 99)}",
            f"https://github.com/acme/{title.lower().replace(' ', '-')}/blob/{chance.text(HEX, 40)}/README.md#L{chance.number(1, 99)}",
            f"https://arxiv.org/abs/{chance.number(1000, 2612)}.{chance.number(10000, 99999)}",
            (
                f"https://issues.example.org/browse/ABC-{chance.number(1, 9999)}?focusedId={chance.number(10**7, 10**8)}&page=com.example.tabs"
                "%3Acomment-tabpanel#comment-14523"
            ),
        )
    )
    return f"Tell me about {title}.", f"{chance.one(SENTENCES)} See [{title}]({page}), or {page}."


def _opaque(chance: Chance) -> tuple[str, str]:
    state = base64.urlsafe_b64encode(json.dumps({"r": "/home", "n": chance.text(HEX, 8)}).encode()).decode().rstrip("=")
    link = chance.one(
        (
            (
                f"https://login.example.com/authorize?client_id={chance.uuid()}&response_type=code&scope=openid%20profile%20email&state={state}"
                f"&nonce={chance.text(URL_SAFE, 43)}&code_challenge={chance.text(URL_SAFE, 43)}&code_challenge_method=S256"
            ),
            (
                f"https://bucket.s3.amazonaws.com/a/b.zip?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20261130T120000Z&X-Amz-Expires=900"
                f"&X-Amz-SignedHeaders=host&X-Amz-Security-Token={quote_plus(base64.b64encode(chance.data(300)).decode())}"
                f"&X-Amz-Signature={chance.text(HEX, 64)}"
            ),
            (
                f"https://account.blob.core.windows.net/c/f.txt?sv=2024-05-04&se=2026-12-31T00%3A00%3A00Z&sr=b&sp=r&sig="
                f"{quote_plus(base64.b64encode(chance.data(32)).decode())}"
            ),
            f"https://mermaid.live/edit#pako:{chance.text(URL_SAFE, 220)}",
            f"https://www.typescriptlang.org/play?#code/{chance.text(LETTERS, 180)}",
            f"https://godbolt.org/z/{chance.text(LETTERS, 9)}#g:!((g:!((g:!((h:codeEditor,i:(fontScale:14,j:1,lang:c%2B%2B,source:'int+main()%7B%7D'))))))",
            f"https://idp.example.org/saml?SAMLRequest={quote_plus(base64.b64encode(chance.data(240)).decode())}&RelayState={chance.uuid()}",
            f"https://app.example.com/reset?token={chance.text(URL_SAFE, 64)}&utm_source=mail&utm_medium=email&utm_campaign=autumn-2026",
            f"https://maps.app.goo.gl/{chance.text(LETTERS, 17)}?g_st=ic&ll=52.5251,13.3694&z=14&data=!4m6!3m5!1s0x47a851!8m2!3d52.5!4d13.4",
            (
                f"https://grafana.example.com/d/{chance.text(LETTERS, 9)}/overview?orgId=1&from=now-6h&to=now&var-host=All&var-job={chance.one(NOUNS)}"
                f"&var-datasource=prometheus&refresh=30s&viewPanel={chance.number(1, 40)}"
            ),
            f"https://api.example.com/graphql?extensions=%7B%22persistedQuery%22%3A%7B%22version%22%3A1%2C%22sha256Hash%22%3A%22{chance.text(HEX, 64)}%22%7D%7D",
            f"https://shop.example.com/p/{chance.number(10**8, 10**9)}?variant={chance.number(10**12, 10**13)}&gclid={chance.text(URL_SAFE, 90)}",
        )
    )
    return chance.one(_HOW), f"{chance.one(SENTENCES)} {chance.one(('{0}', '[Open it]({0})', '<{0}>')).format(link)}"


def _html(chance: Chance) -> tuple[str, str]:
    name = chance.one(
        ("form", "script", "iframe", "base", "object", "embed", "frame", "input", "button", "meta", "style", "link")
    )
    text = chance.one(
        (
            "The <{0}> element is described in the standard; it is written as <{0}> and has its own attributes.",
            "Put a <{0}> into the <body>, and close it with </{0}> where that is needed.",
            "In old pages you find <{0}> in capitals, too: <B>, <FONT> and so on.",
            '`<{0} class="a">` and `</{0}>` are tags; the element is what they enclose.',
            'Write:\n```html\n<{0} src="https://example.net/x.js" onload="go()">\n</{0}>\n```\nand open the page.',
            "| element | use |\n|---|---|\n| <{0}> | see above |\n| <p> | a paragraph |\n",
            '1. Open the file.\n2. Find <{0}>.\n3. Add a class: <{0} class="wide">.',
            "A type such as List<{0}> or Vec<{0} > is no element; neither is a < b and c > d.",
            "A validator complains that <{0} id=...> has no quotation marks around its value.",
            '- `<{0}>`: yes\n- `<{0} onclick="f()">`: no\n',
        )
    )
    return f"What is {name}?", text.format(name)


def _names(chance: Chance) -> tuple[str, str]:
    prefix = chance.one(
        ("assay", "assay", "npm", "hf", "gsk", "sk", "pplx", "xai", "whsec", "ghp", "glpat", "dapi", "hvs")
    )
    words = chance.some((*NOUNS, *VERBS, "total", "seconds", "bucket", "count", "by"), chance.number(4, 7))
    sign = "_" if prefix in ("assay", "npm", "hf", "gsk", "whsec", "ghp") else "." if prefix == "hvs" else "-"
    name = sign.join((prefix, *words))
    camel = f"{prefix}_{words[0]}{''.join(word.title() for word in words[1:])}"
    form = chance.one(
        ("{0}", "`{0}`", "rate({0}[5m])", "def {0}(self): ...", ".{0} {{ margin: 0 }}", '{0}{{job="a"}} 12', "{1}")
    )
    return chance.one(_HOW), f"{chance.one(SENTENCES)} It is called {form.format(name, camel)}."


def _code(chance: Chance) -> tuple[str, str]:
    language, template = chance.one(tuple(f"{name}\0{code}" for name, code in LANGUAGES)).split("\0")
    code = (
        template.replace("NOUN", chance.one(NOUNS))
        .replace("VERB", chance.one(VERBS))
        .replace("NUMBER", str(chance.number(2, 99)))
    )
    form = chance.one(
        ("```{0}\n{1}\n```", "~~~\n{1}\n~~~", "1. Write:\n\n   ```{0}\n   {1}\n   ```", "````{0}\n{1}\n````", "{1}")
    )
    if form != "{1}" and "   {1}" in form:
        code = code.replace("\n", "\n   ")
    return (
        f"Write it in {language}.",
        f"{chance.one(SENTENCES)}\n\n{form.format(language.lower(), code)}\n\n{chance.one(SENTENCES)}",
    )


def _log(chance: Chance) -> tuple[str, str]:
    lines = [
        chance.one(
            (
                f"2026-11-30T12:00:{chance.number(10, 59)}Z INFO request_id={chance.uuid()} user=u-{chance.number(1, 999)} took=12ms",
                f"commit {chance.text(HEX, 40)} (HEAD -> main)",
                f"sha256:{hashlib.sha256(chance.data(8)).hexdigest()} pulled",
                f"Nov 30 12:00:01 host sshd[{chance.number(1, 9999)}]: Accepted publickey for git SHA256:{base64.b64encode(chance.data(32)).decode()[:43]}",
                f'  File "/app/{chance.one(NOUNS)}.py", line {chance.number(1, 400)}, in {chance.one(VERBS)}',
                f"{chance.one(NOUNS):<12} | {chance.number(1, 10**9):>10,} | {chance.number(0, 100)} % |",
                f"GET /{chance.one(NOUNS)}?id={chance.number(1, 10**6)}&sig={chance.text(URL_SAFE, 43)} 200",
                f'etag: W/"{chance.text(HEX, 32)}", x-request-id: {base64.b64encode(chance.data(18)).decode()}',
                f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{base64.b64encode(chance.data(32)).decode()[:43]} me@laptop",
            )
        )
        for _ in range(chance.number(3, 9))
    ]
    block = "\n".join(lines)
    return "What does this log say?", chance.one((f"```\n{block}\n```\nAll is well.", f"It says:\n\n{block}\n"))


def _table(chance: Chance) -> tuple[str, str]:
    rows = [
        f"| [{chance.one(NOUNS)}](https://docs.example.com/{chance.one(NOUNS)}/{chance.one(VERBS)}?v={chance.number(1, 9)}.{chance.number(0, 20)}#{chance.one(NOUNS)})"
        f" | `{chance.one(VERBS)}` | {chance.number(1, 10**6):,} | {chance.one(SENTENCES)} |"
        for _ in range(chance.number(3, 12))
    ]
    return "Give me a table.", "\n".join(["| name | call | number | note |", "|---|---|--:|---|", *rows])


def _prose(chance: Chance) -> tuple[str, str]:
    parts = [chance.one(SENTENCES) for _ in range(chance.number(4, 12))]
    if chance.number(0, 1):
        parts.insert(
            2,
            f"## {chance.one(TITLES)}\n\n> {chance.one(SENTENCES)}\n\n- {chance.one(SENTENCES)}\n- {chance.one(SENTENCES)}\n\n",
        )
    return f"Explain {chance.one(TITLES)}.", " ".join(parts)


def _jwt(chance: Chance) -> tuple[str, str]:
    claims = chance.one(
        (
            '{"sub":"1234567890","name":"John Doe","iat":1516239022}',
            '{"sub":"1234567890","name":"John Doe","admin":true,"iat":1516239022}',
            '{"iss":"https://auth.example.com/","sub":"user123","aud":"https://api.example.com","exp":1735689600}',
            '{"sub":"user_123","email":"alice@example.com","role":"admin"}',
            '{"iss":"https://idp.example.org","name":"Jane Doe","scope":"read write"}',
        )
    )
    parts = [
        base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in ('{"alg":"HS256","typ":"JWT"}', claims)
    ]
    signature = chance.one((chance.text(URL_SAFE, 43), "...", "signature", "<signature>", "xxxxxxxxxxxxxxxxxxxx", ""))
    token = ".".join([*parts, signature])
    form = chance.one(
        (
            "`{0}`",
            "Authorization: Bearer {0}",
            "```\n{0}\n```",
            "A token is {0}, say.",
            'curl -H "Authorization: Bearer {0}" x',
        )
    )
    return "What does a token look like?", form.format(token)


def _images(chance: Chance) -> tuple[str, str]:
    host = chance.one(("img.example.com", "quickchart.io", "static.acme.test", "cdn.example.net"))
    path = chance.one(
        (
            f"/{chance.one(NOUNS)}-{chance.one(NOUNS)}.png",
            f"/badge/{chance.one(NOUNS)}-{chance.one(VERBS)}-brightgreen?style=flat-square&logo=python&label={chance.one(NOUNS)}",
            f"/photo-{chance.number(10**12, 10**13)}-{chance.text(HEX, 12)}?ixlib=rb-4.0.3&auto=format&fit=crop&w=800&q=60",
            "/chart?c={type:'line',data:{labels:['Q1','Q2','Q3'],datasets:[{label:'Sold',data:[5,6,7]}]}}",
            f"/qr?size=150x150&data=https%3A%2F%2Fexample.com%2F{chance.one(NOUNS)}",
            f"/avatar/{chance.text(HEX, 32)}?d=identicon&s=80",
        )
    )
    relative = f"![{chance.one(NOUNS)}](docs/{chance.one(NOUNS)}.png)"
    return f"Show a picture; pictures are at {host}.", f"{relative} ![{chance.one(NOUNS)}](https://{host}{path})"


GENERATORS: dict[str, Callable[[Chance], tuple[str, str]]] = {
    "settings": _setting,
    "more settings": _setting,
    "connections": _connection,
    "more connections": _connection,
    "keys": _pem,
    "share links": _share,
    "more share links": _share,
    "search links": _search,
    "references": _reference,
    "more references": _reference,
    "opaque links": _opaque,
    "more opaque links": _opaque,
    "HTML": _html,
    "more HTML": _html,
    "names": _names,
    "more names": _names,
    "code": _code,
    "more code": _code,
    "logs": _log,
    "tables": _table,
    "prose": _prose,
    "signed tokens": _jwt,
    "images": _images,
    "more images": _images,
}
