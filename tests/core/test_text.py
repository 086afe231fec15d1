import math
import time

from mapsto.core.text import clean, few, many, short


def test_no_escape_sequence_reaches_the_terminal():
    assert clean("a\x1b[31mred\x07\x9b0m") == "a[31mred0m"


def test_text_stays_on_one_line_and_keeps_its_direction():
    assert clean("one\ntwo\tthree\u2028four\u202egnp.exe\ufeff") == "one two three fourgnp.exe"


def test_letters_of_every_script_stay():
    words = "한국어 naïve नमस्ते 👩‍🔬 क्‍ष"
    assert clean(words) == words


def test_a_lone_surrogate_is_dropped_because_it_cannot_be_printed():
    assert clean("a\udcffb").encode() == b"ab"


def test_long_text_is_cut_with_a_sign():
    assert clean("abcdef", 4) == "abc…"
    assert clean("abcd", 4) == "abcd"


def test_numbers_read_as_a_person_would_write_them():
    assert [short(x) for x in (3.0, -2, 206855.816909, 1234567.8, 0.1 + 0.2, 1e-7, 1e20)] == [
        "3",
        "-2",
        "206856",
        "1234568",
        "0.3",
        "1e-07",
        "1e+20",
    ]
    assert short(math.nan) == "nan"


def test_a_long_list_shows_its_beginning_and_its_end():
    assert few(range(10)) == "0, 1, 2, … 9"
    assert few("ab") == "a, b"
    assert few([]) == ""


def test_one_is_singular():
    assert [many(n, "class", "classes") for n in (1, 2)] == ["1 class", "2 classes"]
    assert many(0, "row") == "0 rows"


def test_of_a_very_long_text_the_beginning_alone_is_looked_at():
    long = "é\x1b" * 5_000_000
    begun = time.perf_counter()
    assert clean(long, 10) == "é" * 9 + "…"
    assert clean("\x07" * 1000 + "a", 10) == "…"  # cut off behind, and says so
    assert few([long] * 3 + ["last"], 2) == f"{'é' * 23}…, … last"
    assert time.perf_counter() - begun < 0.5
