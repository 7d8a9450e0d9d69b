"""Harmless code, commands and settings: logins, packages, units, operators, examples of keys and passwords."""

from collections.abc import Mapping
from random import Random

from tests.unit.privacy.sets.harmless_numbers import Maker, digits, hexadecimal

_WORDS = (
    "model selection guide payload codec verdicts total decision mode learn data converter temporal screening counter"
    " evaluation tutorial metric retry budget ledger workflow signal session handler request response buffer index value"
).split()
_LOGINS = ("deploy", "root", "ubuntu", "www-data", "ci-bot", "backup", "admin", "alice", "ec2-user")
_HOSTS = (
    "web01.internal",
    "static.example.org",
    "db-2.example.com",
    "10-0-0-5.eu.compute.internal",
    "bastion.corp.example",
)
_PACKAGES = ("vite", "react", "lodash", "socket.io", "vue-router", "eslint", "left-pad")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def _words(rng: Random, count: int, separator: str = "_") -> str:
    return separator.join(rng.choice(_WORDS) for _ in range(count))


def _at(rng: Random) -> str:
    return f"{rng.choice(_LOGINS)}@{rng.choice(_HOSTS)}"


def _variable(rng: Random) -> str:
    return rng.choice(("a", "x", "W1", "K", "A", "weights", "Q", "self.w", "X_train"))


def _substitute(rng: Random) -> str:
    return rng.choice(
        "PASSWORD password your_password YOUR-PASSWORD mypassword <password> ${DB_PASSWORD} $PASS {password} {{password}} %s"
        " %PASSWORD% [REDACTED] *** ****** ... xxxxx XXXXXXXX secret changeme db_password userPassword example"
        " your-password-here PASS pwd ${POSTGRES_PASSWORD:-secret} <YOUR_PASSWORD> #{password} mysecretpassword".split()
    )


def _example_key(rng: Random) -> str:
    return rng.choice(
        (
            "sk-" + "x" * 32,
            "sk-proj-" + "X" * 40,
            "sk-your-api-key-goes-here-and-is-this-long",
            "ghp_" + "x" * 36,
            "ghp_" + "*" * 36,
            "glpat-" + "X" * 20,
            "AKIAIOSFODNN7EXAMPLE",
            "AKIA" + "X" * 16,
            "xoxb-your-token-goes-here-please",
            "https://hooks.slack.com/services/T00000000/B00000000/" + "X" * 24,
            "AIzaSy" + "x" * 33,
            "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "sk_live_" + "x" * 24,
            "hf_" + "x" * 34,
            "npm_" + "X" * 36,
            "client_secret=YOUR_CLIENT_SECRET_GOES_HERE_1234567890",
        )
    )


CODE: Mapping[str, Maker] = {
    "package with a tag": lambda r: (
        f"{r.choice(('pnpm add', 'npm i', 'yarn add', 'bun add', 'npx'))} {r.choice(_PACKAGES)}@{r.choice(('next.js', 'latest.js', 'beta.ts', 'v2.io'))}"
    ),
    "package of a scope": lambda r: (
        f"import x from '@acme/{r.choice(_PACKAGES)}@{r.randint(1, 9)}.{r.randint(0, 9)}.0-beta.{r.randint(0, 9)}'"
    ),
    "ssh": lambda r: (
        f"ssh {r.choice(('', '-p 2222 ', '-i ~/.ssh/id_ed25519 ', '-o StrictHostKeyChecking=no '))}{_at(r)} {r.choice(('', 'uptime', chr(34) + 'systemctl restart nginx' + chr(34)))}"
    ),
    "scp": lambda r: (
        f"scp {r.choice(('-r ./dist', 'a.tar.gz'))} {_at(r)}:{r.choice(('/var/www/', '~/', 'backups/2026/'))}"
    ),
    "rsync": lambda r: f"rsync -avz --delete ./dist/ {_at(r)}:/var/www/html/",
    "sudo and a pipe": lambda r: f"tar cz . | sudo ssh -J {_at(r)} {_at(r)} 'tar xz'",
    "ansible": lambda r: f"ansible_host=10.0.0.{r.randint(2, 99)} ansible_user=ubuntu {_at(r)}",
    "ssh address": lambda r: f"git clone ssh://{_at(r)}:{digits(r, 5)}/proj",
    "repository": lambda r: (
        f"git remote add origin {r.choice(('git', 'gitea', 'hg'))}@{r.choice(_HOSTS)}:team/{r.choice(_WORDS)}.git"
    ),
    "address with a user": lambda r: (
        f"{r.choice(('ftp', 'sftp', 'https', 'mongodb', 'svn+ssh'))}://{r.choice(_LOGINS)}@{r.choice(_HOSTS)}/path"
    ),
    "prompt": lambda r: f"{r.choice(_LOGINS)}@{r.choice(_HOSTS)}:~/src$ make test",
    "matrix product": lambda r: (
        f"y = {_variable(r)}@{_variable(r)}.{r.choice(('reshape(-1)', 'T', 'dot(b)', 'sum(axis=0)', 'to(device)', 'transpose()', 'mean()'))} + b"
    ),
    "array in Perl": lambda r: f'my @arr = (1,2); print "{r.choice("xyz")}@arr.{r.choice(("join", "first", "size"))}";',
    "decorator": lambda r: (
        f"@{r.choice(('app.route', 'pytest.mark.slow', 'dataclasses.dataclass', 'router.get'))}('/')\ndef {r.choice(_WORDS)}(): ..."
    ),
    "artifact": lambda r: (
        f"mvn dependency:get -Dartifact=a:b:{r.randint(1, 9)}.{r.randint(0, 9)}@{r.choice(('jar.asc', 'pom.xml', 'zip.sha1'))}"
    ),
    "Kerberos principal": lambda r: (
        f"{r.choice(('kinit', 'Principal:', 'klist'))} {r.choice(('HTTP', 'host', 'nfs'))}/{r.choice(('web01', 'db01'))}.example.com@{r.choice(('EXAMPLE.COM', 'CORP.EXAMPLE.COM'))}"
    ),
    "unit": lambda r: (
        f"{r.choice(('journalctl -u', 'systemctl enable', 'Loaded:', 'After='))} {r.choice(('wg-quick@wg0', 'postgresql@15-main', 'getty@tty1', 'user@1000'))}.{r.choice(('service', 'socket', 'timer', 'slice'))}"
    ),
    "picture of two resolutions": lambda r: (
        f'<img srcset="{r.choice(_WORDS)}@2x.{r.choice(("png", "webp", "jpg"))} 2x, icon@3x.png 3x">'
    ),
    "module of Terraform": lambda r: (
        f'source = "git::https://example.com/vpc.git?ref=v{r.randint(1, 9)}.{r.randint(0, 9)}.0@{r.choice(("main.tf", "mod.tf"))}"'
    ),
    "link to a database": lambda r: (
        f"SELECT * FROM {r.choice(('emp', 'scott.emp', 'orders'))}@{r.choice(('remote.db', 'sales.world', 'dw.prod'))}"
    ),
    "action": lambda r: f"uses: actions/checkout@v{r.randint(2, 5)}.{r.randint(0, 9)}.1",
    "image by digest": lambda r: f"docker pull registry.example/app@sha256:{hexadecimal(r, 64)}",
    "module of Go": lambda r: f"go install golang.org/x/tools/gopls@v0.{r.randint(1, 20)}.{r.randint(0, 9)}",
    "message identifier": lambda r: (
        f"{r.choice(('Message-ID', 'In-Reply-To', 'References'))}: <2026{digits(r, 10)}.{hexadecimal(r, 6)}@mail.example.com>"
    ),
    "styles and mentions": lambda r: (
        f"@media (min-width: {digits(r, 3)}px) {{}} @{r.choice(_WORDS)} please look, cc @{r.choice(_WORDS)}.{r.choice(_WORDS)}"
    ),
    "address of a database": lambda r: (
        f"{r.choice(('postgres', 'mysql', 'mongodb+srv', 'redis', 'amqp', 'https'))}://{r.choice(('user', 'app', 'USER', 'admin'))}:{_substitute(r)}@{r.choice(('localhost', 'db', 'HOST', 'db.example.com'))}/app"
    ),
    "address with defaults": lambda r: "{0}://{1}:{1}@{2}/test".format(
        r.choice(("mysql", "postgres", "ftp", "amqp")),
        r.choice(("root", "postgres", "guest", "anonymous", "admin")),
        r.choice(("127.0.0.1:3306", "localhost", "ftp.example.com")),
    ),
    "address with a port": lambda r: (
        f"http://{r.choice(_HOSTS)}:{digits(r, 4)}/a@b and https://[::1]:{digits(r, 4)}/@scope/x"
    ),
    "header of a key": lambda r: "{0}-----BEGIN {1}-----{2}-----END {1}-----".format(
        r.choice(("A file begins with ", "Look for ", "")),
        r.choice(("PRIVATE KEY", "RSA PRIVATE KEY", "OPENSSH PRIVATE KEY")),
        r.choice((" and ends with ", "\n...\n", "\n<base64>\n", "\n(your key here)\n", "\nMIIE...\n")),
    ),
    "public key": lambda r: (
        f"-----BEGIN PUBLIC KEY-----\n{''.join(r.choice(_LETTERS) for _ in range(64))}\n-----END PUBLIC KEY-----"
    ),
    "slug with sk-": lambda r: (
        f"https://example.com/{r.choice(('task-', '', 'a/'))}sk-{_words(r, 6, '-')}-{r.choice(('2024', 'guide', 'v2'))}"
    ),
    "metric or module of this project": lambda r: f"assay_{_words(r, r.randint(5, 8))}",
    "name with a prefix of keys": lambda r: (
        f"{r.choice(('hf_', 'npm_', 'gsk_', 'ghp_'))}{''.join(r.choice(_WORDS) for _ in range(6))[:36]}"
    ),
    "word with AKIA": lambda r: r.choice(
        ("AKIANKARAISTANBULIZM", "AKIATAMARINOKALIMERA", "AKIA is a prefix", "AKIABELAROSAMARINERA")
    ),
    "example of a key": _example_key,
    "digest as a secret": lambda r: f'secretAccessKey: "{hexadecimal(r, 40)}"',
    "variables": lambda r: (
        f"{r.choice(('API_KEY', 'OPENAI_API_KEY', 'client_secret'))}={r.choice(('os.environ[' + chr(39) + 'KEY' + chr(39) + ']', '${SECRET_FROM_THE_VAULT_OF_THE_TEAM}', '<your key>', 'process.env.SECRET_OF_THE_APPLICATION_1'))}"
    ),
    "identifiers": lambda r: f"{_words(r, 4)} = {_words(r, 3, '.')}({_words(r, 2, '-')!r}) # {_words(r, 5, ' ')}",
    "camel case": lambda r: "".join(r.choice(_WORDS).title() for _ in range(7)) + "Impl s.getApplicationContextById",
    "base64 of a picture": lambda r: "data:image/png;base64," + "".join(r.choice(_LETTERS) for _ in range(200)) + "=",
    "lock file": lambda r: (
        f'"{r.choice(_PACKAGES)}@^{r.randint(1, 9)}.2.0": {{"integrity": "sha512-{"".join(r.choice(_LETTERS) for _ in range(86))}=="}}'
    ),
    "commit": lambda r: f"commit {hexadecimal(r, 40)}\nindex {hexadecimal(r, 7)}..{hexadecimal(r, 7)} 100644",
    "stack trace": lambda r: (
        f"at java.base/java.lang.Thread.run(Thread.java:{digits(r, 4)}) [app.jar:1.{r.randint(0, 9)}] Object@{hexadecimal(r, 8)} com.example.Main@{hexadecimal(r, 7)}"
    ),
    "query": lambda r: (
        f"https://example.com/s?q={_words(r, 3, '+')}&page={digits(r, 2)}&ts={digits(r, 13)}&sig={hexadecimal(r, 40)}"
    ),
    "regular expression": lambda r: r"^[\w.+-]+@[\w-]+\.[\w.-]+$" + f" matches {digits(r, 2)} of {digits(r, 4)}",
    "arithmetic": lambda r: (
        f"{digits(r, 3)} - {digits(r, 3)} - {digits(r, 4)} = -{digits(r, 4)}; x = {digits(r, 10)} + {digits(r, 10)}"
    ),
}
