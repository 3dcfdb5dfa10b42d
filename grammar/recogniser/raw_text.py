"""What can be said of a source before any parser sees it: its characters, its length, how deep it nests.

Python's parser recurses with the text, so the text's nesting is bounded first, by one pass of a regular expression
that knows strings and comments. What a reviewer sees must also be what runs: control and invisible characters are
refused, other scripts stay inside comments and docstrings, and nothing joins or splits lines (no `\\`, no `;`).
"""

from __future__ import annotations

import re
import unicodedata

MAX_BYTES = 64 * 1024
MAX_LINE = 1000
"""Characters in a line."""
MAX_LOGICAL_LINE = 2000
"""Characters between the outermost brackets; with `MAX_LINE` it bounds a run of prefix operators, on which the parser
recurses too (CPython 3.11's parser gives up at 6000 levels)."""
MAX_BRACKETS = 32
MAX_INDENT = 100

_LEXEME = re.compile(
    r"""(?P<string>'''.*?'''|\"\"\".*?\"\"\"|'[^'\n]*'|"[^"\n]*")"""
    r"""|(?P<comment>\#[^\n]*)|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<stray>;|[^\x00-\x7f])""",
    re.DOTALL,
)
_STRANGE = re.compile(r"[^\n\t\x20-\x7e]")
_LONG_LINE = re.compile(rf"^[^\n]{{{MAX_LINE + 1}}}", re.MULTILINE)
_DEEP_INDENT = re.compile(rf"^[ \t]{{{MAX_INDENT + 1}}}", re.MULTILINE)
_COOKIE = re.compile(r"[ \t]*#.*?coding[:=][ \t]*([-\w.]+)")
_TYPE_COMMENT = re.compile(r"#\s*type:")
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class RawTextError(Exception):
    """The text is refused; `offset` is a position in it, in characters."""

    def __init__(self, text: str, offset: int, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = text.count("\n", 0, offset) + 1
        self.column = offset - (text.rfind("\n", 0, offset) + 1) + 1


def read_text(source: str | bytes) -> str:
    """Return the source as text with `\\n` line ends; raises RawTextError for what no kernel may contain."""
    if len(source) > MAX_BYTES:
        raise RawTextError("", 0, f"the source is longer than {MAX_BYTES} bytes")
    text = _decode(source) if isinstance(source, bytes) else source
    text = text.replace("\r\n", "\n")
    _check_characters(text)
    _check_lines(text)
    _check_lexemes(text)
    return text


def _decode(source: bytes) -> str:
    try:
        return source.decode("utf-8")
    except UnicodeDecodeError as error:
        before = source[: error.start].decode("utf-8")
        raise RawTextError(before, len(before), "not UTF-8") from None


def _check_characters(text: str) -> None:
    for match in _STRANGE.finditer(text):
        character = match.group()
        if unicodedata.category(character) in _INVISIBLE:
            what = (
                "byte order mark" if character == "\ufeff" else f"control or invisible character U+{ord(character):04X}"
            )
            raise RawTextError(text, match.start(), what)
    backslash = text.find("\\")
    if backslash >= 0:
        raise RawTextError(text, backslash, "backslash: no continued lines, no escapes")


def _check_lines(text: str) -> None:
    for pattern, reason in (
        (_LONG_LINE, f"line longer than {MAX_LINE} characters"),
        (_DEEP_INDENT, f"indented by more than {MAX_INDENT} columns"),
    ):
        if match := pattern.search(text):
            raise RawTextError(text, match.start(), reason)
    start = 0
    for line in text.split("\n", 2)[:2]:  # the lines in which Python looks for an encoding
        cookie = _COOKIE.match(line)
        if cookie and cookie.group(1).lower().replace("_", "-") not in ("utf-8", "utf8"):
            raise RawTextError(text, start, f"encoding {cookie.group(1)}: a source is UTF-8")
        start += len(line) + 1


def _check_lexemes(text: str) -> None:
    depth = 0
    outermost = 0
    for match in _LEXEME.finditer(text):
        at = match.start()
        kind = match.lastgroup
        if depth and at - outermost > MAX_LOGICAL_LINE:
            raise RawTextError(text, outermost, f"more than {MAX_LOGICAL_LINE} characters inside brackets")
        if kind == "string" and at and (text[at - 1].isalnum() or text[at - 1] == "_"):
            raise RawTextError(text, at - 1, "string with a prefix")
        if kind == "comment":
            if _TYPE_COMMENT.match(match.group()):
                raise RawTextError(text, at, "type comment")
        elif kind == "stray":
            reason = (
                "semicolon" if match.group() == ";" else f"character {match.group()!r} outside a comment or docstring"
            )
            raise RawTextError(text, at, reason)
        elif kind == "open":
            outermost = at if depth == 0 else outermost
            depth += 1
            if depth > MAX_BRACKETS:
                raise RawTextError(text, at, f"more than {MAX_BRACKETS} brackets inside each other")
        elif kind == "close":
            depth = max(depth - 1, 0)
    if depth:
        raise RawTextError(text, outermost, "bracket never closed")
