"""Tables: types, missing values, separators, headers, and the errors that say where."""

import gzip
import io
import json
import re
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from mapsto.core.errors import BadInput, DataError
from mapsto.core.faults import Faults
from mapsto.data.read import read
from mapsto.data.table import LONGEST_LINE, ORDERS, Table

SHARED = Path(__file__).resolve().parents[2] / "../shared/data"


def parse(text, name="t.csv", **options):
    raw = Table(**options).parse(text if isinstance(text, bytes) else text.encode(), name)
    Faults(raw.findings).refuse()  # as `read` does
    return raw


def codes(raw):
    return {finding.code for finding in raw.findings}


def finding(raw, code):
    return next(f for f in raw.findings if f.code == code)


def test_columns_get_the_type_all_their_values_have():
    raw = parse(
        "whole,number,flag,day,text,id,big\n"
        "1,1.5,true,2020-01-31,a,00123,9007199254740993\n"
        "-2,inf,FALSE,2020-02-29,b,00007,1\n"
    )
    assert raw.columns["whole"].dtype == np.int64 and raw.columns["whole"].tolist() == [1, -2]
    assert raw.columns["number"].tolist() == [1.5, np.inf]
    assert raw.columns["flag"].dtype == bool and raw.columns["flag"].tolist() == [True, False]
    assert raw.columns["day"].tolist() == np.array(["2020-01-31", "2020-02-29"], "datetime64[s]").tolist()
    assert raw.columns["day"].dtype == "datetime64[s]"
    assert raw.columns["text"].tolist() == ["a", "b"]
    assert raw.columns["id"].tolist() == ["00123", "00007"]
    assert raw.columns["big"].tolist() == ["9007199254740993", "1"]
    assert finding(raw, "D016").examples == ("id", "big")
    assert raw.labels.tolist() == ["line 2", "line 3"]


def test_missing_values_are_counted_by_marker():
    raw = parse("n,t,m\n1,a,NA\n,?,NaN\n3,null,N/A\n-,-,x\n")
    assert np.isnan(raw.columns["n"][[1, 3]]).all() and raw.columns["n"].dtype == np.float64
    assert raw.columns["t"].tolist() == ["a", None, None, "-"], "a dash in text may be meant"
    assert raw.columns["m"].tolist() == [None, None, None, "x"]
    said = finding(raw, "D012")
    assert said.count == 7 and "an empty cell × 1" in said.message and "- × 1" in said.message
    assert said.examples == ("n: 2", "t: 2", "m: 3")


def test_a_column_without_any_value_is_named():
    assert finding(parse("a,b\n1,\n2,?\n"), "D020").examples == ("b",)


@pytest.mark.parametrize("separator, word", [(",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "bar")])
def test_separators_are_found_and_said(separator, word):
    raw = parse(f"a{separator}b\n1{separator}x\n2{separator}y\n")
    assert list(raw.columns) == ["a", "b"]
    assert word in finding(raw, "D011").message


def test_a_separator_within_texts_is_not_mistaken_for_the_separator():
    raw = parse("a;b\nwell, yes;1\nno, not, so;2\n")
    assert raw.columns["a"].tolist() == ["well, yes", "no, not, so"]


def test_decimal_commas_are_numbers_where_the_comma_separates_nothing():
    raw = parse("price;n\n1,5;1\n1.234,75;2\n")
    assert raw.columns["price"].tolist() == [1.5, 1234.75] and "D017" in codes(raw)
    assert parse("price;n\n1,500;1\n2,750;2\n").columns["price"].dtype == object, "thousands or decimals: unclear"


def test_quoted_line_breaks_and_separators_stay_in_their_cell():
    raw = parse('a,b\n1,"x, y\nz ""q"""\n2,w\n')
    assert raw.columns["b"].tolist() == ['x, y\nz "q"', "w"]
    assert raw.labels.tolist() == ["line 2", "line 4"]
    assert finding(raw, "D025").examples == ("line 2",)


def test_blanks_after_separators_are_removed():
    raw = parse('a, b, c\n1, "x, y", Male\n2, z, Male \n')
    assert list(raw.columns) == ["a", "b", "c"]
    assert raw.columns["b"].tolist() == ["x, y", "z"] and raw.columns["c"].tolist() == ["Male", "Male"]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_endings_and_marks_leave_no_trace(ending, mark):
    raw = parse(mark + ending.join(["a,b", "1,x", "2,y", ""]))
    assert list(raw.columns) == ["a", "b"]
    assert raw.columns["a"].tolist() == [1, 2] and raw.columns["b"].tolist() == ["x", "y"]


def test_the_quick_way_and_the_careful_way_agree():
    rows = "".join(f"{i},{i / 7:.5f},w{i % 5},2021-0{i % 9 + 1}-11\n" for i in range(500))
    quick = parse("a,b,c,d\n" + rows)
    careful = parse('a,b,c,"d"\n' + rows)
    for name in "abcd":
        assert quick.columns[name].dtype == careful.columns[name].dtype
        assert quick.columns[name].tolist() == careful.columns[name].tolist()
    assert quick.labels.tolist() == careful.labels.tolist()


def test_blank_lines_are_no_rows_and_do_not_shift_the_line_numbers():
    assert parse("a,b\n\n1,2\n   \n3,4\n").labels.tolist() == ["line 3", "line 5"]


@pytest.mark.parametrize(
    "text, days",
    [
        ("2020/01/31,1\n2020/2/1,2\n", ["2020-01-31", "2020-02-01"]),
        ("31.01.2020,1\n01.02.2020,2\n", ["2020-01-31", "2020-02-01"]),
        ("01/31/2020,1\n02/01/2020,2\n", ["2020-01-31", "2020-02-01"]),
        ("2020-01-31 10:20:30,1\n2020-02-01T23:59,2\n", ["2020-01-31T10:20:30", "2020-02-01T23:59:00"]),
    ],
)
def test_dates_that_can_be_read_one_way_only_are_dates(text, days):
    day = parse("day,n\n" + text).columns["day"]
    assert day.dtype == "datetime64[s]" and (day == np.array(days, "datetime64[s]")).all()


def test_dates_that_can_be_read_two_ways_stay_text():
    raw = parse("day,n\n01.02.2020,1\n03.04.2020,2\n")
    assert raw.columns["day"].tolist() == ["01.02.2020", "03.04.2020"] and "D015" in codes(raw)


def test_a_day_that_does_not_exist_keeps_the_column_text_and_is_named():
    raw = parse("day,n\n2020-02-28,1\n2021-02-29,2\n")
    assert raw.columns["day"].dtype == object
    assert "2021-02-29 is no date" in finding(raw, "D014").examples[0]


def test_a_missing_date_is_not_a_time():
    day = parse("day,n\n2020-01-31,1\n,2\n").columns["day"]
    assert np.isnat(day[1]) and not np.isnat(day[0])


def test_a_slip_among_numbers_is_named_with_its_line():
    raw = parse("a,b\n" + "".join(f"{i},1\n" for i in range(20)) + "12o,1\n")
    assert raw.columns["a"].dtype == object
    assert "'12o' in line 22" in finding(raw, "D014").examples[0]


# ── formats that are known ──────────────────────────────────────────────────────────────────────────────────────────


def test_what_was_settled_about_dates_and_decimals_is_told():
    raw = parse("price;day;us;n;x\n1,5;31.01.2020;01/31/2020;1;2.5\n1.234,75;01.02.2020;02/01/2020;2;3\n")
    assert raw.formats == {"price": "decimal-comma", "day": "day-first", "us": "month-first", "x": "decimal-point"}
    assert parse("day;n\n2020-01-31;1\n2020-02-01;2\n").formats == {}, "these can be read one way only"
    assert parse("day;p\n01.02.2020;1,500\n03.04.2020;2,750\n").formats == {}, "nothing could be settled"


@pytest.mark.parametrize(
    "known, cell, value",
    [
        ("decimal-comma", "1.234", 1234.0),
        ("decimal-comma", "1,500", 1.5),
        ("decimal-comma", "7", 7.0),
        ("decimal-point", "1.234", 1.234),
        ("day-first", "02/09/2021", np.datetime64("2021-09-02", "s")),
        ("month-first", "02/09/2021", np.datetime64("2021-02-09", "s")),
        ("day-first", "02.09.2021 10:20", np.datetime64("2021-09-02T10:20", "s")),
        ("month-first", "2021-09-02", np.datetime64("2021-09-02", "s")),
    ],
)
def test_a_known_format_is_applied_where_the_file_alone_could_mean_either(known, cell, value):
    raw = parse(f"a;b\n{cell};x\n;y\n", formats={"a": known, "absent": "day-first"})
    assert raw.columns["a"][0] == value and raw.columns["a"].dtype.kind == ("M" if known in ORDERS else "f")
    assert raw.columns["b"].tolist() == ["x", "y"] and raw.formats == {"a": known}


@pytest.mark.parametrize(
    "known, good, bad",
    [
        ("decimal-comma", "1,5", "3.50"),
        ("decimal-comma", "1,5", "many"),
        ("decimal-point", "1.234", "12,5"),
        ("day-first", "02/09/2021", "02/13/2021"),
        ("month-first", "02/09/2021", "13/02/2021"),
        ("day-first", "02.09.2021", "31.02.2021"),
        ("day-first", "02.09.2021", "2021-09-02"),
    ],
)
def test_a_cell_against_the_known_format_is_refused_with_its_place(known, good, bad):
    with pytest.raises(DataError, match=rf"t\.csv: line 4, column 'a': '{re.escape(bad)}' is not a .*"):
        parse(f"a;b\n{good};x\n;y\n{bad};z\n", formats={"a": known})


def test_a_dash_among_numbers_of_a_known_format_is_missing():
    raw = parse("a;b\n-;x\n1.234;y\n", formats={"a": "decimal-comma"})
    assert np.isnan(raw.columns["a"][0]) and raw.columns["a"][1] == 1234


def test_a_format_that_is_none_is_refused():
    with pytest.raises(BadInput, match="'comma' is no format for the column 'a'"):
        parse("a;b\n1;x\n", formats={"a": "comma"})


def test_tables_of_one_folder_are_read_in_one_format(tmp_path):
    (tmp_path / "train.csv").write_text("price;day\n1,5;31.01.2020\n2,25;01.02.2020\n")
    (tmp_path / "test.csv").write_text("price;day\n1.234;02.09.2021\n")
    raw = read(tmp_path)
    assert raw.columns["price"].tolist() == [1.5, 2.25, 1234]
    assert raw.columns["day"][2] == np.datetime64("2021-09-02") and raw.split.tolist() == ["train", "train", "test"]


def test_a_source_without_formats_leaves_them_alone():
    assert read({"a": np.arange(3.0)}, formats={"a": "decimal-comma"}).columns["a"].tolist() == [0, 1, 2]


# ── headers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        "5.1,3.5,setosa\n4.9,3.0,setosa\n4.7,3.2,virginica\n4.6,3.1,setosa\n",
        "1,2,3\n4,5,6\n",
        "male,yes\nfemale,no\nmale,yes\nfemale,yes\nmale,no\n",
        "2020-01-01,5\n2020-01-02,6\n",
        "Hi.\t嗨。\nRun!\t你用跑的。\nWait!\t等等！\nHello.\t你好。\n",
    ],
)
def test_a_table_without_a_header_is_refused_with_the_remedy(text):
    with pytest.raises(DataError, match=r"no header.*\n.*--columns a,b"):
        parse(text)


def test_columns_name_a_table_without_a_header():
    raw = parse("5.1,setosa\n4.9,virginica\n", columns=["length", "species"])
    assert raw.columns["length"].tolist() == [5.1, 4.9] and raw.labels[0] == "line 1"


def test_columns_given_although_the_header_is_there_do_not_make_a_row_of_it():
    raw = parse("length,species\n4.9,virginica\n", columns=["length", "species"])
    assert raw.columns["length"].tolist() == [4.9] and "D022" in codes(raw)


def test_too_few_column_names_are_refused():
    with pytest.raises(DataError, match="line 1 has 3 cells where --columns names 2"):
        parse("1,2,3\n4,5,6\n", columns=["a", "b"])


def test_more_column_names_than_columns_are_one_clear_message():
    with pytest.raises(DataError, match="has 1 column, but --columns names 2: a, b"):
        parse("1\n2\n3\n", columns=["a", "b"])


def test_year_columns_beside_a_name_are_a_header():
    assert list(parse("country,1990,1991\nKorea,1,2\nChile,3,4\n").columns) == ["country", "1990", "1991"]


def test_duplicate_names_are_refused_by_name():
    with pytest.raises(DataError, match="same name: 'a'"):
        parse("a,b,a\n1,2,3\n")


def test_unnamed_columns_get_a_name_and_a_trailing_separator_makes_no_column():
    raw = parse(",b,\n0,2,\n1,4,\n")
    assert list(raw.columns) == ["column_1", "b"] and "D018" in codes(raw)


# ── broken tables ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_row_with_more_cells_is_refused_with_its_line():
    with pytest.raises(DataError, match="line 3 has 3 cells where the header names 2"):
        parse("a,b\n1,2\n3,4,5\n6,7\n")


def test_a_row_with_fewer_cells_is_refused_with_its_line():
    with pytest.raises(DataError, match="line 4 has 1 cell"):
        parse('a,b\n1,"2\n"\n3\n')


def test_one_extra_value_in_every_row_does_not_shift_the_columns():
    with pytest.raises(DataError, match="line 2 has 3 cells where the header names 2"):
        parse("a,b\n1,2,3\n4,5,6\n7,8,9\n")


def test_an_open_quote_is_refused_with_the_line_it_is_opened_in():
    with pytest.raises(DataError, match="opened in line 3 is never closed"):
        parse('a,b\n1,2\n3,"x\n5,6\n')


def test_a_nul_byte_is_refused_with_its_line():
    with pytest.raises(DataError, match="NUL byte in line 3"):
        parse(b"a,b\n1,2\n3,\x00\n")


def test_an_empty_file_and_a_header_alone_are_two_errors():
    with pytest.raises(DataError, match="is empty"):
        parse(b"")
    with pytest.raises(DataError, match="is empty"):
        parse(b"\n\n")
    with pytest.raises(DataError, match="header and no rows"):
        parse("a,b\n")


def test_an_endless_line_is_refused_before_all_of_it_is_read(tmp_path):
    path = tmp_path / "endless.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(LONGEST_LINE // (1 << 20) + 2):
            file.write(b"a" * (1 << 20))
    with pytest.raises(DataError, match="line of more than 16 MiB"):
        Table().read(path)


def test_damaged_gzip_is_said(tmp_path):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n" * 100)[:-20])
    with pytest.raises(DataError, match="damaged gzip"):
        Table().read(path)


def test_an_excel_workbook_under_a_tables_name_is_said():
    with pytest.raises(DataError, match="Excel"):
        parse(b"PK\x03\x04rest")


def test_prose_is_no_table():
    prose = "First Citizen:\nBefore we proceed, any further\nhear me speak.\n\nAll:\nSpeak, speak, now.\nWell\n"
    with pytest.raises(DataError, match="does not look like a table"):
        parse(prose, "input.txt")


def test_a_single_column_of_texts_with_commas_stays_one_column():
    raw = parse("review\nnice, really\nbad\nso, so, so\nwell\nno\n")
    assert raw.columns["review"].tolist() == ["nice, really", "bad", "so, so, so", "well", "no"]


def test_a_single_quoted_column_keeps_its_line_breaks():
    raw = parse('review\n"one\ntwo"\n"three, four"\n')
    assert raw.columns["review"].tolist() == ["one\ntwo", "three, four"]


def test_quotes_in_tab_separated_text_may_mean_themselves():
    raw = parse('text\tlabel\n"so good\t1\nbad" film\t0\n"a" and "b"\t1\n', "t.tsv")
    assert raw.columns["text"].tolist() == ['"so good', 'bad" film', '"a" and "b"']
    assert "D019" in codes(raw)


# ── encodings, JSON lines, Parquet, standard input ──────────────────────────────────────────────────────────────────


def test_korean_csv_in_cp949_is_read_right_and_said():
    text = "이름,나이,도시\n김철수,25,서울\n이영희,30,부산\n"
    raw = parse(text.encode("cp949"))
    assert raw.columns["도시"].tolist() == ["서울", "부산"]
    assert "cp949" in finding(raw, "D010").message
    assert "D010" not in codes(parse(text))


def test_json_lines_keep_types_lists_and_gaps():
    rows = [{"n": 1, "s": "12", "l": [1, 2], "o": {"p": {"q": True}}}, {"n": None, "s": "x", "l": [3], "late": 2.5}]
    raw = parse("\n".join(map(json.dumps, rows)) + "\n\n", "t.jsonl")
    assert raw.columns["n"][0] == 1 and np.isnan(raw.columns["n"][1])
    assert raw.columns["s"].tolist() == ["12", "x"]
    assert raw.columns["l"].dtype == object and raw.columns["l"].tolist() == [[1, 2], [3]]
    assert raw.columns["o.p.q"].tolist() == ["true", None]
    assert np.isnan(raw.columns["late"][0]) and raw.columns["late"][1] == 2.5
    assert {"D012", "D021"} <= codes(raw)


def test_lists_of_one_length_stay_lists():
    assert parse('{"l": [1, 2]}\n{"l": [3, 4]}\n', "t.jsonl").columns["l"].tolist() == [[1, 2], [3, 4]]
    assert parse('{"l": [1, 2]}\n{"l": [3, 4]}\n', "t.jsonl").columns["l"].shape == (2,)


def test_mixed_kinds_in_json_become_text_and_are_said():
    raw = parse('{"a": 1}\n{"a": "x"}\n', "t.ndjson")
    assert raw.columns["a"].tolist() == ["1", "x"] and "D023" in codes(raw)


@pytest.mark.parametrize("line", ["[1, 2]", '{"a":', "3", '{"a": 1} {"b": 2}'])
def test_a_line_that_is_no_json_object_is_refused_with_its_number(line):
    with pytest.raises(DataError, match="line 2"):
        parse('{"a": 1}\n' + line + "\n", "t.jsonl")


def test_deeply_nested_json_is_refused_not_crashed_on():
    with pytest.raises(DataError, match="line 1"):
        parse("[" * 100_000, "t.jsonl")


@pytest.mark.parametrize("packed", [False, True])
def test_parquet_keeps_its_types(tmp_path, packed):
    table = pa.table(
        {
            "n": pa.array([1, None, 3]),
            "s": pa.array(["a", None, "c"]).dictionary_encode(),
            "l": pa.array([[1, 2], [3, 4], None]),
            "d": pa.array([0, 86400, None], pa.timestamp("s")),
            "big": pa.array([2**60, 1, 2]),
            "st": pa.array([{"x": 1}, {"x": 2}, {"x": 3}]),
        }
    )
    sink = io.BytesIO()
    pyarrow.parquet.write_table(table, sink)
    path = tmp_path / ("t.parquet.gz" if packed else "t.parquet")
    path.write_bytes(gzip.compress(sink.getvalue()) if packed else sink.getvalue())
    raw = Table().read(path)
    assert np.isnan(raw.columns["n"][1]) and raw.columns["n"][2] == 3
    assert raw.columns["s"].tolist() == ["a", None, "c"]
    assert raw.columns["l"].tolist() == [[1, 2], [3, 4], None]
    assert raw.columns["d"].dtype == "datetime64[s]" and np.isnat(raw.columns["d"][2])
    assert raw.columns["big"][0] == str(2**60)
    assert raw.columns["st.x"].tolist() == [1, 2, 3]


def test_damaged_parquet_is_said(tmp_path):
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1 and nothing more")
    with pytest.raises(DataError, match="Parquet"):
        Table().read(path)


@pytest.mark.parametrize("text", [b"a,b\n1,x\n", b'{"a": 1, "b": "x"}\n'])
def test_standard_input_is_a_table(monkeypatch, text):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    raw = Table().read("-")
    assert raw.columns["a"].tolist() == [1] and raw.columns["b"].tolist() == ["x"]


def test_a_large_table_takes_seconds():
    numbers = np.random.default_rng(0).normal(size=(5000, 20))
    body = "\n".join(",".join(f"{v:.5f}" for v in row) for row in numbers) + "\n"
    text = ",".join(f"c{i}" for i in range(20)) + "\n" + body * 10
    begin = time.perf_counter()
    raw = parse(text)
    assert len(raw) == 50_000 and raw.columns["c19"].dtype == np.float64
    assert time.perf_counter() - begin < 8, "200 000 rows of 20 columns should take a few seconds"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not here")
def test_titanic_and_housing_are_read_as_published():
    titanic = Table().read(SHARED / "titanic/train.csv")
    assert len(titanic) == 891 and np.isnan(titanic.columns["Age"]).sum() == 177
    assert sum(v is None for v in titanic.columns["Cabin"]) == 687 and titanic.columns["Survived"].sum() == 342
    housing = Table().read(SHARED / "california_housing/housing.csv")
    assert len(housing) == 20640 and np.isnan(housing.columns["total_bedrooms"]).sum() == 207


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not here")
def test_korean_reviews_are_all_there():
    raw = Table().read(SHARED / "nsmc/test.tsv.gz")
    assert len(raw) == 10000 and list(raw.columns) == ["id", "document", "label"]
