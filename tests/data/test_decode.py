"""Bytes → text: read right, or refused with the candidates; never mojibake."""

import codecs

import pytest

from mapsto.core.errors import DataError
from mapsto.data.decode import text_of

KOREAN = "이름,나이,성별,도시\n김철수,25,남,서울\n이영희,30,여,부산\n박민수,41,남,대구\n"
TRADITIONAL = "姓名,年齡,性別,城市\n王小明,30,男,台北\n陳美華,25,女,高雄\n"
SIMPLIFIED = "姓名,年龄,性别,城市\n王小明,30,男,北京\n李华,25,女,上海\n张伟,41,男,广州\n这个电影很好看,我们都喜欢\n"
JAPANESE = "名前,年齢,感想\n山田太郎,30,とても面白い映画でした\n佐藤花子,25,あまり好きではない\n"
FRENCH = "prénom,âge,avis\nHélène,30,très bon élève\nFrançois,25,déjà vu à l’école\nZoé,41,ça a été une fête\n"
GERMAN = "Name,Größe,Stadt\nMüller,klein,München\nJäger,groß,Köln\nSchröder,mittel,Düsseldorf\n"
POLISH = "imię,nazwisko,miasto\nŁukasz,Woźniak,Łódź\nJózef,Dąbrowski,Kraków\nMałgorzata,Król,Gdańsk\n"
CZECH = "jméno,příjmení,město\nJiří,Dvořák,Plzeň\nTomáš,Kučera,Brno\n"
RUSSIAN = "имя,возраст,город\nИван,30,Москва\nОльга,25,Казань\n"


@pytest.mark.parametrize(
    "encoding", ["cp949", "euc-kr", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_korean_is_read_right_in_every_encoding_it_is_written_in(encoding):
    text, used = text_of(KOREAN.encode(encoding))
    assert text == KOREAN
    assert used.startswith(("utf", "cp949"))


@pytest.mark.parametrize("mark, encoding", [(codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")])
def test_utf16_with_a_mark_is_read_without_the_mark(mark, encoding):
    assert text_of(mark + KOREAN.encode(encoding)) == (KOREAN, encoding)


@pytest.mark.parametrize(
    "written, encoding, used",
    [
        (TRADITIONAL, "big5", "cp950"),
        (SIMPLIFIED, "gb18030", "gb18030"),
        (SIMPLIFIED, "gb2312", "gb18030"),
        (JAPANESE, "shift_jis", "cp932"),
        (JAPANESE, "euc_jp", "euc_jp"),
        (FRENCH, "cp1252", "cp1252"),
        (FRENCH.replace("’", "'"), "latin-1", "cp1252"),
        (GERMAN, "latin-1", "cp1252"),
    ],
)
def test_older_encodings_are_told_apart(written, encoding, used):
    assert text_of(written.encode(encoding)) == (written, used)


@pytest.mark.parametrize(
    "written, encoding",
    [
        (POLISH, "cp1250"),
        (POLISH, "iso8859_2"),
        (CZECH, "cp1250"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8_r"),
        (RUSSIAN, "cp866"),
        (FRENCH.replace("’", "'"), "mac_roman"),
        (FRENCH.replace("’", "'"), "cp850"),
        (GERMAN, "cp437"),
    ],
)
def test_encodings_it_does_not_know_for_sure_are_asked_for_and_never_guessed(written, encoding):
    with pytest.raises(DataError, match="--encoding NAME"):
        text_of(written.encode(encoding))
    assert text_of(written.encode(encoding), encoding)[0] == written


def test_too_little_to_tell_is_asked_with_the_readings_side_by_side():
    with pytest.raises(DataError) as caught:
        text_of("a,b\n1,값\n".encode("cp949"), name="small.csv")
    said = str(caught.value)
    assert "small.csv" in said and "cp949" in said and "값" in said and "gb18030" in said


def test_one_bad_byte_in_utf8_is_named_with_its_place():
    data = KOREAN.encode().replace("박".encode(), b"\xff", 1)
    with pytest.raises(DataError, match="line 4, column 1 has the byte 0xFF"):
        text_of(data, name="people.csv")


def test_utf8_cut_off_in_the_middle_of_a_character_is_named():
    with pytest.raises(DataError, match="UTF-8 but for one byte"):
        text_of(KOREAN.encode() + "끝".encode()[:1])


def test_a_nul_in_utf8_does_not_make_it_utf16():
    data = b"a,b\n1,\x00\n" + b"2,3\n" * 10
    assert text_of(data)[1] == "utf-8"


def test_a_wrong_encoding_given_by_hand_is_refused_with_the_place():
    with pytest.raises(DataError, match="not euc_kr throughout: line"):
        text_of(KOREAN.encode(), "euc-kr")


def test_an_unknown_encoding_is_named():
    with pytest.raises(DataError, match="no text encoding"):
        text_of(b"a", "utf-9")
    with pytest.raises(DataError, match="no text encoding"):
        text_of(b"a", "hex")


def test_a_mark_is_dropped_also_when_the_encoding_is_given():
    assert text_of("\ufeffa,b\n".encode(), "utf-8")[0] == "a,b\n"
    assert text_of("a,b\n".encode("utf-16"), "utf-16")[0] == "a,b\n"
