"""Cells become typed columns by the schema alone: one row has one answer, on whatever path it comes."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from stamped import Project

ROWS = 240
# Columns as text, and the cells of the rows to predict, of which each column's type depends on other rows in pandas.
COLUMNS: dict[str, list[str]] = {
    "code": ["007", "X19", "120", "B7C", "055", "301"],
    "zip": ["01067", "90210", "00501", "80331"],
    "flag": ["true", "false"],
    "loud": ["TRUE", "FALSE", "maybe"],
    "answer": ["yes", "no"],
    "count": ["1", "12", "", "7"],
    "size": ["1.5", "2.25", "-0.125", "1e3"],
    "grade": ["1.0", "2", "x", "2.5"],
    "day": ["2020-01-31", "2020-02-01", "2020-12-24"],
    "stamp": ["20200101", "20201231", "20200530"],
    "account": ["480000000000000032", "480000000000000033", "480000000000000031"],
    "mixed": ["Yes", "yes", "NO"],
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A stamped project, whose modules are imported."""
    return Project(tmp_path_factory.mktemp("typed"), project_name="Typed cells", estimators="logistic_regression")


def _texts() -> pd.DataFrame:
    """A table of texts whose target follows from all of its columns."""
    random = np.random.default_rng(0)
    table = pd.DataFrame({name: random.choice(cells, ROWS) for name, cells in COLUMNS.items()})
    signal = sum(table[name].isin(cells[::2]).astype(int) for name, cells in COLUMNS.items())
    table["y"] = np.where(signal + random.normal(0, 0.3, ROWS) > len(COLUMNS) / 2, "good", "bad")
    return table


@pytest.fixture(scope="module")
def pipeline(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A model of those texts, which come from a CSV file."""
    path = tmp_path_factory.mktemp("texts") / "table.csv"
    _texts().to_csv(path, index=False)
    task = {"class": f"{project.package}.components.tasks.Classification"}
    raw = project.module("steps.load").load(str(path), {}, [])
    schema = project.module("steps.typing.infer").infer(raw, "y", task, {"account": {"role": "feature"}})
    preprocess, task_of = project.module("steps.preprocess").preprocess, project.module("steps.task").task_of
    rows = task_of(schema).rows(preprocess(raw, schema), schema)
    schema.features = {column.name: column.dtype for column in schema.needed}
    return project.module("prediction.pipeline").PredictionPipeline(schema, _model(task_of(schema), schema, rows))


def _model(task: Any, schema: Any, rows: pd.DataFrame) -> Any:
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

    features, dtypes = schema.features.items(), ("number", "category", "datetime")
    by_dtype = {dtype: [name for name, own in features if own == dtype] for dtype in dtypes}
    days = FunctionTransformer(lambda frame: frame.astype("int64") / 8.64e10)
    columns = make_column_transformer(
        (SimpleImputer(), by_dtype["number"]),
        (OneHotEncoder(handle_unknown="error"), by_dtype["category"]),
        (days, by_dtype["datetime"]),
    )
    made = task.wrap(make_pipeline(columns, LogisticRegression(max_iter=50)))
    return made.fit(rows[list(schema.features)], rows["y"])


def _asked() -> pd.DataFrame:
    return _texts().drop(columns="y").iloc[:8].reset_index(drop=True)


def _values(text: str) -> Any:
    """A cell as JSON's writer would have it: numbers and truth values as such, codes and big numbers as well."""
    if text == "":
        return None
    try:
        return json.loads(text.lower()) if text.lower() in ("true", "false") else json.loads(text)
    except ValueError:
        return text


def _read(project: Project, body: bytes, suffix: str) -> pd.DataFrame:
    frame: pd.DataFrame = project.module("steps.load").load_bytes(body, suffix)
    return frame


def _csv(frame: pd.DataFrame, **options: Any) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(frame.to_csv(index=False)), **options)


def _sent(project: Project, pipeline: Any, body: Any, kind: str = "application/json") -> pd.DataFrame:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    found: pd.DataFrame = project.module("parts.serve.bodies").table(
        content, kind, pipeline.schema, {}, 10_000, 1_000_000
    )
    return found


def _parquet(frame: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    frame.to_parquet(file)
    return file.getvalue()


def _excel(frame: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    # Excel itself keeps 15 digits of a number.
    frame.map(lambda cell: cell if len(cell) > 15 else _values(cell)).to_excel(file, index=False)
    return file.getvalue()


def _lines(frame: pd.DataFrame) -> bytes:
    return frame.to_json(orient="records", lines=True).encode()


def _objects(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{name: _values(cell) for name, cell in row.items()} for row in frame.to_dict("records")]


Path_ = Callable[[Project, Any, pd.DataFrame], pd.DataFrame]
# Each way on which rows come in, as it is documented.
PATHS: dict[str, Path_] = {
    "CSV file": lambda project, _, rows: _read(project, rows.to_csv(index=False).encode(), ".csv"),
    "JSON lines of texts": lambda project, _, rows: _read(project, _lines(rows), ".jsonl"),
    "JSON lines of values": lambda project, _, rows: _read(
        project, "\n".join(map(json.dumps, _objects(rows))).encode(), ".jsonl"
    ),
    "JSON file": lambda project, _, rows: _read(project, json.dumps(_objects(rows)).encode(), ".json"),
    "Parquet of texts": lambda project, _, rows: _read(project, _parquet(rows), ".parquet"),
    "Parquet of values": lambda project, _, rows: _read(project, _parquet(_csv(rows)), ".parquet"),
    "Excel": lambda project, _, rows: _read(project, _excel(rows), ".xlsx"),
    "pandas": lambda project, _, rows: _csv(rows),
    "pandas, pyarrow": lambda project, _, rows: _csv(rows, dtype_backend="pyarrow"),
    "pandas, nullable": lambda project, _, rows: _csv(rows, dtype_backend="numpy_nullable"),
    "pandas, objects": lambda project, _, rows: _csv(rows).astype(object),
    "pandas, categories": lambda project, _, rows: _csv(rows).astype("category"),
    "pandas, texts": lambda project, _, rows: _csv(rows, dtype=str),
    "service, rows": lambda project, pipeline, rows: _sent(project, pipeline, {"rows": _objects(rows)}),
    "service, texts": lambda project, pipeline, rows: _sent(project, pipeline, {"rows": rows.to_dict("records")}),
    "service, columns": lambda project, pipeline, rows: _sent(
        project, pipeline, {"columns": pd.DataFrame(_objects(rows), dtype=object).to_dict("list")}
    ),
    "service, CSV": lambda project, pipeline, rows: _sent(
        project, pipeline, rows.to_csv(index=False).encode(), "text/csv"
    ),
    "service, Parquet": lambda project, pipeline, rows: _sent(
        project, pipeline, _parquet(_csv(rows)), "application/vnd.apache.parquet"
    ),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("parts", ["whole", "row by row"])
@pytest.mark.parametrize("path", PATHS)
def test_one_row_has_one_answer_on_every_path(path: str, parts: str, project: Project, pipeline: Any) -> None:
    asked = _asked()
    by_file = _read(project, asked.to_csv(index=False).encode(), ".csv")
    typed, expected = pipeline.preprocess(by_file, pipeline.schema), pipeline.predict(by_file)
    rows = [asked] if parts == "whole" else [asked.iloc[[row]].reset_index(drop=True) for row in range(len(asked))]
    read = [PATHS[path](project, pipeline, part) for part in rows]
    found = pd.concat([pipeline.preprocess(part, pipeline.schema) for part in read], ignore_index=True)
    pd.testing.assert_frame_equal(found, typed)
    said = pd.concat([pipeline.predict(part) for part in read], ignore_index=True)
    pd.testing.assert_frame_equal(said, expected, rtol=1e-12)


def test_a_batch_of_the_service_and_a_chunk_of_a_file_change_no_cell(
    project: Project, pipeline: Any, tmp_path: Path
) -> None:
    asked = _asked()
    typed = pipeline.preprocess(_read(project, asked.to_csv(index=False).encode(), ".csv"), pipeline.schema)
    frames = [_sent(project, pipeline, {"rows": _objects(asked.iloc[[row]])}) for row in range(len(asked))]
    joined = project.module("parts.serve.batches")._joined(frames)
    pd.testing.assert_frame_equal(pipeline.preprocess(joined, pipeline.schema), typed)
    asked.to_csv(tmp_path / "rows.csv", index=False)
    parts = project.module("steps.load").load_parts(str(tmp_path / "rows.csv"), None, None, 1)
    found = pd.concat([pipeline.preprocess(part, pipeline.schema) for part in parts])
    pd.testing.assert_frame_equal(found, typed)


def test_the_columns_are_what_a_careful_reader_takes_them_for(pipeline: Any) -> None:
    found = {column.name: column.dtype for column in pipeline.schema.columns}
    categories = dict.fromkeys(["code", "zip", "loud", "answer", "grade", "account", "mixed"], "category")
    numbers, dates = dict.fromkeys(["flag", "count", "size"], "number"), dict.fromkeys(["day", "stamp"], "datetime")
    assert found == categories | numbers | dates


# How numbers are written, and what they are; each list is a whole column.
NUMBERS: dict[str, tuple[list[str], list[float]]] = {
    "German": (["1.447,27", "12,5", "-3.000"], [1447.27, 12.5, -3000]),
    "English": (["7,937.64", "5", "-1,000"], [7937.64, 5, -1000]),
    "millions": (["4,322,792", "12,000"], [4322792, 12000]),
    "spaces": (["1 234,50", "3,25"], [1234.5, 3.25]),
    "non-breaking spaces": (["1\u00a0234,50", "2\u202f000", "3\u2009111,5"], [1234.5, 2000, 3111.5]),
    "French with dots": (["12 345.6", "7.5"], [12345.6, 7.5]),
    "Swiss": (["1'234.50", "1\u2019000", "2.-"], [1234.5, 1000, 2]),
    "Indian": (["1,23,456", "12,34,567.50", "999"], [123456, 1234567.5, 999]),
    "decimal comma": (["0,5", "12,75"], [0.5, 12.75]),
    "percent": (["22.7%", "5 %", "-1%"], [22.7, 5, -1]),
    "German percent": (["22,7 %", "5,0 %"], [22.7, 5]),
    "dollars": (["$3,381.75", "-$5", "$-7", "($8.50)"], [3381.75, -5, -7, -8.5]),
    "euros": (["3 €", "€ 4,50", "1.005,00€"], [3, 4.5, 1005]),
    "pounds": (["£1,200", "£3.50"], [1200, 3.5]),
    "yen": (["¥1,200", "¥980"], [1200, 980]),
    "rupees": (["₹1,23,456", "₹ 500"], [123456, 500]),
    "kroner": (["1 200 kr", "45,50 kr."], [1200, 45.5]),
    "francs": (["CHF 1'234.50", "CHF 20"], [1234.5, 20]),
    "codes of currencies": (["EUR 1.234,50", "7,25 EUR"], [1234.5, 7.25]),
    "reais": (["R$ 1.234,50", "R$ 3,20"], [1234.5, 3.2]),
    "zloty": (["1 234,50 zł", "5 zł"], [1234.5, 5]),
    "parentheses": (["(1,234.5)", "17.25"], [-1234.5, 17.25]),
    "typographic minus": (["\u22125", "\u20137.5", "3"], [-5, -7.5, 3]),
    "trailing minus": (["5.5-", "7"], [-5.5, 7]),
    "leading plus": (["+5", "+7.25", "-1"], [5, 7.25, -1]),
    "kilograms": (["12 kg", "5.3kg", "1,200 kg"], [12, 5.3, 1200]),
    "centimetres": (["5.3cm", "17 cm"], [5.3, 17]),
    "per hour": (["120 km/h", "80.5 km/h"], [120, 80.5]),
    "degrees": (["21.5°C", "-3 °C"], [21.5, -3]),
    "rooms": (["3 rooms", "1 room"], [3, 1]),
    "below a limit": (["<0.05", "0.7", ">10"], [0.05, 0.7, 10]),
    "about": (["~5", "≈7.5", "ca. 8"], [5, 7.5, 8]),
    "scientific": (["1e5", "2.5E-3", "7"], [1e5, 0.0025, 7]),
    "scales after currencies": (["$1.5M", "$300K", "$20"], [1.5e6, 3e5, 20]),
    "scales": (["1.5K", "2M", "300"], [1500, 2e6, 300]),
    "words for nothing": (["1.5", "unknown", "2", "n.a.", "3", "4", "5.5"], [1.5, np.nan, 2, np.nan, 3, 4, 5.5]),
    "one stray": ([*map(str, range(40)), "about forty"], [*map(float, range(40)), np.nan]),
    "durations": (["2h 50m", "3h", "45m"], [10200, 10800, 2700]),
    "clock": (["13:16", "02:06", "00:00"], [47760, 7560, 0]),
    "clock of twelve hours": (["1:16 PM", "12:05 am"], [47760, 300]),
    "hours, minutes, seconds": (["00:03:49", "101:34:21"], [229, 365661]),
    "minutes, seconds": (["59:12", "1:02:33"], [3552, 3753]),
    "ISO durations": (["PT2H50M", "P1DT1S"], [10200, 86401]),
    "days": (["1 day, 02:03:04", "03:04:05"], [93784, 11045]),
    "mixed units of time": (["90 min", "2 h"], [5400, 7200]),
}
DATES: dict[str, tuple[list[str], list[str]]] = {
    "ISO": (["2021-03-04", "2021-12-31"], ["2021-03-04", "2021-12-31"]),
    "months day first": (
        [f"01/{month:02}/{year}" for year in (2015, 2016) for month in range(1, 13)],
        [f"{year}-{month:02}-01" for year in (2015, 2016) for month in range(1, 13)],
    ),
    "days month first": (
        ["01/01/2015", "01/02/2015", "01/03/2015", "01/13/2015"],
        ["2015-01-01", "2015-01-02", "2015-01-03", "2015-01-13"],
    ),
    "dots": (["02.11.2021", "12.05.2021"], ["2021-11-02", "2021-05-12"]),
    "dots, two digits": (["02.11.21", "12.5.22"], ["2021-11-02", "2022-05-12"]),
    "dashes": (["02-11-2021", "25-05-2021"], ["2021-11-02", "2021-05-25"]),
    "slashes, two digits": (["25/12/21", "01/02/22"], ["2021-12-25", "2022-02-01"]),
    "year first": (["2021/03/04", "2021/12/25"], ["2021-03-04", "2021-12-25"]),
    "months' names": (["4 Mar 2021", "25 December 2021"], ["2021-03-04", "2021-12-25"]),
    "American names": (["March 4, 2021", "Dec 25, 2021"], ["2021-03-04", "2021-12-25"]),
    "German names": (["4. März 2021", "25. Dezember 2021"], ["2021-03-04", "2021-12-25"]),
    "French names": (["4 mars 2021", "25 août 2021"], ["2021-03-04", "2021-08-25"]),
    "Spanish names": (["4 de enero de 2021", "25 de agosto de 2021"], ["2021-01-04", "2021-08-25"]),
    "names and dashes": (["04-MAR-21", "25-DEC-21"], ["2021-03-04", "2021-12-25"]),
    "weekdays": (["Thu, 04 Mar 2021", "Sat, 25 Dec 2021"], ["2021-03-04", "2021-12-25"]),
    "month and year": (["Jan-16", "Feb-16"], ["2016-01-01", "2016-02-01"]),
    "month and long year": (["Jan 2016", "Feb 2016"], ["2016-01-01", "2016-02-01"]),
    "month number and year": (["01/2016", "12/2016"], ["2016-01-01", "2016-12-01"]),
    "year and month": (["201601", "201602", "201612"], ["2016-01-01", "2016-02-01", "2016-12-01"]),
    "eight digits": (["20160131", "20161224", "20160229"], ["2016-01-31", "2016-12-24", "2016-02-29"]),
    "quarters": (["2000Q1", "2000Q3"], ["2000-01-01", "2000-07-01"]),
    "quarters before years": (["Q1 2000", "Q4 2001"], ["2000-01-01", "2001-10-01"]),
    "weeks": (["2021-W05", "2021-W52"], ["2021-02-01", "2021-12-27"]),
    "time of day": (["04.03.2021 13:05", "25.12.2021 00:00"], ["2021-03-04 13:05", "2021-12-25 00:00"]),
    "a zone": (["2021-03-04T05:06:07Z", "2021-03-04T05:06:07+01:00"], ["2021-03-04 05:06:07", "2021-03-04 04:06:07"]),
    "mixed": (
        ["2021-03-04", "25.12.2021", "Mar 4, 2021", "20210304"],
        ["2021-03-04", "2021-12-25", "2021-03-04", "2021-03-04"],
    ),
}
TEXTS = {
    "leading zeros": ["01067", "1067", "00501"],
    "leading zeros among long ones": ["007", "120", "055"],
    "beyond 2**53": ["9007199254740993", "9007199254740992"],
    "house numbers": ["12", "12a", "7"],
    "ranges": ["10-20", "20-30"],
    "versions": ["1.2.3", "1.10.0"],
    "currencies that differ": ["USD 5", "EUR 5", "USD 7"],
    "units that differ": ["500 g", "1.2 kg"],
    "patients": ["P018", "P019"],
    "yes and no": ["yes", "no"],
    "scores of matches": ["3:1 win", "2:2 draw"],
    "dates of two orders": ["13/02/2021", "02/13/2021", "14/03/2021", "03/14/2021"],
    "days without a year": ["22 Jul", "23 Jul"],
    "addresses": ["10.0.0.1", "10.0.0.12"],
}


def _typed(
    project: Project, cells: list[str], others: dict[str, list[str]] | None = None, **said: Any
) -> tuple[Any, pd.Series, Any]:
    """The column that these cells are, their values, and the schema of a table with others."""
    rows = 60
    table = {"x": cells, **(others or {})}
    frame = pd.DataFrame({name: (own * 4 * rows)[: rows * len(cells)] for name, own in table.items()}, dtype="str")
    frame["y"] = pd.Series((["a", "b"] * len(frame))[: len(frame)], dtype="str")
    task = {"class": f"{project.package}.components.tasks.Classification"}
    schema = project.module("steps.typing.infer").infer(frame, "y", task, {"x": said} if said else {})
    column = next(one for one in schema.columns if one.name == "x")
    convert, without_marks = project.module("schema").convert, project.module("schema").without_marks
    return column, convert(without_marks(frame, schema)["x"], column)[: len(cells)], schema


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_written_as_text_are_numbers(name: str, project: Project) -> None:
    cells, expected = NUMBERS[name]
    column, values, schema = _typed(project, cells)
    assert column.dtype == "number" and column.role == "feature", schema.notes
    np.testing.assert_allclose(values.to_numpy(), expected, rtol=1e-12)
    # The same cell alone, as a service is asked, and the number itself where a client sends one.
    convert = project.module("schema").convert
    for cell, value in zip(cells, expected, strict=True):
        alone = pd.Series([cell], dtype=object) if not np.isnan(value) else pd.Series([None], dtype=object)
        np.testing.assert_allclose(convert(alone, column).to_numpy(), [value], rtol=1e-12)
        np.testing.assert_allclose(convert(pd.Series([value]), column).to_numpy(), [value], rtol=1e-12)


@pytest.mark.parametrize("name", DATES)
def test_dates_are_read_as_a_person_reads_them(name: str, project: Project) -> None:
    cells, expected = DATES[name]
    column, values, _ = _typed(project, cells)
    assert column.dtype == "datetime"
    assert values.tolist() == [pd.Timestamp(one) for one in expected]
    alone = [project.module("schema").convert(pd.Series([cell], dtype=object), column)[0] for cell in cells]
    assert alone == values.tolist()


@pytest.mark.parametrize("name", TEXTS)
def test_what_only_looks_like_a_number_stays_text(name: str, project: Project) -> None:
    column, values, _ = _typed(project, TEXTS[name])
    assert (column.dtype, column.format) == ("category", None)
    assert values.tolist() == TEXTS[name]


@pytest.mark.parametrize(
    ("cells", "others", "expected", "form"),
    [
        (["1.234", "5.678"], {}, [1.234, 5.678], "1.234,5"),
        (["1.234", "5.678"], {"z": ["0,5", "1,25"]}, [1234, 5678], None),
        (["1,234", "5,678"], {}, [1234, 5678], "1234,5"),
        (["1,234", "5,678"], {"z": ["0,5", "1,25"]}, [1.234, 5.678], None),
        (["1.234", "567", "2.345", "12"], {"z": ["3,5", "1,25"]}, [1234, 567, 2345, 12], None),
    ],
)
def test_an_ambiguous_number_goes_by_the_other_columns_or_says_so(
    cells: list[str], others: dict[str, list[str]], expected: list[float], form: str | None, project: Project
) -> None:
    _, values, schema = _typed(project, cells, others)
    assert values.tolist() == expected
    told = [note for note in schema.notes if "could be read another way" in note]
    assert len(told) == (form is not None) and all(f'format: "{form}"' in note for note in told)


@pytest.mark.parametrize(
    ("others", "expected", "is_told"),
    [
        ({}, "2021-11-12", True),
        ({"z": ["25/12/2021", "01/02/2021"]}, "2021-12-11", True),
        ({"z": ["0,5", "12,75"]}, "2021-12-11", True),
        ({"z": ["12/25/2021", "01/02/2021"]}, "2021-11-12", True),
    ],
)
def test_an_ambiguous_date_goes_by_the_other_columns_and_says_so(
    others: dict[str, list[str]], expected: str, is_told: bool, project: Project
) -> None:
    _, values, schema = _typed(project, ["11/12/2021", "08/04/2021"], others)
    assert values[0] == pd.Timestamp(expected)
    assert any("the day and the month the other way round" in note for note in schema.notes) == is_told


@pytest.mark.parametrize(
    ("cells", "form", "expected"),
    [
        (["1.234", "5.678"], "1.234,5", 1234.0),
        (["11/12/2021", "08/04/2021"], "%d/%m/%Y", pd.Timestamp("2021-12-11")),
        (["03:49", "12:00"], "m:s", 229.0),
        (["1604807463", "1683006551"], "unix s", pd.Timestamp("2020-11-08 03:51:03")),
    ],
)
def test_the_owner_can_name_the_format(cells: list[str], form: str, expected: Any, project: Project) -> None:
    column, values, schema = _typed(project, cells, format=form)
    assert values[0] == expected and column.format == form
    assert not any("could be read another way" in note for note in schema.notes)


def test_a_new_row_may_have_another_format_where_it_leaves_no_doubt(project: Project) -> None:
    column, _, _ = _typed(project, ["25/12/2021", "01/02/2021"])
    new = pd.Series(["2021-12-25", "25.12.2021", "Dec 25, 2021", "12/25/2021"], dtype=object)
    found = project.module("schema").convert(new, column)
    assert found.tolist()[:3] == [pd.Timestamp("2021-12-25")] * 3 and pd.isna(found[3])
    assert column.expected == "no date such as 31/12/2025 (%d/%m/%Y)"


def _schema(project: Project, frame: pd.DataFrame, missing: list[str] | None = None, **said: Any) -> Any:
    task = {"class": f"{project.package}.components.tasks.Classification"}
    return project.module("steps.typing.infer").infer(frame, "y", task, said, missing)


def _with_target(mark: str, share: float, rows: int = 300) -> pd.DataFrame:
    marked = int(share * rows)
    target = [mark] * marked + ["Severe", "Mild"] * ((rows - marked) // 2)
    return pd.DataFrame({"x": [f"{row % 7}.5" for row in range(len(target))], "y": target}, dtype="str")


@pytest.mark.parametrize("mark", ["None", "NA", "N/A", "n/a"])
def test_a_frequent_class_that_looks_missing_is_a_class(mark: str, project: Project) -> None:
    frame = _with_target(mark, 0.6)
    schema = _schema(project, frame)
    preprocess, task_of = project.module("steps.preprocess").preprocess, project.module("steps.task").task_of
    rows = task_of(schema).rows(preprocess(frame, schema), schema)
    assert rows["y"].value_counts().to_dict() == {mark: 180, "Severe": 60, "Mild": 60}
    assert any(f"'{mark}' is taken as a class" in note for note in schema.notes)


@pytest.mark.parametrize("mark", ["-", "nan", "null", "?"])
def test_a_frequent_target_that_looks_missing_is_refused_with_the_setting(mark: str, project: Project) -> None:
    errors = project.module("errors")
    with pytest.raises(errors.UserError, match=r"in 180 of 300 rows.*`missing: \["):
        _schema(project, _with_target(mark, 0.6))
    assert _schema(project, _with_target(mark, 0.6), missing=[mark]).answers[0].blank is None


def test_na_is_missing_where_columns_of_numbers_have_it(project: Project) -> None:
    frame = _with_target("NA", 0.6).assign(x=["NA", "1.5", "2.5"] * 100)
    with pytest.raises(project.module("errors").UserError, match="'y' is 'NA' in 180 of 300 rows"):
        _schema(project, frame)


def test_labels_with_leading_zeros_stay_distinct(project: Project) -> None:
    to_label = project.module("steps.preprocess").to_label
    assert to_label(pd.Series(["007", "7", "12"])).tolist() == ["007", "7", "12"]
    assert to_label(pd.Series(["1.0", "2", "3"])).tolist() == [1, 2, 3]
    assert to_label(pd.Series(["true", "FALSE"])).tolist() == [True, False]
    assert to_label(pd.Series([1.0, 2.0])).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("name", "step", "role"),
    [
        ("amount_paid", 37, "feature"),
        ("Grid", 37, "feature"),
        ("Number", 37, "feature"),
        ("Account no", 37, "feature"),
        ("Humid", 37, "feature"),
        ("Account no", 1, "id"),
        ("customer_id", 37, "id"),
        ("userId", 37, "id"),
        ("ID", 37, "id"),
        ("Unnamed: 0", 1, "id"),
    ],
)
def test_a_name_alone_makes_no_identifier(name: str, step: int, role: str, project: Project) -> None:
    order = np.random.default_rng(0).permutation(200)
    frame = pd.DataFrame({name: (1000 + step * order).astype(str), "y": ["a", "b"] * 100}, dtype="str")
    assert _schema(project, frame).columns[0].role == role


def test_an_identifier_whose_order_goes_with_the_target_is_named(project: Project) -> None:
    frame = pd.DataFrame({"customer_id": map(str, range(200)), "y": ["old"] * 120 + ["new"] * 80}, dtype="str")
    note = "customer_id is left out as an identifier, but its order goes with y"
    assert any(one.startswith(note) for one in _schema(project, frame).warnings)
    frame["y"] = np.random.default_rng(0).choice(["old", "new"], 200)
    assert not any(one.startswith(note) for one in _schema(project, frame).warnings)


@pytest.mark.parametrize("cell", [[1, 2], {"a": 1}, b"\x00\x01", np.array([1.0, 2.0]), (1, 2)])
def test_cells_that_are_no_single_values_are_left_out_by_name(cell: Any, project: Project) -> None:
    frame = pd.DataFrame({"x": [cell] * 40, "v": np.arange(40.0), "y": ["a", "b"] * 20})
    schema = _schema(project, frame)
    assert schema.columns[0].role == "ignore" and schema.notes[0].startswith("left out: x (its cells are no single")
    assert project.module("steps.preprocess").preprocess(frame, schema)["x"].isna().all()
    with pytest.raises(project.module("errors").UserError, match="x: its cells are no single values"):
        _schema(project, frame, x={"role": "feature"})


def test_oddities_of_a_table_are_named(project: Project) -> None:
    frame = pd.DataFrame({"T": ["C", *map(str, range(60)), "99"], "k": ["", *["u", "v"] * 30, "Total"]}, dtype="str")
    frame["y"] = pd.Series(["", *["Yes", "yes", "no"] * 20, "no"], dtype="str")
    notes = " ".join(_schema(project, frame.replace("", None).astype("str")).notes)
    assert "row 1 looks like a row of units (T: 'C')" in notes and "row 62 looks like a total ('Total')" in notes
    assert "y: 'Yes', 'yes' differ in case or spaces alone" in notes


def test_a_stray_text_under_a_rule_is_named_with_its_row(project: Project) -> None:
    frame = pd.DataFrame({"x": [*map(str, range(60)), "about 40"], "y": ["a", *["a", "b"] * 30]}, dtype="str")
    with pytest.raises(project.module("errors").UserError, match=r"x: the value 'about 40' \(row 61\) is no number"):
        _schema(project, frame, x={"min": 0, "max": 100})


def test_a_target_is_read_in_its_format(project: Project) -> None:
    frame = pd.DataFrame({"x": [f"{n}.5" for n in range(40)], "y": [f"1.{n:03},27" for n in range(40)]}, dtype="str")
    task = {"class": f"{project.package}.components.tasks.Regression"}
    schema = project.module("steps.typing.infer").infer(frame, "y", task, {})
    preprocess, task_of = project.module("steps.preprocess").preprocess, project.module("steps.task").task_of
    rows = task_of(schema).rows(preprocess(frame, schema), schema)
    assert rows["y"].tolist() == [1000.27 + n for n in range(40)]


@pytest.mark.parametrize("cell", ["-999", "-999.0", -999, -999.0, np.int64(-999), "n. k.", " n. k. "])
def test_the_owners_marks_are_missing_whether_text_or_number(cell: Any, project: Project) -> None:
    frame = pd.DataFrame({"x": [*map(str, range(40)), "-999"], "y": ["a", *["a", "b"] * 20]}, dtype="str")
    schema = _schema(project, frame, missing=["-999", "n. k."])
    preprocess, check = (
        project.module("steps.preprocess").preprocess,
        project.module("components.validation").Validation(),
    )
    assert (schema.columns[0].dtype, schema.columns[0].min) == ("number", 0.0)
    for dtype in (None, object):
        row = pd.DataFrame({"x": pd.Series([cell], dtype=dtype)})
        assert preprocess(row, schema)["x"].isna().all() and not check.check(row, schema).problems()


def test_what_is_left_out_stands_in_the_warnings(project: Project) -> None:
    frame = pd.DataFrame({"x": [f"{n % 9}.5" for n in range(60)], "c": "same", "code": [f"K{n}" for n in range(60)]})
    frame["y"] = [None, None, None, *["a", "b", "b"] * 19]
    schema = _schema(project, frame)
    project.module("steps.task").task_of(schema).rows(
        project.module("steps.preprocess").preprocess(frame, schema), schema
    )
    assert [note.partition(":")[0] for note in sorted(schema.warnings)] == [
        "3 of 60 rows (5.0%) have no y and are left out",
        "left out as identifiers (role",
        "left out",
    ]


def test_many_short_columns_of_text_are_changed_together(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = project.module("steps.typing.cells")
    monkeypatch.setattr(cells, "CELLS_AT_ONCE", 12)
    columns = {n: pd.Series([f" {n}", None, "a "], index=[7, 3, 5], dtype="str", name=n) for n in range(9)}
    calls = []

    def strip(values: pd.Series) -> pd.Series:
        calls.append(len(values))
        return values.str.strip()

    found = cells.over_texts(columns, strip)
    assert calls == [12, 12, 3], "four columns of three cells at a time"
    for name, values in columns.items():
        pd.testing.assert_series_equal(found[name], values.str.strip())


def test_a_format_of_numbers_for_a_column_of_words_leaves_it_empty(project: Project) -> None:
    frame = pd.DataFrame({"kind": ["red", "green", "blue"] * 20, "x": range(60), "y": ["a", "b"] * 30})
    task = {"class": f"{project.package}.components.tasks.Classification"}
    schema = project.module("steps.typing.infer").infer(frame, "y", task, {"kind": {"format": "1.234,5"}})
    assert (schema.columns[0].role, schema.columns[0].missing) == ("ignore", 1.0)
    assert schema.notes == ["left out: kind (every value is no number written as 1.234,5)"]
