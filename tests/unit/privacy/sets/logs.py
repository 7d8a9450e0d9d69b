"""Long logs and tables: makers of lines, and texts filled with them."""

from collections.abc import Mapping
from random import Random

from tests.unit.privacy.sets.harmless_numbers import Maker, digits, hexadecimal


def _time(rng: Random) -> str:
    return f"2026-07-26 {rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}"


def _ip(rng: Random) -> str:
    return ".".join(str(rng.randint(1, 254)) for _ in range(4))


LINES: Mapping[str, Maker] = {
    "JSON array": lambda r: f'{{"t":{r.randint(1_700_000_000, 1_800_000_000)},"v":{r.random():.6f}}},',
    "JSON of a shop": lambda r: (
        f'{{"id":{digits(r, 16)},"sku":"{digits(r, 8)}-{digits(r, 3)}","qty":{r.randint(1, 9)},"price":{r.uniform(1, 99):.2f}}},'
    ),
    "GeoJSON": lambda r: f"[{r.uniform(9, 15):.6f},{r.uniform(47, 55):.6f}],",
    "nginx": lambda r: (
        f'{_ip(r)} - - [26/Jul/2026:11:{r.randint(10, 59)}:{r.randint(10, 59)} +0000] "GET /item/{digits(r, 5)} HTTP/1.1" 200 {digits(r, 5)}'
    ),
    "CSV of sensors": lambda r: f"{_time(r)},{r.uniform(15, 30):.2f},{r.uniform(900, 1100):.1f}",
    "CSV of orders": lambda r: (
        f"{digits(r, 10)};{digits(r, 13)};{_time(r)[:10]};{r.uniform(1, 999):.2f};{digits(r, 16)}"
    ),
    "ls -l": lambda r: (
        f"-rw-r--r-- 1 root root {digits(r, 6)} 2026-07-27 01:{r.randint(10, 59)} file{digits(r, 3)}.txt"
    ),
    "invoice": lambda r: (
        f"{r.randint(1, 12)} x Art. {digits(r, 6)} Schraube M{r.randint(3, 9)} a {r.uniform(0, 9):.2f} EUR"
    ),
    "git log": lambda r: f"{hexadecimal(r, 7)} 2026-07-27 fix: issue #{digits(r, 4)}",
    "stock quotes": lambda r: (
        f"AAPL 2026-07-27 {r.uniform(99, 120):.2f} {r.uniform(99, 160):.2f} {r.uniform(99, 200):.2f} {digits(r, 8)}"
    ),
    "syslog": lambda r: (
        f"Jul 26 {_time(r)[11:]} web{r.randint(1, 9)} sshd[{digits(r, 5)}]: Accepted publickey for deploy from {_ip(r)} port {digits(r, 5)} ssh2"
    ),
    "journal": lambda r: (
        f"{_time(r)}.{digits(r, 6)} INFO [worker-{r.randint(1, 9)}] request {hexadecimal(r, 16)} took {digits(r, 4)} ms, {digits(r, 7)} bytes"
    ),
    "hexdump": lambda r: f"{r.randint(0, 2**24):08x}: " + " ".join(hexadecimal(r, 4) for _ in range(8)),
    "tcpdump": lambda r: (
        f"{_time(r)[11:]}.{digits(r, 6)} IP {_ip(r)}.{digits(r, 5)} > {_ip(r)}.443: Flags [.], ack {digits(r, 10)}, win {digits(r, 4)}"
    ),
    "vmstat": lambda r: " ".join(f"{r.randint(0, 99_999_999):>8}" for _ in range(12)),
    "top": lambda r: (
        f"{digits(r, 6)} root 20 0 {digits(r, 7)} {digits(r, 6)} {digits(r, 5)} S {r.uniform(0, 99):.1f} {r.uniform(0, 9):.1f} {r.randint(0, 99)}:{r.uniform(10, 59):.2f} python3"
    ),
    "df": lambda r: (
        f"/dev/sd{r.choice('abc')}{r.randint(1, 9)} {digits(r, 9)} {digits(r, 8)} {digits(r, 8)} {r.randint(1, 99)}% /data/{digits(r, 3)}"
    ),
    "table of four columns": lambda r: f"| {digits(r, 4)} | {digits(r, 3)} | {digits(r, 6)} | {digits(r, 4)} |",
    "numbers in spaces": lambda r: " ".join(digits(r, r.randint(2, 7)) for _ in range(8)),
    "phone-like numbers in spaces": lambda r: f"{digits(r, 3)} {digits(r, 3)} {digits(r, 4)} {digits(r, 3)}",
    "SQL": lambda r: (
        f"INSERT INTO t VALUES ({digits(r, 6)}, '{_time(r)}', {digits(r, 10)}, {r.uniform(0, 9):.4f}, '{hexadecimal(r, 12)}');"
    ),
    "prometheus": lambda r: (
        f'http_requests_total{{code="200",le="{r.uniform(0, 9):.3f}"}} {digits(r, 9)} {digits(r, 13)}'
    ),
    "GPX": lambda r: (
        f'<trkpt lat="{r.uniform(47, 55):.7f}" lon="{r.uniform(9, 15):.7f}"><ele>{r.uniform(0, 999):.2f}</ele></trkpt>'
    ),
    "FIX": lambda r: (
        f"8=FIX.4.4|9={digits(r, 3)}|35=D|34={digits(r, 6)}|52=20260726-11:25:40.{digits(r, 3)}|11={digits(r, 12)}|38={digits(r, 4)}|44={r.uniform(9, 99):.4f}"
    ),
    "snowflakes": lambda r: f"{digits(r, 18)} {digits(r, 19)} joined",
    "digests": lambda r: (
        f"{hexadecimal(r, 64)}  package-{r.randint(1, 9)}.{r.randint(0, 20)}.{r.randint(0, 99)}.tar.gz"
    ),
}


def filled(maker: Maker, size: int, seed: str = "logs") -> str:
    """A request with so many characters of such lines."""
    rng = Random(seed)
    lines = ["Please analyse this data:"]
    length = len(lines[0])
    while length < size:
        lines.append(maker(rng))
        length += len(lines[-1]) + 1
    return "\n".join(lines)[:size]
