"""A witness as C2SP tlog-witness has it, over HTTP on loopback: strict, with one key, and its state in memory."""

import base64
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.transparency.checkpoints import (
    LogFormatError,
    Unproven,
    VerifierKey,
    key_id,
    open_checkpoint,
    parse_checkpoint,
    parse_note,
)
from domain.transparency.cosignatures import cosigned_message, cosigner_id
from domain.transparency.merkle import EMPTY_ROOT, verify_consistency
from tests.doubles.log.verifier import verify

_BODY = re.compile(r"old (0|[1-9][0-9]*)\n((?:[A-Za-z0-9+/]{43}=\n){0,63})\n(.*)", re.DOTALL)


@dataclass
class Witness:
    """``logs`` are the log keys it knows by origin, ``seen`` what it cosigned last; ``url`` where it is."""

    name: str = "witness.example/w1"
    private: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    logs: dict[str, list[VerifierKey]] = field(default_factory=dict)
    seen: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)  # of what was submitted of logs that it knows
    url: str = ""
    lock: Lock = field(default_factory=Lock)

    @property
    def key(self) -> VerifierKey:
        return VerifierKey(self.name, self.private.public_key().public_bytes_raw())

    def add_checkpoint(self, body: str) -> tuple[int, str]:  # noqa: PLR0911 - a status each
        """Status and body of the answer."""
        found = _BODY.fullmatch(body)
        if found is None:
            return 400, ""
        old, note = int(found[1]), found[3]
        path = [base64.b64decode(line, validate=True) for line in found[2].splitlines()]
        try:
            text = parse_note(note).text
            checkpoint = parse_checkpoint(text)
        except LogFormatError:
            return 400, ""
        keys = self.logs.get(checkpoint.origin)
        if keys is None:
            return 404, ""
        try:
            open_checkpoint(note, keys, verify)
        except Unproven:
            return 403, ""
        if old > checkpoint.size:
            return 400, ""
        with self.lock:
            size, root = self.seen.get(checkpoint.origin, (0, EMPTY_ROOT))
            if old != size:
                return 409, f"{size}\n"
            if not verify_consistency(size, checkpoint.size, root, checkpoint.root, path):
                return 422, ""
            self.seen[checkpoint.origin] = (checkpoint.size, checkpoint.root)
        return 200, self.sign(text)

    def sign(self, text: str) -> str:
        now = int(time.time())
        made = now.to_bytes(8, "big") + self.private.sign(cosigned_message(text, now))
        line = base64.b64encode(cosigner_id(self.name, self.key.public_key) + made).decode()
        other = base64.b64encode(key_id("other.example", bytes(32)) + bytes(72)).decode()
        return f"\u2014 other.example {other}\n\u2014 {self.name} {line}\n"


@contextmanager
def serving(witness: Witness) -> Iterator[Witness]:
    """The witness at its ``url``, on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            status, answer = witness.add_checkpoint(body) if self.path == "/w/add-checkpoint" else (404, "")
            if any(f"\n{origin}\n" in body for origin in witness.logs):
                witness.statuses.append(status)
            self.send_response(status)
            self.send_header("content-type", "text/x.tlog.size" if status == 409 else "text/plain")
            self.send_header("content-length", str(len(answer.encode())))
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    witness.url = f"http://127.0.0.1:{server.server_port}/w"
    try:
        yield witness
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
