"""The hook and the project read a file one and the same way, or refuse it with what to write."""

import random
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from stamped import ROOT, Project
from stamping import tables
from stamping.answers import planned
from stamping.errors import AnswerError
from test_answers import GOOD


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A stamped project, whose modules are imported."""
    return Project(tmp_path_factory.mktemp("read"), project_name="Read tables", estimators="logistic_regression")


def rows(*columns: Any, separator: str = ",", count: int = 40) -> str:
    """Rows of made-up cells: each column is a list to choose from, or a function of a random generator."""
    generator = random.Random(0)
    lines = []
    for _ in range(count):
        cells = [one(generator) if callable(one) else generator.choice(one) for one in columns]
        lines.append(separator.join(map(str, cells)))
    return "\n".join(lines) + "\n"


def real(generator: random.Random) -> str:
    return f"{generator.uniform(-9, 99):.2f}"


def german(generator: random.Random) -> str:
    return real(generator).replace(".", ",")


def whole(generator: random.Random) -> str:
    return str(generator.randrange(1, 60))


def day(generator: random.Random) -> str:
    return f"20{generator.randrange(10, 25)}-0{generator.randrange(1, 10)}-1{generator.randrange(10)}"


KIND, YES = ["red", "green", "blue"], ["yes", "no"]
ABC = ["a", "b", "c"]
BROKEN = ['"one\ntwo"', '"three"']
BODY = rows(whole, KIND, YES)
NAMES = ["age", "kind", "y"]
NONE = {"header": None}

# What a file holds, its options, and the names of its columns.
READ: dict[str, tuple[str | bytes, dict[str, Any], list[str]]] = {
    "plain": (f"age,kind,y\n{BODY}", {}, NAMES),
    "german decimals in all columns": (f"l;b;g\n{rows(german, german, german, separator=';')}", {}, ["l", "b", "g"]),
    "sep=": (f"sep=;\nage;kind;y\n{rows(whole, KIND, YES, separator=';')}", {}, NAMES),
    "sep= that overrules": (f"sep=|\r\na;b|c;d\r\n{rows(['1;2'], ['3;4', '5;6'], separator='|')}", {}, ["a;b", "c;d"]),
    "sep= and a BOM": (f"\ufeffsep=;\nage;kind;y\n{rows(whole, KIND, YES, separator=';')}", {}, NAMES),
    "comments": (f"# an export of it, and so on\n#\n# more\nage,kind,y\n{BODY}", {}, NAMES),
    "comment as wide as the table": (f"# one, two, three\nage,kind,y\n{BODY}", {}, NAMES),
    "names after a hash": (f"#age,kind,y\n{BODY}", {}, ["#age", "kind", "y"]),
    "title": (f"Quarterly export\n\nage,kind,y\n{BODY}", {}, NAMES),
    "title with separators": (f"Quarterly export,,\n,,\nage,kind,y\n{BODY}", {}, NAMES),
    "title with a quote": (f'The 5" report\nage,kind,y\n{BODY}', {}, NAMES),
    "blank lines first": (f"\n\nage,kind,y\n{BODY}", {}, NAMES),
    "trailing separators": ("age,kind,y\n" + BODY.replace("\n", ",\n"), {}, NAMES),
    "trailing separators everywhere": ("age,kind,y,\n" + BODY.replace("\n", ",\n"), {}, NAMES),
    "line break in a name": (f'"age\nin years",kind,y\n{BODY}', {}, ["age\nin years", "kind", "y"]),
    "line breaks in cells": (f"a,b,y\n{rows(whole, BROKEN, YES)}", {}, ["a", "b", "y"]),
    "a long cell": (f"a,t,y\n1,{'x' * 200_000},no\n{rows(whole, KIND, YES)}", {}, ["a", "t", "y"]),
    "BOM": (f"\ufeffage,kind,y\n{BODY}", {}, NAMES),
    "UTF-16": (f"age,kind,y\n{BODY}".encode("utf-16"), {}, NAMES),
    "UTF-16 without a mark": (f"age,kind,y\n{BODY}".encode("utf-16-le"), {}, NAMES),
    "UTF-16, the other end first": (f"grün,kind,y\n{BODY}".encode("utf-16-be"), {}, ["grün", "kind", "y"]),
    "Western": (
        f"größe,kind,y\n{rows(whole, ['Köln', 'Besançon', 'Málaga'], YES)}".encode("cp1252"),
        {},
        ["größe", "kind", "y"],
    ),
    "Western signs": (
        f"t °C,m²,€\n{rows(real, ['5 µm', 'l’été', '½'], YES)}".encode("cp1252"),
        {},
        ["t °C", "m²", "€"],
    ),
    "named encoding": (f"県,y\n{rows(['東京', '大阪'], YES)}".encode("cp932"), {"encoding": "cp932"}, ["県", "y"]),
    "spaces": (f"a b y\n{rows(real, whole, YES, separator='  ')}", {}, ["a", "b", "y"]),
    "names are years": (f"2001;2002;2003\n{rows(german, german, german, separator=';')}", {}, ["2001", "2002", "2003"]),
    "names are years beside texts": (f"land,2001,2002\n{rows(KIND, whole, whole)}", {}, ["land", "2001", "2002"]),
    "names are years of large numbers": (
        f"2001;2002;2003\n{rows(*[lambda g: g.randrange(1500, 3000)] * 3, separator=';')}",
        {},
        ["2001", "2002", "2003"],
    ),
    "names are positions": (f"0,1,2,3\n{rows(real, real, real, YES)}", {}, ["0", "1", "2", "3"]),
    "names are wavelengths": (f"400,402,404,y\n{rows(real, real, real, YES)}", {}, ["400", "402", "404", "y"]),
    "texts only": (f"colour,kind,y\n{rows(KIND, ABC, YES)}", {}, ["colour", "kind", "y"]),
    "texts, one name recurs": (f"red,kind,y\n{rows(KIND, ABC, YES)}", {}, ["red", "kind", "y"]),
    "the header again below": (f"age,kind,y\n{BODY}age,kind,y\n{BODY}", {}, NAMES),
    "answers like names": (f"Q1,Q2,Q3\n{rows(['A1', 'A2'], ['B1', 'B2'], ['A1', 'B2'])}", {}, ["Q1", "Q2", "Q3"]),
    "missing in the first row": (f"age,kind,y\nNA,?,yes\n{BODY}", {}, NAMES),
    "row names": ("age,y\n" + rows(["r1", "r2", "r3"], whole, YES), {}, ["age", "y"]),
    "two rows": ("price,area\n1,2\n3,4\n", {}, ["price", "area"]),
    "units left out": (f"t,area,y\nC,m2,\n{rows(real, real, YES)}", {"skiprows": [1]}, ["t", "area", "y"]),
    "comments by option": (f"#x\nage,kind,y\n#5,red,no\n{BODY}#1\n", {"comment": "#"}, NAMES),
    "rows left out": (f"x,x,x\nage,kind,y\n{BODY}", {"skiprows": 1}, NAMES),
    "header by number": (f"One,two,three\nage,kind,y\n{BODY}", {"header": 1}, NAMES),
    "names insisted on": (BODY, {"header": 0}, BODY.split("\n")[0].split(",")),
    "without a header": (BODY, NONE, ["column_1", "column_2", "column_3"]),
    "without a header, after sep=": (f"sep=,\n{BODY}", NONE, ["column_1", "column_2", "column_3"]),
    "names of one's own": (BODY, {"header": None, "names": NAMES}, NAMES),
    "names instead of the header": (f"a,b,c\n{BODY}", {"header": 0, "names": NAMES}, NAMES),
    "names alone": (BODY, {"names": NAMES}, NAMES),
    "without a header, German": (rows(german, german, separator=";"), NONE, ["column_1", "column_2"]),
    "without a header, trailing": (BODY.replace("\n", ",\n"), NONE, ["column_1", "column_2", "column_3"]),
}

HEADLESS = {
    "numbers and classes": rows(real, real, YES),
    "two columns": rows(real, KIND),
    "semicolons": rows(german, german, whole, separator=";"),
    "dates": rows(day, KIND, whole),
    "codes": rows(["A11", "A12", "A14"], ["B3", "B4"], YES),
    "texts": rows(KIND, ABC, YES),
    "numbers only": rows(real, real, real),
    "whole numbers": rows(whole, whole, whole, whole),
    "twice the same": "5,5,5\n" + rows(whole, whole, whole),
    "gaps": "5,?,yes\n" + rows(whole, KIND, YES),
    "free text and a class": rows(lambda g: f"word{g.random()} and more", YES),
    "spaces": rows(real, whole, KIND, separator=" "),
    "quoted": rows(lambda g: f'"{real(g)}"', lambda g: f'"{g.choice(KIND)}"'),
    "tabs": rows(whole, real, YES, separator="\t"),
}

FOREIGN = {
    "cp932": ["東京", "大阪", "福岡", "高い", "低い"],
    "gbk": ["北京", "上海", "广州", "重庆", "高", "低"],
    "big5": ["臺北", "高雄", "臺南"],
    "euc_kr": ["서울", "부산", "대구"],
    "cp1251": ["Москва", "Казань", "да", "нет"],
    "koi8_r": ["Москва", "Казань", "да", "нет"],
    "cp1253": ["Αθήνα", "Πάτρα"],
    "iso8859_2": ["Łódź", "Kraków", "Wrocław", "Poznań", "Gdańsk"],
    "cp1250": ["Dvořák", "Děčín", "Plzeň", "Třebíč", "Jiří"],
    "cp850": ["Köln", "München", "Düsseldorf"],
}


def names_by(project: Project, path: Path, read: dict[str, Any]) -> tuple[list[str] | None, list[str]]:
    """The names of a file's columns: in the hook, and in the project."""
    return tables.columns_of(path, read), list(project.module("steps.load").load(str(path), read).columns)


def refusals(project: Project, path: Path) -> tuple[str, str]:
    """What the hook and the project say of a file that they refuse."""
    with pytest.raises(ValueError) as hook:
        tables.columns_of(path, {})
    with pytest.raises(project.module("errors").UserError) as load:
        project.module("steps.load").load(str(path))
    return str(hook.value), load.value.message


def in_file(folder: Path, content: str | bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("case", READ)
def test_hook_and_project_find_the_same_columns(project: Project, tmp_path: Path, case: str) -> None:
    content, read, names = READ[case]
    assert names_by(project, in_file(tmp_path, content), read) == (names, names)


@pytest.mark.parametrize("case", HEADLESS)
def test_a_first_row_of_data_is_refused_in_one_sentence(project: Project, tmp_path: Path, case: str) -> None:
    path = in_file(tmp_path, HEADLESS[case])
    hook, load = refusals(project, path)
    assert load == f"{path} {hook}" and "`read: {header: null}`" in hook and "`read: {header: 0}`" in hook
    columns, loaded = names_by(project, path, NONE)
    assert columns == loaded and loaded[0] == "column_1"


@pytest.mark.parametrize("case", HEADLESS)
def test_rows_of_data_are_all_read_without_a_header(project: Project, tmp_path: Path, case: str) -> None:
    path = in_file(tmp_path, HEADLESS[case])
    frame = project.module("steps.load").load(str(path), NONE)
    assert len(frame) == len(HEADLESS[case].splitlines())


@pytest.mark.parametrize("start", ["", "1,plain,yes\n" * 120_000], ids=["at once", "after a megabyte"])
@pytest.mark.parametrize("encoding", FOREIGN)
def test_other_encodings_are_refused_by_name(project: Project, tmp_path: Path, encoding: str, start: str) -> None:
    if start and encoding != "cp932":
        pytest.skip("one encoding suffices for a long file")
    path = in_file(tmp_path, f"n,city,y\n{start}{rows(whole, FOREIGN[encoding], YES)}".encode(encoding))
    hook, load = refusals(project, path)
    assert load == f"{path} {hook}" and "neither in UTF-8 nor in a Western encoding" in hook
    assert encoding in hook
    assert names_by(project, path, {"encoding": encoding}) == (["n", "city", "y"],) * 2


@pytest.mark.parametrize("encoding", ["cp932", "gbk", "cp1251", "koi8_r", "euc_kr", "cp1253"])
def test_the_likeliest_encoding_is_named_first(project: Project, tmp_path: Path, encoding: str) -> None:
    path = in_file(tmp_path, f"n,city,y\n{rows(whole, FOREIGN[encoding], YES)}".encode(encoding))
    assert f"it may be `read: {{encoding: {encoding}}}`" in refusals(project, path)[0]


def test_cells_come_out_as_they_stand_below_titles(project: Project, tmp_path: Path) -> None:
    path = in_file(tmp_path, 'sep=;\nt;x;y\n"one\ntwo";4,5;no\nthree;1.234,5;yes\n' + "a;1,5;no\n" * 9)
    frame = project.module("steps.load").load(str(path))
    assert frame.iloc[:2].values.tolist() == [["one\ntwo", "4,5", "no"], ["three", "1.234,5", "yes"]]


def test_comments_between_rows_are_refused_with_what_to_write(project: Project, tmp_path: Path) -> None:
    path = in_file(tmp_path, f"age,kind,y\n{BODY}# checked by Ada\n{BODY}")
    assert '`read: {comment: "#"}`' in refusals(project, path)[0]
    assert len(project.module("steps.load").load(str(path), {"comment": "#"})) == 80


def sheets(path: Path, **found: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, cells in found.items():
        sheet = book.create_sheet(name)
        for row in cells:
            sheet.append(row)
    book.save(path)
    return path


TABLE = [["age", "kind", "y"], *([number, "ab"[number % 2], "yes"] for number in range(12))]


@pytest.mark.parametrize(
    ("found", "read"),
    [
        ({"Data": TABLE}, {}),
        ({"Data": [["Quarterly export"], [], *TABLE]}, {}),
        ({"About": [["Mind the privacy"]], "Data": TABLE}, {}),
        ({"Old": [["a", "b"], [1, 2]], "Data": TABLE}, {"sheet_name": "Data"}),
        ({"Old": [["a", "b"], [1, 2]], "Data": TABLE}, {"sheet_name": 1}),
        ({"Data": [["One", "two", "three"], *TABLE]}, {"header": 1}),
    ],
)
def test_hook_and_project_find_the_table_of_a_workbook(
    project: Project, tmp_path: Path, found: dict[str, list[list[Any]]], read: dict[str, Any]
) -> None:
    path = sheets(tmp_path / "book.xlsx", **found)
    assert names_by(project, path, read) == (NAMES, NAMES)
    frame = project.module("steps.load").load(str(path), read)
    assert frame.iloc[0].tolist() == [0, "a", "yes"] and len(frame) == 12


def test_a_workbook_with_two_tables_is_refused_with_what_to_write(project: Project, tmp_path: Path) -> None:
    path = sheets(tmp_path / "book.xlsx", Old=TABLE, New=TABLE)
    assert "several sheets (Old, New); choose one with `read: {sheet_name: Old}`" in refusals(project, path)[0]


def test_a_workbook_without_a_header_is_refused_or_numbered(project: Project, tmp_path: Path) -> None:
    path = sheets(tmp_path / "book.xlsx", Data=TABLE[1:])
    assert "`read: {header: null}`" in refusals(project, path)[0]
    assert names_by(project, path, NONE) == (["column_1", "column_2", "column_3"],) * 2


def ask(folder: Path, **answers: Any) -> Any:
    return planned({**GOOD, "data": "table.csv", **answers}, ROOT, folder)


@pytest.mark.parametrize(("target", "name"), [("#3", "column_3"), ("#-1", "column_3"), ("#1", "column_1")])
def test_a_position_names_the_target_of_a_table_without_a_header(tmp_path: Path, target: str, name: str) -> None:
    in_file(tmp_path, BODY)
    plan = ask(tmp_path, target=target)
    assert (plan.target, plan.read) == (name, NONE)


def test_a_position_names_a_column_of_a_table_with_a_header(tmp_path: Path) -> None:
    in_file(tmp_path, f"age,kind,y\n{BODY}")
    plan = ask(tmp_path, target="#-1")
    assert (plan.target, plan.read) == ("y", {})


@pytest.mark.parametrize("target", ["#0", "#4", "#-4"])
def test_a_position_beyond_the_table_is_refused(tmp_path: Path, target: str) -> None:
    in_file(tmp_path, f"age,kind,y\n{BODY}")
    with pytest.raises(AnswerError, match=f"no column {target}; it has 3"):
        ask(tmp_path, target=target)


def test_a_name_for_a_table_without_a_header_is_refused_with_the_position_to_write(tmp_path: Path) -> None:
    in_file(tmp_path, BODY)
    with pytest.raises(
        AnswerError, match=r"looks like data; name the target by its position, such as target=#3 or #-1"
    ):
        ask(tmp_path, target="yes")


@pytest.mark.parametrize(
    ("answer", "read"),
    [
        ("{header: null}", NONE),
        ("header: null", NONE),
        ("{encoding: cp932, sep: ';'}", {"encoding": "cp932", "sep": ";"}),
    ],
)
def test_options_are_written_as_in_the_params(tmp_path: Path, answer: str, read: dict[str, Any]) -> None:
    in_file(tmp_path, rows(whole, KIND, YES, separator=read.get("sep", ",")))
    target = "#-1" if "sep" in read else "column_3"
    assert ask(tmp_path, target=target, read=answer).read == {**read, **NONE}


@pytest.mark.parametrize("answer", ["cp932", "[1]", "{", "{encoding}"])
def test_options_that_are_none_are_refused(tmp_path: Path, answer: str) -> None:
    in_file(tmp_path, f"age,kind,y\n{BODY}")
    with pytest.raises(AnswerError, match=r"^read: "):
        ask(tmp_path, target="y", read=answer)


KNOWN = ["column_1", "column_3"]


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
@pytest.mark.parametrize(
    ("cells", "names"),
    [
        ([[5, "red"], [7, "blue"]], KNOWN),
        ([[5, "yes", "red"], [7, "no", "blue"]], ["column_1", "column_2", "column_3"]),
    ],
)
def test_new_rows_without_a_header_may_leave_the_target_out(
    project: Project, tmp_path: Path, suffix: str, cells: list[list[Any]], names: list[str]
) -> None:
    path, frame = tmp_path / f"new{suffix}", pd.DataFrame(cells)
    frame.to_csv(path, index=False, header=False) if suffix == ".csv" else frame.to_excel(
        path, index=False, header=False
    )
    loaded = next(project.module("steps.load").load_parts(str(path), NONE, None, 100, KNOWN))
    assert list(loaded.columns) == names and len(loaded) == 2


def test_new_rows_with_the_given_names_as_a_header_are_read(project: Project) -> None:
    load_bytes = project.module("steps.load").load_bytes
    frame = load_bytes(b"column_1,column_3\n5,red\n", ".csv", NONE, known=KNOWN)
    assert frame.to_dict("records") == [{"column_1": "5", "column_3": "red"}]


def test_new_rows_get_the_names_that_the_owner_gives(project: Project) -> None:
    load_bytes, read = project.module("steps.load").load_bytes, {"header": None, "names": ["a", "y", "b"]}
    assert list(load_bytes(b"5,red\n", ".csv", read, known=["a", "b"]).columns) == ["a", "b"]
    assert list(load_bytes(b"5,no,red\n", ".csv", read, known=["a", "b"]).columns) == ["a", "y", "b"]
    assert list(load_bytes(b"a,b\n5,red\n", ".csv", read, known=["a", "b"])["b"]) == ["red"]


def test_new_rows_with_too_few_columns_are_refused(project: Project) -> None:
    with pytest.raises(project.module("errors").UserError, match="has 1 columns and no header; it needs 2"):
        project.module("steps.load").load_bytes(b"5\n6\n", ".csv", NONE, known=KNOWN)


def test_an_old_name_is_refused_once_the_table_is_read_without_a_header(project: Project, tmp_path: Path) -> None:
    frame = project.module("steps.load").load(str(in_file(tmp_path, rows(whole, KIND, ["1", "2"]))), NONE)
    task = {"class": f"{project.package}.components.tasks.Classification"}
    with pytest.raises(
        project.module("errors").UserError, match="columns are column_1 to column_3; write the target's"
    ):
        project.module("steps.typing.infer").infer(frame, "1", task, {})


def test_dozens_of_numbers_as_classes_look_like_a_regression(project: Project) -> None:
    frame = pd.DataFrame({"x": range(200), "y": [str(number % 33) for number in range(200)]})
    schema = project.module("schema").Schema("y", None, [])
    (note,) = project.module("steps.preprocess").many_numbers(frame, schema)
    assert "33 classes" in note and "predicts a number" in note
    assert not project.module("steps.preprocess").many_numbers(frame[frame["y"].str.len() < 2], schema)


def test_a_damaged_workbook_is_refused_at_stamping(tmp_path: Path) -> None:
    path = in_file(tmp_path, b"no archive", "book.xlsx")
    with pytest.raises(ValueError, match="is no Excel file"):
        tables.columns_of(path, {})
