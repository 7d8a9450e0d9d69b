"""Digest of the code that determines the weights, without comments, docstrings and imports."""

import ast
import hashlib
import io
import tokenize
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_SCRIPT = (
    *sorted(_HERE.glob("*.yaml")),
    *(_HERE / name for name in ("fit.py", "grammar.py", "rows.py")),
    _HERE.parent / "domain" / "screening" / "ngrams.py",
)


def script_digest() -> str:
    """Return SHA-256, hexadecimal, of the grammars and of the code for rows, training and features."""
    digest = hashlib.sha256()
    for path in _SCRIPT:
        text = path.read_text(encoding="utf-8")
        content = (bare_code(text) if path.suffix == ".py" else text).encode()
        digest.update(f"{path.name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def bare_code(source: str) -> str:
    """Return Python source without comments, docstrings, imports and blank lines.

    Cut from the text rather than printed from the syntax tree, whose text form depends on Python's version.
    """
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            lines[token.start[0] - 1] = lines[token.start[0] - 1][: token.start[1]]
    for node in ast.walk(ast.parse(source)):
        text_alone = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, ast.stmt) and (text_alone or isinstance(node, ast.Import | ast.ImportFrom)):
            lines[node.lineno - 1 : node.end_lineno] = [""] * ((node.end_lineno or node.lineno) - node.lineno + 1)
    return "".join(f"{line.rstrip()}\n" for line in lines if line.strip())
