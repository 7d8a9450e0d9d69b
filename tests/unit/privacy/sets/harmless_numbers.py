"""Harmless numbers: tables, identifiers, measurements, times, versions, addresses of machines, digests."""

import uuid
from collections.abc import Callable, Mapping
from random import Random

Maker = Callable[[Random], str]


def digits(rng: Random, count: int) -> str:
    """A number of so many digits, not beginning with 0."""
    return str(rng.randrange(10 ** (count - 1), 10**count))


def hexadecimal(rng: Random, count: int) -> str:
    return "".join(rng.choice("0123456789abcdef") for _ in range(count))


def _date(rng: Random) -> str:
    return f"2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"


def _time(rng: Random) -> str:
    return f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}"


def _table(rng: Random, columns: int, length: int, rows: int, separator: str = " ", head: str = "") -> str:
    return "\n".join(head + separator.join(digits(rng, length) for _ in range(columns)) for _ in range(rows))


def _hexdump(rng: Random) -> str:
    group = rng.choice((2, 4))
    return "\n".join(
        f"{row * 16:08x}: " + " ".join(hexadecimal(rng, group) for _ in range(32 // group)) for row in range(12)
    )


def _decimals(rng: Random, places: int, count: int, separator: str) -> str:
    return separator.join(f"{rng.uniform(0, 999):.{places}f}" for _ in range(count))


def _json_ids(rng: Random) -> str:
    name = rng.choice(("id", "order_id", "messageId", "ts", "user_id", "trace"))
    return "[" + ",".join(f'{{"{name}":{digits(rng, rng.choice((10, 13, 16, 18, 19)))}}}' for _ in range(4)) + "]"


def _ip(rng: Random) -> str:
    return ".".join(str(rng.randint(1, 254)) for _ in range(4))


NUMBERS: Mapping[str, Maker] = {
    "table of 4-digit numbers, 5 columns": lambda r: "Sum per row:\n" + _table(r, 5, 4, 4, head="Item "),
    "table of 4-digit numbers, 4 columns": lambda r: "Values\n" + _table(r, 4, 4, 8, head=r.choice(("", "Row ", "x "))),
    "table of 4-digit numbers, tabs": lambda r: _table(r, 6, 4, 6, "\t"),
    "table of 3-digit numbers": lambda r: _table(r, 7, 3, 6, r.choice((" ", ", ", "  "))),
    "table of mixed numbers": lambda r: "\n".join(
        " ".join(digits(r, r.randint(2, 6)) for _ in range(6)) for _ in range(6)
    ),
    "table of 8-digit numbers": lambda r: _table(r, 3, 8, 6, r.choice((" ", ";", ","))),
    "table of 16-digit numbers": lambda r: _table(r, 2, 16, 8, r.choice((" ", ";", ","))),
    "table of 10-digit numbers": lambda r: _table(r, 3, 10, 6, r.choice((" ", ";", ", "))),
    "numbers of a matrix": lambda r: (
        "[" + "],\n[".join(", ".join(digits(r, 4) for _ in range(4)) for _ in range(4)) + "]"
    ),
    "shop order number": lambda r: (
        f"{r.choice(('Order', 'Bestellung', 'order no.'))} {digits(r, 3)}-{digits(r, 7)}-{digits(r, 7)}"
    ),
    "order number in one piece": lambda r: (
        f"{r.choice(('Order', 'Order ID:', 'order_id=', 'Invoice', 'Ref'))} {digits(r, 16)}"
    ),
    "two ungrouped ids": lambda r: f"ids {digits(r, 10)} {digits(r, 10)}",
    "id and quantity": lambda r: f"{digits(r, 10)} {digits(r, 3)}",
    "df": lambda r: f"/dev/sda{r.randint(1, 9)} {digits(r, 8)} {digits(r, 8)} {digits(r, 8)} {r.randint(1, 99)}% /",
    "free -b": lambda r: "Mem: " + " ".join(digits(r, 10) for _ in range(4)),
    "ls -l": lambda r: f"-rw-r--r-- 1 root root {digits(r, r.randint(4, 10))} {_date(r)} {_time(r)[:5]} a.txt",
    "ps": lambda r: (
        f"root {digits(r, 6)} {r.uniform(0, 9):.1f} {r.uniform(0, 9):.1f} {digits(r, 7)} {digits(r, 6)} ? Ss {_time(r)} /usr/bin/x"
    ),
    "netstat": lambda r: f"tcp 0 0 {_ip(r)}:{digits(r, 5)} {_ip(r)}:443 ESTABLISHED {digits(r, 7)}/x",
    "hexdump": _hexdump,
    "seconds with a fraction": lambda r: f"{digits(r, 10)}.{digits(r, r.choice((3, 6)))}",
    "decimals in a row": lambda r: _decimals(r, 3, 6, r.choice((" ", ", ", ";", "\n"))),
    "decimals with many places": lambda r: _decimals(r, r.choice((10, 14, 16)), 3, " "),
    "coordinates": lambda r: f"{r.uniform(-90, 90):.6f}, {r.uniform(-180, 180):.6f}",
    "signed coordinates": lambda r: f"{r.uniform(10, 80):+.6f} {r.uniform(10, 80):+.6f}",
    "coordinates of GeoJSON": lambda r: ",".join(f"[{r.uniform(5, 20):.6f},{r.uniform(40, 60):.6f}]" for _ in range(9)),
    "degrees": lambda r: (
        f"{r.randint(1, 89)}\u00b0{r.randint(1, 59):02}'{r.uniform(0, 59):.2f}\"N {r.randint(1, 179)}\u00b0{r.randint(1, 59):02}'E"
    ),
    "grid references": lambda r: f"32U {digits(r, 6)} {digits(r, 7)}",
    "dimensions": lambda r: f"Box {digits(r, 3)} {digits(r, 3)} {digits(r, 4)} mm",
    "dimensions with x": lambda r: f"{digits(r, 3)} x {digits(r, 3)} x {digits(r, 4)} cm",
    "invoice number and date": lambda r: f"Rechnung {digits(r, 8)} {_date(r)}",
    "dates in a row": lambda r: "Dates: " + " ".join(_date(r) for _ in range(4)),
    "dates and times": lambda r: f"{_date(r)}T{_time(r)}.{digits(r, 6)}+02:00 {_date(r)} {_time(r)} +0200",
    "compact times": lambda r: (
        f"backup-2026{r.randint(1, 12):02}{r.randint(1, 28):02}{_time(r).replace(':', '')}.tar 20261130{digits(r, 6)}"
    ),
    "epoch times": lambda r: (
        f"{r.randint(1_600_000_000, 1_800_000_000)} {r.randint(1_600_000_000_000, 1_800_000_000_000)} {r.randint(16 * 10**14, 18 * 10**14)} {r.randint(16 * 10**17, 18 * 10**17)}"
    ),
    "bytes in decimal": lambda r: "bytes: " + " ".join(str(r.randint(0, 255)) for _ in range(80)),
    "plus sign and count": lambda r: (
        f"+{digits(r, 10)} {r.choice(('rows inserted', 'bytes', 'lines', 'records updated', 'views', 'points'))}"
    ),
    "sum": lambda r: f"Evaluate +1 {digits(r, 3)} {digits(r, 3)} {digits(r, 4)} + {r.randint(2, 99)}",
    "difference of a file": lambda r: f"--- a/x.txt\n+++ b/x.txt\n@@ -1,2 +1,2 @@\n-{digits(r, 11)}\n+{digits(r, 11)}",
    "snowflake id": lambda r: f"message {digits(r, r.choice((17, 18, 19)))}",
    "snowflakes of a chat": lambda r: (
        f"<@{digits(r, 18)}> <#{digits(r, 18)}> https://chat.example/channels/{digits(r, 18)}/{digits(r, 19)}"
    ),
    "JSON of ids": _json_ids,
    "UUIDs": lambda r: " ".join(str(uuid.UUID(int=r.getrandbits(128), version=4)) for _ in range(3)),
    "digests": lambda r: f"sha256:{hexadecimal(r, 64)} md5 {hexadecimal(r, 32)} {hexadecimal(r, 40)[:7]}",
    "digests in capitals": lambda r: hexadecimal(r, 40).upper() + "\n" + hexadecimal(r, 16).upper(),
    "MAC addresses": lambda r: (
        ":".join(hexadecimal(r, 2) for _ in range(6)) + " " + "-".join(hexadecimal(r, 2) for _ in range(6))
    ),
    "IPv6 addresses": lambda r: ":".join(hexadecimal(r, 4) for _ in range(8)) + f" 2001:db8::{digits(r, 4)}",
    "IP addresses": lambda r: " ".join(_ip(r) for _ in range(5)),
    "IP addresses with ports": lambda r: f"{_ip(r)}:{digits(r, 5)} -> {_ip(r)}:{digits(r, 4)}",
    "versions": lambda r: (
        f"chrome/{r.randint(90, 140)}.0.{digits(r, 4)}.{r.randint(10, 200)} v{r.randint(1, 9)}.{digits(r, 3)}.{digits(r, 4)} 10.0.{digits(r, 5)}.{digits(r, 4)}"
    ),
    "ISBN": lambda r: (
        f"ISBN 978-{r.randint(0, 9)}-{digits(r, 3)}-{digits(r, 5)}-{r.randint(0, 9)}, ISBN-10 {digits(r, 1)}-{digits(r, 4)}-{digits(r, 4)}-{r.randint(0, 9)}"
    ),
    "EAN": lambda r: f"EAN {digits(r, 13)} GTIN {digits(r, 14)}",
    "parcel number": lambda r: f"Tracking {digits(r, r.choice((12, 14, 15, 20, 22)))}",
    "parcel number in groups": lambda r: (
        f"USPS 9400 1{digits(r, 3)} {digits(r, 4)} {digits(r, 4)} {digits(r, 4)} {digits(r, 2)}"
    ),
    "IMEI": lambda r: f"IMEI {digits(r, 15)} / {digits(r, 2)}-{digits(r, 6)}-{digits(r, 6)}-{digits(r, 1)}",
    "case number": lambda r: (
        f"{r.choice(('Case', 'Ticket', 'Az.'))} {digits(r, 2)}-{digits(r, 5)}/{r.randint(10, 26)}, ref {digits(r, 4)}/{digits(r, 4)}"
    ),
    "money": lambda r: (
        f"${r.randint(1, 999)},{digits(r, 3)},{digits(r, 3)}.00 and {r.randint(1, 999)}.{digits(r, 3)}.{digits(r, 3)},00 EUR and {r.randint(1, 99)} {digits(r, 3)} {digits(r, 3)} kr"
    ),
    "long numbers": lambda r: f"{digits(r, 30)} and 0.{digits(r, 20)} and {digits(r, 3)}e{r.randint(10, 99)}",
    "large numbers in groups": lambda r: f"{r.randint(1, 9)} {digits(r, 3)} {digits(r, 3)} {digits(r, 3)} inhabitants",
    "phone-like ranges": lambda r: (
        f"pages {r.randint(100, 400)}-{r.randint(400, 900)}, lines {digits(r, 4)}-{digits(r, 4)}, {r.randint(1900, 1990)}-{r.randint(1991, 2026)}"
    ),
    "scores": lambda r: (
        f"{r.randint(0, 99)}-{r.randint(0, 99)} {r.randint(0, 99)}-{r.randint(0, 99)} {digits(r, 3)}/{digits(r, 3)} ({digits(r, 3)})"
    ),
    "log with times": lambda r: (
        f"[{_time(r)}.{digits(r, 3)}] {digits(r, 5)} {digits(r, 5)} I tag: took {digits(r, 4)} us, {digits(r, 9)} ns"
    ),
    "access log": lambda r: (
        f'{_ip(r)} - - [26/Jul/2026:{_time(r)} +0000] "GET /item/{digits(r, 5)}?t={digits(r, 13)} HTTP/1.1" 200 {digits(r, 5)} {digits(r, 7)}'
    ),
    "stock quotes": lambda r: (
        f"AAPL {_date(r)} " + " ".join(f"{r.uniform(90, 200):.2f}" for _ in range(4)) + f" {digits(r, 8)}"
    ),
    "CSV of sensors": lambda r: (
        f"{_date(r)} {_time(r)},{r.uniform(0, 40):.2f},{r.uniform(900, 1100):.1f},{digits(r, 10)}"
    ),
    "invoice lines": lambda r: (
        f"{r.randint(1, 12)} x Art. {digits(r, 6)} Schraube M{r.randint(3, 12)} a {r.uniform(0, 9):.2f} EUR"
    ),
    "chess and sequences": lambda r: (
        "1 1 2 3 5 8 13 21 34 55 89 144 233 377 610 987 1597 2584 " + " ".join(str(r.randint(1, 99)) for _ in range(20))
    ),
    "binary": lambda r: (
        " ".join(f"{r.getrandbits(8):08b}" for _ in range(6))
        + " "
        + " ".join(f"{r.getrandbits(4):04b}" for _ in range(8))
    ),
    "ISIN and LEI": lambda r: (
        f"ISIN DE000{hexadecimal(r, 6).upper()}{r.randint(0, 9)}, US{digits(r, 9)}{r.randint(0, 9)}, LEI 5299{hexadecimal(r, 14).upper()}{digits(r, 2)}"
    ),
    "chromosome positions": lambda r: f"chr{r.randint(1, 22)}:{digits(r, 8)}-{digits(r, 8)} rs{digits(r, 9)}",
    "memory addresses": lambda r: (
        f"0x{hexadecimal(r, 16)} [{digits(r, 5)}.{digits(r, 6)}] {hexadecimal(r, 8)}-{hexadecimal(r, 8)} r-xp"
    ),
    "barcode list": lambda r: "\n".join(digits(r, 14) for _ in range(6)),
}
