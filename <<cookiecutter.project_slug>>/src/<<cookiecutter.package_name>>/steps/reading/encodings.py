"""Find out the encoding of a text file, or refuse to guess."""

import codecs
import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import IO

WESTERN = "cp1252"
BLOCK = 1 << 20
MOST_ODD = 1 << 16  # bytes of lines that are not ASCII, from which an encoding is judged
MOST_FOREIGN = 0.1  # share of words that no Western language has
PUNCTUATION = "\u2018\u2019\u201c\u201d\u2013\u2014\u2026\u2022«»\xa0´·"
JOINING = "\u2018\u2019\u2013\u2014\xb7´-"  # between the letters of one word
ALONE = set("°€£¥§²³¹µ½¼¾×±©®ª÷¬ØøÀàÈèÉéÓóÔôÅåÄäÖöÜüÚú")
ALPHABETS = [
    set("äöüß"),
    set("àâæçéèêëîïôœùûüÿ"),
    set("áéíñóúüçàèòïªº"),
    set("àèéìíîòóùú"),
    set("ãáâàçéêíõóôúü"),
    set("åäöéæøüà"),
    set("áðéíóúýþæö"),
    set("áàäâéèëêíïóöôúüûç"),
]
# How well-known other encodings are recognised: the names of their characters, or the lead bytes of frequent ones.
SINGLE = {
    "cp1251": "CYRILLIC",
    "koi8_r": "CYRILLIC",
    "cp1253": "GREEK",
    "cp1255": "HEBREW",
    "cp1256": "ARABIC",
    "cp866": "CYRILLIC",
    "iso8859_5": "CYRILLIC",
}
# Where two fit equally well, the first is the likelier: its frequent bytes are fewer.
DOUBLE = {
    "cp932": (range(0x82, 0x98),),
    "euc_kr": (range(0xB0, 0xC9),),
    "euc_jp": (range(0xA4, 0xA6), range(0xB0, 0xD0)),
    "gbk": (range(0xB0, 0xD8),),
    "big5": (range(0xA4, 0xC7),),
}
CENTRAL = {
    "cp1250": "ąćęłńóśźżáčďéěíňřšťúůýžöőüűäôľĺŕăâîșțşţđß",
    "iso8859_2": "ąćęłńóśźżáčďéěíňřšťúůýžöőüűäôľĺŕăâîșțşţđß",
    "cp1254": "çğıöşüİâîû",
    "cp1257": "ąčęėįšųūžāēģīķļņõäöü",
    "mac_roman": "àâäçéèêëîïñóôöùûüßáíúåæø",
    "cp850": "àâäçéèêëîïñóôöùûüßáíúåæø",
}
OTHERS = (*DOUBLE, *SINGLE, *CENTRAL, WESTERN)


class Unreadable(ValueError):
    """A file that cannot be read without a word from its owner; the text completes "the file ..."."""


class Headless(Unreadable):
    """A table whose first row looks like data; the text completes "the file ..."."""

    def __init__(self, first: Sequence[str], width: int) -> None:
        shown = ", ".join(cell.strip()[:20] for cell in first[:5]) + (", ..." if len(first) > 5 else "")
        super().__init__(
            f"has no header, it seems: its first row ({shown}) looks like data; write `read: {{header: null}}` if it "
            f"has none, which calls its columns column_1 to column_{width}, or `read: {{header: 0}}` if these are names"
        )
        self.shown, self.width = shown, width


def encoding_of(file: IO[bytes]) -> str:
    """Return the encoding of a text file, read to its end: UTF-8, UTF-16, UTF-32 or Windows' Western one.

    Parameters
    ----------
    file : binary file
        The file, at its beginning.

    Raises
    ------
    Unreadable
        If it holds binary data, or text in an encoding that is neither Unicode nor plausibly Western.
    """
    head = file.read(BLOCK)
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in head:
        return _wide(head)
    decoder, odd = codecs.getincrementaldecoder("utf-8")(), b""
    valid, block, rest = True, head, b""
    while block:
        if valid:
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                valid = False
        if len(odd) < MOST_ODD and not block.isascii():
            *lines, rest = (rest + block).splitlines(keepends=True)
            odd += b"".join(line for line in (*lines, rest) if not line.isascii())
        block = file.read(BLOCK)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        valid = False
    if valid:
        return "utf-8-sig"
    odd = odd[: 2 * MOST_ODD]
    if is_western(odd):
        return WESTERN
    likely, text = _likely(odd)
    best = f"; it may be `read: {{encoding: {likely[0]}}}`, which reads {text!r}" if likely else ""
    others = ", ".join(one for one in OTHERS if one not in likely[:1])
    raise Unreadable(
        f"is neither in UTF-8 nor in a Western encoding{best}; "
        f"name the encoding with `read: {{encoding: ...}}`, such as {others}, or save the file in UTF-8"
    )


def _wide(head: bytes) -> str:
    """Return which UTF-16 without a mark it is, judged by where the zero bytes of ASCII characters are.

    UTF-16 has an even number of bytes, and a table has more than one line.
    """
    even, odd = head[::2].count(0), head[1::2].count(0)
    for encoding, zeros, others in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if len(head) % 2 == 0 and zeros > 0.1 * len(head) / 2 and others <= 0.02 * zeros:
            try:
                text = head.decode(encoding)
            except UnicodeDecodeError:
                continue
            strange = (one for one in text[:5000] if unicodedata.category(one) in ("Cc", "Cn", "Co"))
            if len(text.splitlines()) > 1 and all(one in "\t\r\n" for one in strange):
                return encoding
    raise Unreadable("is no text file: it holds binary data")


def is_western(content: bytes) -> bool:
    """Whether the words that are not ASCII look like those of a Western language in Windows' encoding."""
    words = set(re.findall(r"[0-9A-Za-z\u0080-\uffff]+", content.decode(WESTERN, errors="replace")))
    odd = [word for word in words if not word.isascii()]
    return sum(not _is_western_word(word) for word in odd) <= MOST_FOREIGN * len(odd)


def _is_western_word(word: str) -> bool:
    for before, character in pairwise(word):
        if before.isalpha() and character in "\u201a\u201e\u201d\u2039\u203a\u2030\u2020\u2021\u02c6\u02dc":
            return False
    core = word.strip(PUNCTUATION + "\u201a\u201e")
    if core.isascii():
        return True
    if not re.search("[0-9A-Za-z]", core):
        return all(part in ALONE or part.lower() in ("été", "") for part in re.split(f"[{PUNCTUATION}]", core))
    for before, character, after in zip(core, core[1:], core[2:], strict=False):
        symbol = not character.isascii() and not character.isalpha() and character not in JOINING
        if symbol and before.isalpha() and after.isalpha():
            return False
    letters = {one for one in core.lower() if one.isalpha() and not one.isascii()} - {"µ", "ª", "º"}
    if re.search("õ(?![eE])", core):  # Portuguese has it before an e alone; otherwise it is Hungarian, misread.
        return False
    return any(letters <= alphabet for alphabet in ALPHABETS)


def _likely(content: bytes) -> tuple[list[str], str]:
    """Return the encodings in which the text makes sense, the likeliest first, and a piece of it."""
    scores = {}
    for encoding in OTHERS[:-1]:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError as error:
            if error.start < len(content) - 3:
                continue
            text = content[: error.start].decode(encoding)
        odd = [one for one in text if not one.isascii()]
        scores[encoding] = sum(_is_expected(one, encoding) for one in odd) / max(len(odd), 1) - _swapped(text)
    likely = sorted((one for one, score in scores.items() if score > 0.7), key=lambda one: -scores[one])
    if not likely:
        return [], ""
    found = re.search(r"[^\W\d_]*[^\W\d_\x00-\x7f]+[^\W\d_]*", content.decode(likely[0], errors="ignore"))
    return likely, found[0][:20] if found else ""


def _is_expected(character: str, encoding: str) -> bool:
    if encoding in DOUBLE:
        lead = character.encode(encoding)[0]
        return any(lead in common for common in DOUBLE[encoding])
    if encoding in SINGLE:
        return SINGLE[encoding] in unicodedata.name(character, "")
    return character.lower() in CENTRAL[encoding]


def _swapped(text: str) -> float:
    """Return the share of words in which a capital follows a small letter, as in Cyrillic or Greek that is misread."""
    words = re.findall(r"[^\W\d_]{2,}", text)
    odd = [word for word in words if not word.isascii()]
    swapped = [word for word in odd if any(one.islower() and after.isupper() for one, after in pairwise(word))]
    return len(swapped) / max(len(odd), 1)
