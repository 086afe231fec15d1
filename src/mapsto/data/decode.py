"""Bytes → text. Being silently wrong is the one unforgivable result, so what cannot be told apart is asked for.

A byte order mark decides, or an escape sequence; then UTF-16 where it is obvious; then strict UTF-8. What remains was
written by an older program. Strict decoding rules most encodings out, and how common the characters of each reading are
in the language it would be in separates the rest (naive Bayes over characters). A reading is taken only if it beats every
other by far; otherwise the DataError lists the readings, so that a person sees at a glance which is right.

Of encodings that contain one another the largest is tried (cp949 for euc-kr, gb18030 for gbk, cp950 for big5, cp932 for
shift_jis), as browsers do: https://encoding.spec.whatwg.org/#names-and-labels.

Codes of the errors: D110 no sure reading, D111 damaged UTF-8, D112 not in the encoding that was named, D113 no encoding
of that name.
"""

from __future__ import annotations

import codecs
import encodings
import math
import pkgutil
import re
import unicodedata
from collections import Counter

from mapsto.core.errors import DataError
from mapsto.core.text import clean
from mapsto.data.characters import japanese, korean, simplified, traditional

PREFERENCE = 1.0  # nats by which UTF-8 is the likelier beforehand
MARGIN = 9.0  # nats by which the best reading must beat the next: e^9 ≈ 8000 to 1
FEWEST = 4  # East Asian characters from which a reading is told at all
SAMPLE = 20_000  # non-ASCII characters looked at
CANDIDATES = ("utf-8", "cp949", "euc_kr", "gb18030", "cp950", "cp932", "euc_jp", "cp1252")  # offered in this order


def text_of(data: bytes, encoding: str | None = None, name: str = "") -> tuple[str, str]:
    """The text in `data` and the encoding it was read in ("utf-8", "utf-16-le", "cp949" …), without byte order mark.

    `encoding` is the reader's word for it, followed strictly; `name` is what to call the data in an error.
    DataError: bytes that are not in that encoding, one broken byte in UTF-8 (with its place), or no sure reading.
    """
    name = name or "the text"
    if encoding is not None:
        return _in_named_encoding(data, encoding, name), encoding
    mark, marked = _mark(data)
    if marked:
        return _strictly(data[len(mark) :], marked, name), marked
    escaped = next((encoding for escape, encoding in _ESCAPES.items() if escape in data), None)
    if escaped and data.isascii():
        return _strictly(data, escaped, name), escaped
    wide = _obvious_utf16(data)
    if wide:
        return data.decode(wide), wide
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        _refuse_damaged_utf8(data, error, name)
        return _plausible(data, _place(data, error, "utf-8"), name)
    if not text.isascii() and _may_be_an_accident(data, text):
        raise _unsure(
            _lines_beyond_ascii(data),
            f"{name} is UTF-8 perhaps only by accident, it has so few letters beyond ASCII",
            name,
        )
    return text, "utf-8"


_ESCAPES = {b"\x1b$)C": "iso2022_kr", b"\x1b$B": "iso2022_jp_2", b"\x1b$@": "iso2022_jp_2", b"\x1b$A": "iso2022_jp_2"}
_MARKS = {  # UTF-32 first: its little-endian mark begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


def _mark(data: bytes) -> tuple[bytes, str]:
    """The byte order mark that the data begin with, and its encoding; both empty where there is none."""
    return next(((mark, marked) for mark, marked in _MARKS.items() if data.startswith(mark)), (b"", ""))


def _in_named_encoding(data: bytes, encoding: str, name: str) -> str:
    mark, marked = _mark(data)
    try:
        if not _is_known(encoding):
            raise LookupError(encoding)
        codec = codecs.lookup(encoding).name
        if marked and marked.startswith(codec):
            return _strictly(data[len(mark) :], marked, name)
        if codec == "utf-16":
            codec = _obvious_utf16(data) or codec  # Python takes little-endian where no mark says which
        text = _strictly(data, codec, name)
    except (LookupError, UnicodeError) as error:
        raise DataError(
            f"'{clean(encoding, 40)}' is no text encoding that Python knows.",
            f"Common ones: {', '.join(CANDIDATES)}, utf-16.",
            code="D113",
        ) from error
    if not codec.startswith("utf") and (marked or _is_surely_utf8(data)):
        why = "it begins with that byte order mark" if marked else "no text of another encoding decodes so throughout"
        raise DataError(
            f"{name} is not {encoding} but {marked or 'utf-8'}: {why}.", "Leave --encoding out.", code="D112"
        )
    return text


def _is_known(encoding: str) -> bool:
    """Whether Python has a codec of this name. `codecs.lookup` would try to import a module of any name, also of one in a file."""
    known = {module.name for module in pkgutil.iter_modules(encodings.__path__)} | encodings.aliases.aliases.keys()
    return encoding.isprintable() and re.sub(r"[^a-z0-9]+", "_", encoding.lower()).strip("_") in known


def _is_surely_utf8(data: bytes) -> bool:
    """Whether many characters of three bytes are there and nothing is wrong with them."""
    return _is_utf8(data) and len(re.findall(rb"[\xe0-\xef][\x80-\xbf]{2}", data)) >= 4


def _strictly(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name} is not {encoding} throughout: {_place(data, error, encoding)}.",
            "Name the right encoding with --encoding NAME, or mend that place.",
            code="D112",
        ) from error


def _place(data: bytes, error: UnicodeDecodeError, encoding: str) -> str:
    """Where the first undecodable byte is: line and column count from 1, the column in characters."""
    before = data[: error.start].decode(encoding, errors="replace")
    line_start = max(before.rfind("\n"), before.rfind("\r")) + 1
    line = before.count("\n") + (before.count("\r") if "\n" not in before else 0) + 1
    wrong = " ".join(f"0x{byte:02X}" for byte in data[error.start : error.start + 1]) or "the end"
    return f"line {line}, column {len(before) - line_start + 1} has the byte {wrong}"


def _obvious_utf16(data: bytes) -> str | None:
    """UTF-16 without a mark: its ASCII characters (a table always has some) leave a zero beside them."""
    if not data.count(0) or len(data) % 2:
        return None
    least = 0.4 if _is_utf8(data) else 0.05  # zeros in an otherwise fine UTF-8 file are damage, not UTF-16
    fits = []
    for encoding in ("utf-16-le", "utf-16-be"):
        text = _decoded(data, encoding)
        if text is not None and not _strange(text) and len(re.findall("[\t-\x7f]", text)) >= least * len(text):
            fits.append(encoding)
    return fits[0] if len(fits) == 1 else None


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _refuse_damaged_utf8(data: bytes, error: UnicodeDecodeError, name: str) -> None:
    """DataError where nearly all of it is UTF-8. In text of another encoding, valid sequences are rare accidents."""
    text = data.decode("utf-8", errors="surrogateescape")
    bad = len(re.findall("[\udc80-\udcff]", text))
    good = len(re.findall("[^\x00-\x7f\udc80-\udcff]", text))
    wide = len(re.findall("[^\x00-\u07ff\udc80-\udcff]", text))
    if good > 2 * bad and (wide > 2 or good >= 8):  # a few pairs of bytes may be an accident
        raise DataError(
            f"{name} is UTF-8 but for {'one byte' if bad == 1 else f'{bad} bytes'}: {_place(data, error, 'utf-8')}.",
            "Mend that place, or save the file as UTF-8 again; if it is in another encoding, say --encoding NAME.",
            code="D111",
        ) from error


def _may_be_an_accident(data: bytes, text: str) -> bool:
    """Whether UTF-8 that decodes may still be something else: of pairs of bytes of an older encoding, one in seven does."""
    spots = [match.start() for match, _ in zip(re.finditer(r"[^\x00-\x7f]", text), range(8), strict=False)]
    if len(spots) == 8:
        return False
    lines = _lines_beyond_ascii(data)
    asian = max(_asian_scores(lines, _distinct_words(lines)).values(), default=-math.inf)
    return asian > _utf8_score(text, spots) + PREFERENCE


def _utf8_score(text: str, spots: list[int]) -> float:
    """Log-probability of the few letters at `spots`, in whatever languages fit them best; −∞ if no one writes so."""
    if _strange(text) or any(_mixes_scripts(word) for word in re.findall(r"[^\W\d_]*[\x80-\u07ff][^\W\d_]*", text)):
        return -math.inf
    wide = [text[at] for at in spots if text[at] >= "\u0800"]
    narrow = [at for at in spots if text[at] < "\u0800"]
    score = sum(math.log(max(chance(c) for chances in _CHANCES.values() for chance in chances)) for c in wide)
    foreign = len(spots) < 3 and any(text[at] > "ɏ" for at in narrow)
    cells = re.findall(r'(?<![^,;\t\r\n"])[\x80-\u07ff]+(?![^,;\t\r\n"])', text)
    if foreign or any(not cell.isalpha() or min(cell) <= "ɏ" for cell in cells):
        return score + len(narrow) * _MISFIT  # no word: accents without a plain letter beside them, or one Greek letter
    languages = dict(item for letters in (_WESTERN, _EASTERN, *_RIVALS.values()) for item in letters.items())
    return score + _best_language([_kind(text, at) for at in narrow], languages)


def _mixes_scripts(word: str) -> bool:
    """Whether letters of several alphabets stand in one word: accidents do. "kΩ" and "µm" are no words."""
    alphabets = {
        unicodedata.name(c, "?").split()[0] for c in word if c.isalpha() and "\x80" <= c < "\u0800" and c != "µ"
    }
    return len(alphabets) > 1


def _lines_beyond_ascii(data: bytes) -> bytes:
    """What has to be decoded to know an encoding; no character of the encodings in question goes over a line's end."""
    return b"\n".join(line for line in data.split(b"\n") if not line.isascii())


def _distinct_words(data: bytes) -> bytes:
    """What there is to judge by: a word that comes often is not more evidence. No character is split."""
    return b"\n".join(dict.fromkeys(word for word in re.split(rb'[\s,;"]+', data) if not word.isascii()))


def _plausible(data: bytes, place: str, name: str) -> tuple[str, str]:
    """The one reading in an older encoding that is far more likely than all others, or a DataError that lists them."""
    lines = _lines_beyond_ascii(data)
    sample = _distinct_words(lines)
    scores = _asian_scores(lines, sample)
    likely = [encoding for encoding in (_asian(scores, sample), _western(lines, sample, scores)) if encoding]
    if len(likely) == 1:
        return data.decode(likely[0]), likely[0]
    raise _unsure(lines, f"{name} is not UTF-8 ({place}), and which encoding it is in cannot be told for sure", name)


def _unsure(data: bytes, why: str, name: str) -> DataError:
    return DataError(
        f"{why}. It could read:\n"
        + "\n".join(f"    {encoding:<10} {seen}" for encoding, seen in _samples(data).items()),
        "Say which reads right: --encoding NAME (or save the file as UTF-8).",
        code="D110",
    )


def _decoded(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _spots(text: str) -> list[int]:
    """Where the first non-ASCII characters are."""
    return [match.start() for match, _ in zip(re.finditer(r"[^\x00-\x7f]", text), range(SAMPLE), strict=False)]


def _samples(data: bytes) -> dict[str, str]:
    """What the first lines beyond ASCII look like in each encoding that decodes the data, then in those that nearly do."""
    lines = [line for line in re.split(rb"[\r\n]+", data[:1_000_000]) if not line.isascii()][:2]
    whole, nearly, texts = {}, {}, set()
    for encoding in (*CANDIDATES, "cp1250", "cp1251", "cp850", "mac_roman"):
        text = data.decode(encoding, errors="replace")
        sample = " ⏎ ".join(line.decode(encoding, errors="replace")[:30] for line in lines)
        bad, letters = text.count("\ufffd"), len(text) - len(text.encode("ascii", errors="ignore"))
        if not bad and text not in texts:
            whole[encoding] = sample
            texts.add(text)
        elif bad and 20 * bad <= letters:
            nearly[encoding] = f"{sample}   (but {'one byte is' if bad == 1 else f'{bad} bytes are'} not)"
    return whole | nearly


def _strange(text: str) -> bool:
    """Whether there are characters that no one writes: controls, private use, unassigned."""
    seen = set(text) - {"\t", "\n", "\r", "\f"}
    return any(unicodedata.category(c) in ("Cc", "Co", "Cn", "Cs") or c == "\ufffd" for c in seen)


# ── East Asian encodings ────────────────────────────────────────────────────────────────────────────────────────────

_ASIAN = ("cp949", "cp950", "cp932", "euc_jp", "gb18030")
_NOISE = math.log(3e-5)  # a character of a reading that is no language at all


def _asian_scores(data: bytes, sample: bytes) -> dict[str, float]:
    """Log-probability of the non-ASCII characters of `sample` in each encoding that all of `data` can be in."""
    scores = {}
    for encoding in _ASIAN:
        text = _decoded(sample, encoding)
        if encoding == "cp949" and text is not None and "\u3164" in text and _decoded(data, "euc_kr") is not None:
            encoding, text = "euc_kr", sample.decode("euc_kr")  # it spells rare syllables in four parts
        whole = _decoded(data, encoding)
        if text is not None and whole is not None and not _strange(whole):
            seen = Counter(text[at] for at in _spots(text))
            scores[encoding] = max(
                sum(count * math.log(chance(c)) for c, count in seen.items()) for chance in _CHANCES[encoding]
            )
    return scores


def _asian(scores: dict[str, float], sample: bytes) -> str | None:
    """The East Asian encoding whose reading of `sample` beats all others by far."""
    best = max(scores, key=lambda encoding: scores[encoding], default=None)
    if best is None or len(_spots(sample.decode(best))) < FEWEST:
        return None
    rivals = [score for encoding, score in scores.items() if encoding != best]
    rivals += [_single_byte_score(sample, encoding, languages) for encoding, languages in _RIVALS.items()]
    rivals.append(len(_spots(sample.decode(best))) * _NOISE)
    return best if scores[best] > max(rivals) + MARGIN else None


_CHANCES = {
    "cp949": (korean,),
    "euc_kr": (korean,),
    "cp950": (traditional,),
    "cp932": (japanese,),
    "euc_jp": (japanese,),
    "gb18030": (simplified, traditional),
}


# ── Western encodings ───────────────────────────────────────────────────────────────────────────────────────────────

_WESTERN = {  # letter: weight among the accented letters of running text, a rough per mille; only their ratios matter
    "French": "é60 à15 è12 ê6 ç4 ô1.2 î1 û1 â1.5 ù1 ï.5 ë.5 œ.8 ü.1 æ.05",
    "German": "ü35 ä30 ö17 ß16 é1",
    "Spanish": "ó30 í26 á18 é16 ñ12 ú7 ü.5",
    "Portuguese": "ã24 ç18 é15 á15 í11 ê10 ó9 õ7 ú6 â5 à4 ô3 ü.2",
    "Italian": "è30 à30 ò15 ù12 ì10 é3",
    "Swedish": "ä50 å25 ö24 é1",
    "Danish": "å33 ø31 æ20 é2 ö.3",
    "Dutch": "é35 ë35 ï12 è5 ö5 ü5 ê1 á1 ó1",
    "Catalan": "à30 é20 è20 ó25 í15 ç8 ò8 ú6 ï4 ü2",
    "several": "á3 à3 â3 ä3 ã3 å3 ç3 é3 è3 ê3 ë3 í3 î3 ï3 ñ3 ó3 ô3 ö3 õ3 ø3 ú3 ù3 û3 ü3 ß3 æ3 œ3",
}
_EASTERN = {
    "Polish": "ł18 ó8.5 ą10 ę11 ś7 ż8 ć4 ń2 ź.6",
    "Czech": "í33 á22 ě16 é13 ř12 č9.5 ž10 š8 ý10 ů7 ú1.5 ť.4 ď.2 ň.1 ó.3",
    "Slovak": "á20 í10 é9 ý9 č10 š8 ž9 ú8 ť5 ľ4 ô2 ň2 ä1.5 ď2 ó1 ŕ.1 ĺ.1",
    "Hungarian": "é39 á34 ö10 ó10 ő9 í6 ü6 ú3 ű2",
    "Croatian": "č10 š9 ž6 ć7 đ3",
    "Romanian": "ă21 î11 â6 ş11 ţ10",
}
_CYRILLIC = {
    "Russian": "о110 е85 а80 и74 н67 т63 с55 р47 в45 л43 к35 м32 д30 п28 у26 я20 ы19 ь17 г17 з16 б16 ч14 й12 х10 ж9 ш7 "
    "ю6 ц5 щ4 э3 ф3 ъ.4 ё.4"
}
_RIVALS = {
    "cp1250": _EASTERN,
    "iso8859_2": _EASTERN,
    "cp1254": {"Turkish": "ı51 ü19 ş18 ğ11 ç12 ö8 â.1 î.1 i5 İ5"},
    "cp1257": {"Lithuanian": "ė17 š13 ž9 ų13 ū6 į6 ą6 č5 ę2", "Latvian": "ā40 ī17 ē16 š11 ū7 ņ5 ļ4 ž3 ķ2 č1 ģ1"},
    "cp850": _WESTERN,
    "mac_roman": _WESTERN,
    "iso8859_15": _WESTERN,
    "cp1251": _CYRILLIC,
    "koi8_r": _CYRILLIC,
    "cp866": _CYRILLIC,
    "cp1253": {"Greek": " ".join(f"{c}1" for c in "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώ")},
}
_MISFIT = math.log(1e-5)  # a letter or sign where no one would write it
_SIGN = math.log(1e-2)
_CAPITAL = math.log(0.1)
_INSIDE_A_WORD = re.compile(r"[A-Za-z][À-ÖØ-öø-ÿŒœ]|[À-ÖØ-öø-ÿŒœ][A-Za-z]|\w’\w|“\w|\d ?[°€]|°[CF]|[£€]\d")
_ENGLISH_OR_ELIDED = re.compile(r"(?i)(\w’(s|t|re|ve|ll|d|m)\b|\b(l|d|j|n|s|c|m|t|qu)’\w)")


def _western(data: bytes, sample: bytes, asian: dict[str, float]) -> str | None:
    """ "cp1252" where that is sure: one western language fits, and no other reading comes near."""
    text, whole = _decoded(sample, "cp1252"), _decoded(data, "cp1252")
    fits = (
        whole is not None
        and not _strange(whole)
        and _reads_western(sample, text, max(asian.values(), default=-math.inf))
    )
    return "cp1252" if fits else None


def _reads_western(sample: bytes, text: str, asian: float) -> bool:
    spots = _spots(text)
    kinds = [_kind(text, at) for at in spots]
    if "misfit" in kinds or re.search(r"[À-ÖØ-öø-ÿŒœ]{3}", text):
        return False
    accented = set(re.findall(r"[A-Za-z]*[À-ÖØ-öø-ÿŒœŠšŽž][A-Za-zÀ-ÖØ-öø-ÿŒœŠšŽž]*", text))
    if 2 * sum(re.search("[A-Za-z]{2}", word) is not None for word in accented) < len(accented):
        return False  # hardly a plain letter between them: second bytes of something else
    if re.search(r"(?<![^\W\d])[À-ÖØ-öø-ÿŒœŠšŽž]{2}(?![^\W\d])", text) or not _INSIDE_A_WORD.search(text):
        return False  # whole words of accented letters: Cyrillic, Greek, Hebrew …
    mine = _best_language(kinds, _WESTERN)
    if mine < max(len(kinds) * math.log(2e-3), asian + MARGIN):
        return False
    return all(
        _decoded(sample, encoding) == text or _single_byte_score(sample, encoding, languages) < mine - MARGIN
        for encoding, languages in _RIVALS.items()
    )


def _single_byte_score(data: bytes, encoding: str, languages: dict[str, str]) -> float:
    """Log-probability of the non-ASCII bytes in the language of `encoding` that fits best; −∞ if it cannot be."""
    text = _decoded(data, encoding)
    if text is None or _strange(text):
        return -math.inf
    return _best_language([_kind(text, at) for at in _spots(text)], languages)


def _kind(text: str, at: int) -> str:
    """What stands at `at`: the letter, "sign" where a sign is at home, or "misfit"."""
    c, before, after = text[at], text[at - 1 : at], text[at + 1 : at + 2]
    if c.isalpha() and c not in "ªºµƒˆ":
        wrong_case = (c.isupper() and before.islower()) or (c.islower() and after.isupper())
        other_script = c > "ɏ" and re.search("[A-Za-z]", before + after)
        return "misfit" if wrong_case or other_script else c
    apart_before, apart_after = not before.isalnum(), not after.isalnum()
    at_home = {
        "’": bool(_ENGLISH_OR_ELIDED.search(text[max(at - 3, 0) : at + 4])) or (before.isalpha() and apart_after),
        "‘": apart_before and after.isalnum(),
        "“": (apart_before and not after.isspace()) or apart_after,  # opens in English, closes in German
        "„": apart_before,
        "”": not before.isspace() and apart_after,
        "–": apart_before == apart_after or before.isdigit(),
        "—": apart_before == apart_after,
        "…": apart_after,
        "€": before.isdigit() or after.isdigit() or (apart_before and apart_after),
        "£": after.isdigit(),
        "§": apart_before,
        "°": before.isdigit() or before.isspace(),
        "²": before == "m",
        "³": before == "m" and apart_after,
        "µ": apart_before and after in "gmsLlAVF",
        "\xa0": apart_before or apart_after,
        "«": apart_before,
        "»": apart_after,
        "¿": apart_before,
        "¡": apart_before,
        "½": apart_after,
        "º": before.isdigit(),
        "ª": before.isdigit(),
        "©": apart_before,
        "®": apart_after,
        "™": apart_after,
        "•": apart_before and apart_after,
        "·": apart_before == apart_after,
        "±": apart_before or before.isdigit(),
        "×": apart_before == apart_after or before.isdigit(),
    }
    return "sign" if at_home.get(c, False) else "misfit"


def _best_language(kinds: list[str], languages: dict[str, str]) -> float:
    """Log-probability of these letters and signs in the language that fits them best."""
    counts = Counter(kinds)
    best = -math.inf
    for letters in languages.values():
        weights = {word[0]: float(word[1:]) for word in letters.split()}
        whole = sum(weights.values())
        chance = {letter: math.log(weight / whole) for letter, weight in weights.items()} | {"sign": _SIGN}
        chance |= {letter.upper(): chance[letter] + _CAPITAL for letter in weights}
        best = max(best, sum(count * chance.get(kind, _MISFIT) for kind, count in counts.items()))
    return best
