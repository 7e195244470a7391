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
    task = {"class": f"{project.package}.custom.tasks.Classification"}
    raw = project.module("steps.load").load(str(path), {}, [])
    schema = project.module("steps.typing.infer").infer(raw, "y", task, {"account": {"role": "feature"}})
    preprocess, task_of = project.module("steps.preprocess").preprocess, project.module("steps.task").task_of
    rows = task_of(schema).rows(preprocess(raw, schema), schema)
    schema.features = {column.name: column.dtype for column in schema.needed}
    return project.module("pipeline").PredictionPipeline(schema, _model(task_of(schema), schema, rows))


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
    found: pd.DataFrame = project.module("service.bodies").table(content, kind, pipeline.schema, {}, 10_000, 1_000_000)
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
    joined = project.module("service.batches")._joined(frames)
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
