"""Bytes → text. Being silently wrong is the one unforgivable result, so what cannot be told apart is asked for.

A byte order mark decides; then strict UTF-8; then UTF-16 where it is obvious. What remains was written by an older
program. Strict decoding rules most encodings out, and how common the characters of each reading are in the language
it would be in separates the rest (naive Bayes over characters). A reading is taken only if it beats every other by
far; otherwise the DataError lists the readings, so that a person sees at a glance which is right.
"""

from __future__ import annotations

import codecs
import math
import re
import unicodedata
from collections import Counter

from mapsto.core.errors import DataError

MARGIN = 7.0  # nats by which the best reading must beat the next: e^7 ≈ 1000 to 1
SAMPLE = 20_000  # non-ASCII characters looked at
CANDIDATES = ("cp949", "big5", "shift_jis", "euc_jp", "gb18030", "cp1252")  # offered to the reader, in this order


def text_of(data: bytes, encoding: str | None = None, name: str = "") -> tuple[str, str]:
    """The text in `data` and the encoding it was read in ("utf-8", "utf-16-le", "cp949" …), without byte order mark.

    `encoding` is the reader's word for it, followed strictly; `name` is what to call the data in an error.
    DataError: bytes that are not in that encoding, one broken byte in UTF-8 (with its place), or no sure reading.
    """
    name = name or "the text"
    if encoding is not None:
        return _in_named_encoding(data, encoding, name), encoding
    for mark, marked in _MARKS.items():
        if data.startswith(mark):
            return _strictly(data[len(mark) :], marked, name), marked
    wide = _obvious_utf16(data)
    if wide:
        return data.decode(wide), wide
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        _refuse_damaged_utf8(data, error, name)
        return _plausible(data, error, name)


_MARKS = {  # UTF-32 first: its little-endian mark begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


def _in_named_encoding(data: bytes, encoding: str, name: str) -> str:
    try:
        codec = codecs.lookup(encoding).name
        for mark, marked in _MARKS.items():
            if data.startswith(mark) and marked.startswith(codec):
                return _strictly(data[len(mark) :], marked, name)
        return _strictly(data, codec, name)
    except LookupError as error:
        raise DataError(
            f"'{encoding}' is no text encoding that Python knows.",
            f"Common ones: utf-8, utf-16, {', '.join(CANDIDATES)}.",
        ) from error


def _strictly(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name} is not {encoding} throughout: {_place(data, error, encoding)}.",
            "Name the right encoding with --encoding NAME, or mend that place.",
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
    if good > 2 * bad:
        raise DataError(
            f"{name} is UTF-8 but for {'one byte' if bad == 1 else f'{bad} bytes'}: {_place(data, error, 'utf-8')}.",
            "Mend that place, or save the file as UTF-8 again; if it is in another encoding, say --encoding NAME.",
        ) from error


def _plausible(data: bytes, error: UnicodeDecodeError, name: str) -> tuple[str, str]:
    """The one reading in an older encoding that is far more likely than all others, or a DataError that lists them."""
    words = dict.fromkeys(word for word in re.split(rb'[\s,;"]+', data) if not word.isascii())
    sample = b"\n".join(words)  # a word that comes often is not more evidence, and no second byte is split off
    likely = [encoding for encoding in (_asian(data, sample), _western(data, sample)) if encoding]
    if len(likely) == 1:
        return data.decode(likely[0]), likely[0]
    raise DataError(
        f"{name} is not UTF-8 ({_place(data, error, 'utf-8')}), and which encoding it is in cannot be told for sure. "
        "It could read:\n" + "\n".join(f"    {encoding:<10} {seen}" for encoding, seen in _samples(data).items()),
        "Say which reads right: --encoding NAME (or save the file as UTF-8).",
    ) from error


def _decoded(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _spots(text: str) -> list[int]:
    """Where the first non-ASCII characters are."""
    return [match.start() for match, _ in zip(re.finditer(r"[^\x00-\x7f]", text), range(SAMPLE), strict=False)]


def _samples(data: bytes) -> dict[str, str]:
    """What the first lines with a non-ASCII byte look like in each candidate encoding that decodes all of the data."""
    lines = [line for line in re.split(rb"[\r\n]+", data[:1_000_000]) if not line.isascii()][:2]
    texts = {encoding: _decoded(data, encoding) for encoding in (*CANDIDATES, "cp1250", "cp1251", "cp850", "mac_roman")}
    return {
        encoding: " ⏎ ".join(line.decode(encoding, errors="replace")[:30] for line in lines)
        for encoding, text in texts.items()
        if text is not None
    }


def _strange(text: str) -> bool:
    """Whether there are characters that no one writes: controls, private use, unassigned."""
    seen = set(text) - {"\t", "\n", "\r", "\f"}
    return any(unicodedata.category(c) in ("Cc", "Co", "Cn", "Cs") or c == "\ufffd" for c in seen)


# ── East Asian encodings ────────────────────────────────────────────────────────────────────────────────────────────

_ASIAN = ("cp949", "big5", "shift_jis", "euc_jp", "gb18030")
_NOISE = math.log(3e-5)  # a character of a reading that is no language at all

_KOREAN = set(  # the most frequent syllables of running text, then those of names, places and forms
    "이다는고지화영하가도아에나기한보어의만은리서로게을라요니들인그재시무스데미없정대있사면마해말점진네음를자주수감연내전으"
    "거우좋장너작안여었오드상까짜생적야제것봤부간더같최일했개동구중성과모평소런본건밌신와않배러비분할았되히때던치운각잘공려랑"
    "유습용실세남토국래루느터레저함명못난조왜디독반알봐겠르람볼듯애물입심임원싶걸막금쓰편든역바력악노준별타처현좀단름였예년많선"
    "버두트번문완당위망션추끝코억체울웃참줄결속극품발후살설긴출불질워직린경절눈계죽차식따강길군넘님초메교방답청행합회날판"
    "김박윤임한오서신권황송류홍문손배백허유남노곽성차주우민구지엄채원천방공현철수희숙순옥준호훈석민별녀산광울북충특읍면층값액량품"
)
_TRADITIONAL = set(
    "的一是不了人我在有他這中大來上國個到說們為子和你地出道也時年得就那要下以生會自著去之過家學對可她里後小心多天而能好都"
    "然沒日于起還發成事只作當想看文無開手十用主行方又如前所本見經頭面公同三已老從動兩長知民樣現分將外但身些與高意進把法此"
    "實回二理美點月明其種聲全工己話兒者向情部正名定女問力機給等幾很業最間新什打便位因重被走電四第門相次東政海口使教西再平真"
    "聽世氣信北少關並內加化由卻代軍產入先山五太水萬市台灣男性別齡姓歲區縣路號街樓陳林黃張李王吳劉蔡楊許鄭謝郭洪邱曾廖賴"
    "否值格價期量率類型項目標題評論喜歡電影書店品牌日期時間地址城市臺北高雄南中花蓮"
)
_SIMPLIFIED = set(
    "的一是不了人我在有他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么心多天而能好都"
    "然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知民样现分将外但身些与高意进把法此"
    "实回二理美点月明其种声全工己话儿者向情部正名定女问力机给等几很业最间新什打便位因重被走电四第门相次东政海口使教西再平真"
    "听世气信北少关并内加化由却代军产入先山五太水万市场男性别龄姓岁区县路号街楼陈林黄张李王吴刘蔡杨许郑谢郭洪赵周徐孙马朱胡"
    "否值格价期量率类型项目标题评论喜欢影书店品牌址城京深圳广州"
)
_JAPANESE = set(
    "日一国人年大十二本中長出三同時政事自行社見月分議後前民生連五発間対上部東者党地合市業内相方四定今回新場金員九入選立開手米"
    "力学問高代明実円関決子動京全目表戦経通外最言氏現理調体化田当八六約主題下首意法不来作性的要用制治度務強気小七成期公野協取"
    "都和統以機平総加山思家話世受区領多県続進正安設保改数記院女初北午指権心界支第産結百派点教報済書府活原先共得解名交資予川向際"
    "男性別齢姓歳佐藤鈴木高橋渡辺伊村林加清町駅号値"
)


def _asian(data: bytes, sample: bytes) -> str | None:
    """The East Asian encoding whose reading of `sample` beats all others by far, if `data` is in it throughout."""
    scores = {}
    for encoding in _ASIAN:
        text = _decoded(sample, encoding)
        if encoding == "cp949" and text is not None and "\u3164" in text and _decoded(data, "euc_kr") is not None:
            encoding, text = "euc_kr", sample.decode("euc_kr")  # it spells rare syllables in four parts
        whole = _decoded(data, encoding)
        if text is not None and whole is not None and not _strange(whole):
            scores[encoding] = (_asian_score(text, encoding), len(_spots(text)) * _NOISE)
    if not scores:
        return None
    best = max(scores, key=lambda encoding: scores[encoding][0])
    score, noise = scores.pop(best)
    rivals = [noise, *(other for other, _ in scores.values())]
    rivals += [_single_byte_score(sample, encoding, languages) for encoding, languages in _RIVALS.items()]
    return best if score > max(rivals) + MARGIN else None


def _asian_score(text: str, encoding: str) -> float:
    """Log-probability of the non-ASCII characters of `text`, were it written in a language of `encoding`."""
    seen = Counter(text[at] for at in _spots(text))
    return sum(count * math.log(_asian_chance(c, encoding)) for c, count in seen.items())


def _asian_chance(c: str, encoding: str) -> float:
    """How often a character turns up: shares of running text, spread evenly over each class of characters."""
    if "\u3000" <= c <= "\u3011" or "\uff01" <= c <= "\uff5e" or c in "‘’“”…·—":
        return 1e-3  # punctuation that they share
    lead = c.encode("cp949" if encoding == "euc_kr" else encoding)[0]
    if encoding in ("cp949", "euc_kr"):
        if "가" <= c <= "힣":
            in_standard = 0xB0 <= lead <= 0xC8 and c.encode("cp949")[1] >= 0xA1  # the 2350 of KS X 1001
            return 2.6e-3 if c in _KOREAN else 1e-4 if in_standard else 2e-6
        return 2e-3 if c in "ㅋㅎㅠㅜㅇㄷㅡ" else 2e-4 if "ㄱ" <= c <= "ㅣ" else 3e-6
    if encoding in ("shift_jis", "euc_jp"):
        if "ぁ" <= c <= "ん":
            return 6e-3
        if "ァ" <= c <= "ー":
            return 1.7e-3
        common = "一" <= c <= "鿿" and 0xB0 <= _euc_jp_lead(c) <= 0xCF  # level 1 of JIS X 0208
        return 1.2e-3 if c in _JAPANESE else 6e-5 if common else 1e-6
    if encoding == "big5":
        return 1.6e-3 if c in _TRADITIONAL else 6e-5 if 0xA4 <= lead <= 0xC6 else 2e-6  # level 1: 5401 characters
    written = c.encode(encoding)
    common = len(written) == 2 and 0xB0 <= lead <= 0xD7 and written[1] >= 0xA1  # level 1 of GB 2312: 3755
    return 1.6e-3 if c in _SIMPLIFIED else 8e-5 if common else 1e-6


def _euc_jp_lead(c: str) -> int:
    try:
        return c.encode("euc_jp")[0]
    except UnicodeEncodeError:
        return 0


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
    "cp1254": {"Turkish": "ı51 ü19 ş18 ğ11 ç12 ö8 â.1 î.1 i5"},
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


def _western(data: bytes, sample: bytes) -> str | None:
    """ "cp1252" where that is sure: one western language fits, and no other reading comes near."""
    text, whole = _decoded(sample, "cp1252"), _decoded(data, "cp1252")
    return "cp1252" if whole is not None and not _strange(whole) and _reads_western(sample, text) else None


def _reads_western(sample: bytes, text: str) -> bool:
    spots = _spots(text)
    kinds = [_kind(text, at) for at in spots]
    if "misfit" in kinds or re.search(r"[À-ÖØ-öø-ÿŒœ]{3}", text):
        return False
    if re.search(r"(?<![^\W\d])[À-ÖØ-öø-ÿŒœŠšŽž]{2}(?![^\W\d])", text) or not _INSIDE_A_WORD.search(text):
        return False  # whole words of accented letters: Cyrillic, Greek, Hebrew …
    mine = _best_language(kinds, _WESTERN)
    if mine < len(kinds) * math.log(2e-3):
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
        wrong_case = c.isupper() and before.islower()
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
