"""New rows: what differs from training is refused, warned of or coerced, and parts give what the whole gives."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from << cookiecutter.package_name >>.components.validation import Validation
from << cookiecutter.package_name >>.errors import UserError
from << cookiecutter.package_name >>.prediction.batch import predict_file
from << cookiecutter.package_name >>.prediction.pipeline import PredictionPipeline
from << cookiecutter.package_name >>.schema import Schema, convert
from << cookiecutter.package_name >>.steps.load import load, load_parts
from << cookiecutter.package_name >>.steps.predict import predict
from << cookiecutter.package_name >>.steps.task import task_of
from << cookiecutter.package_name >>.steps.typing.infer import infer


def _kept(frame: pd.DataFrame) -> pd.DataFrame:
    """No new columns: yours may need columns of your own table."""
    return frame


@pytest.fixture(scope="module")
def pipeline(fitted: Any, schema: Schema) -> PredictionPipeline:
    """A fitted model, without columns that only your own table has."""
    return PredictionPipeline(schema, fitted, featurize=_kept)


@pytest.fixture
def rows(raw: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Rows that the model has not seen, as they were read."""
    return raw.drop(columns=schema.targets).iloc[90:].reset_index(drop=True)


def _with(pipeline: PredictionPipeline, **policies: str) -> PredictionPipeline:
    return PredictionPipeline(pipeline.schema, pipeline.model, Validation(**policies), featurize=pipeline.featurize)


SPOILT: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "wrong_types": lambda frame: frame.assign(size=frame["size"].astype(object).where(frame.index != 3, "tall")),
    "unseen_categories": lambda frame: frame.assign(kind=frame["kind"].where(frame.index != 3, "z")),
    "missing_values": lambda frame: frame.assign(count=frame["count"].where(frame.index != 3)),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_cell_unlike_training_is_refused_warned_of_or_coerced(
    name: str, pipeline: PredictionPipeline, rows: pd.DataFrame
) -> None:
    spoilt = SPOILT[name](rows)
    with pytest.raises(UserError, match="1 row is refused: row 4: "):
        _with(pipeline, **{name: "refuse"}).predict(spoilt)
    with pytest.warns(UserWarning, match="row 4: "):
        warned = _with(pipeline, **{name: "warn"}).predict(spoilt)
    coerced = _with(pipeline, **{name: "coerce"}).predict(spoilt)
    pd.testing.assert_frame_equal(warned, coerced)
    if task_of(pipeline.schema).independent:
        others = rows.index != 3
        pd.testing.assert_frame_equal(coerced[others], pipeline.predict(rows)[others])


def test_a_bad_row_does_not_lose_the_good_ones(pipeline: PredictionPipeline, rows: pd.DataFrame) -> None:
    found = _with(pipeline, bad_rows="skip").run(SPOILT["wrong_types"](rows))
    assert found.checked.problems() == [(3, "size", "'tall' is no number")]
    assert found.table.isna().all(axis=1).tolist() == (found.table.index == 3).tolist()
    if task_of(pipeline.schema).independent:
        expected = pipeline.predict(rows).drop(index=3)
        pd.testing.assert_frame_equal(found.table.drop(index=3), expected, check_dtype=False)


def test_a_row_whose_prediction_is_not_finite_is_refused(pipeline: PredictionPipeline, rows: pd.DataFrame) -> None:
    if not pipeline.schema.task["class"].endswith(".Regression"):
        pytest.skip("it is about numbers")
    endless = PredictionPipeline(pipeline.schema, _Endless(), Validation(bad_rows="skip"), featurize=pipeline.featurize)
    found = endless.run(rows)
    assert [row for row, column, _ in found.checked.problems() if column == "prediction"] == [3]
    assert found.table["prediction"].isna().tolist() == (rows.index == 3).tolist()
    with pytest.raises(UserError, match="row 4: prediction: it is not finite"):
        PredictionPipeline(pipeline.schema, _Endless(), featurize=pipeline.featurize).predict(rows)


class _Endless:
    """Predicts what is too large for the fourth row."""

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return np.where(np.arange(len(X)) == 3, np.inf, 1.0)


def test_of_refused_rows_alone_nothing_is_predicted(pipeline: PredictionPipeline, rows: pd.DataFrame) -> None:
    found = _with(pipeline, bad_rows="skip").run(rows.assign(size="tall"))
    assert found.table.shape == (len(rows), len(pipeline.predict(rows).columns)) and found.table.isna().all(axis=None)


def test_columns_may_stand_in_any_order_and_others_beside_them(
    pipeline: PredictionPipeline, rows: pd.DataFrame
) -> None:
    pd.testing.assert_frame_equal(pipeline.predict(rows[rows.columns[::-1]].assign(new=1)), pipeline.predict(rows))
    with pytest.raises(UserError, match="'new': training did not see this column"):
        _with(pipeline, extra_columns="refuse").predict(rows.assign(new=1))


def test_a_missing_column_is_refused_or_taken_as_empty(pipeline: PredictionPipeline, rows: pd.DataFrame) -> None:
    with pytest.raises(UserError, match="'size': the model needs this column"):
        pipeline.predict(rows.drop(columns="size"))
    assert _with(pipeline, missing_columns="coerce").predict(rows.drop(columns="size")).notna().all(axis=None)


def test_the_owners_rules_hold_for_new_rows(pipeline: PredictionPipeline, rows: pd.DataFrame) -> None:
    schema = Schema.from_json(pipeline.schema.to_json())
    next(one for one in schema.columns if one.name == "count").rules = {"max": 4}
    ruled = PredictionPipeline(schema, pipeline.model, featurize=_kept)
    with pytest.raises(UserError, match=r"row 1: count: '5.0' breaks the rule max: 4"):
        ruled.predict(rows.assign(count=5))


def test_a_policy_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="wrong_types is refuse or warn or coerce, not 'wran'"):
        Validation(wrong_types="wran")


def test_featurize_can_be_changed_without_training_again(pipeline: PredictionPipeline, rows: pd.DataFrame) -> None:
    pipeline = replace(pipeline, example=rows)
    larger = pipeline.with_featurize(lambda frame: frame.assign(size=frame["size"] + 5))
    pd.testing.assert_frame_equal(larger.predict(rows), pipeline.predict(rows.assign(size=rows["size"] + 5)))
    with pytest.raises(UserError, match="featurize gives no column 'size', which the model needs"):
        pipeline.with_featurize(lambda frame: frame.drop(columns="size"))
    with pytest.raises(UserError, match="'size' is a number to the model, and is made a category here"):
        pipeline.with_featurize(lambda frame: frame.assign(size="x"))


def test_a_featurize_that_fails_is_named_with_its_line(pipeline: PredictionPipeline, rows: pd.DataFrame) -> None:
    def fails(frame: pd.DataFrame) -> pd.DataFrame:
        return frame["no such column"].to_frame()

    with pytest.raises(UserError, match=rf"{Path(__file__).name}:\d+: fails fails: KeyError"):
        replace(pipeline, example=rows).with_featurize(fails)


def test_a_pipeline_without_a_model_prepares_rows(
    pipeline: PredictionPipeline, raw: pd.DataFrame, table: pd.DataFrame, schema: Schema
) -> None:
    alone = PredictionPipeline(schema, featurize=_kept)
    pd.testing.assert_frame_equal(alone.prepare(raw), table[list(schema.features)])
    with pytest.raises(UserError, match="has no model"):
        alone.predict(raw)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl", ".csv.gz", ".json"])
def test_a_table_is_predicted_in_parts_as_it_is_whole(
    suffix: str, pipeline: PredictionPipeline, rows: pd.DataFrame, tmp_path: Path
) -> None:
    source, said = tmp_path / f"rows{suffix}", list[str]()
    write: dict[str, Callable[[], Any]] = {
        ".parquet": lambda: rows.to_parquet(source),
        ".jsonl": lambda: rows.to_json(source, orient="records", lines=True),
        ".json": lambda: rows.to_json(source, orient="records"),
    }
    write.get(suffix, lambda: rows.to_csv(source, index=False))()
    whole = pipeline.predict(load(str(source)))
    written = {}
    outputs = (".csv", ".parquet", ".jsonl") if suffix == ".csv" else (".csv",)
    for output in (tmp_path / f"out{ending}" for ending in outputs):
        assert predict_file(pipeline, str(source), output, keep=["note"], rows=7, say=said.append) == len(rows)
        read_csv = partial(pd.read_csv, keep_default_na=False)
        readers: dict[str, Callable[..., Any]] = {".csv": read_csv, ".parquet": pd.read_parquet}
        written[output.suffix] = readers.get(output.suffix, lambda path: pd.read_json(path, lines=True))(output)
    for found in written.values():
        assert found["note"].tolist() == rows["note"].tolist()
        pd.testing.assert_frame_equal(found[list(whole)], whole, check_dtype=False, rtol=1e-6)
    assert ("14 rows" in said) is task_of(pipeline.schema).independent and not list(tmp_path.glob("*.refused.csv"))


def test_refused_rows_are_listed_in_a_file_with_their_numbers(
    pipeline: PredictionPipeline, rows: pd.DataFrame, tmp_path: Path
) -> None:
    source, output, said = tmp_path / "rows.csv", tmp_path / "out.csv", list[str]()
    rows.assign(size=rows["size"].astype(object).where(~rows.index.isin([3, 17]), "tall")).to_csv(source, index=False)
    output.write_text("of an earlier run")
    with pytest.raises(UserError, match="row 4: size: 'tall' is no number"):
        predict_file(pipeline, str(source), output, rows=7, say=said.append)
    assert output.read_text() == "of an earlier run" and sorted(tmp_path.iterdir()) == [output, source]
    skipping = _with(pipeline, bad_rows="skip")
    assert predict_file(skipping, str(source), output, rows=7, say=said.append) == len(rows) - 2
    listed = pd.read_csv(tmp_path / "out.csv.refused.csv")
    assert listed["row"].tolist() == [4, 18] and set(listed["reason"]) == {"'tall' is no number"}
    assert np.flatnonzero(pd.read_csv(output).iloc[:, -1].isna()).tolist() == [3, 17]


def test_an_output_of_an_unknown_kind_is_refused(pipeline: PredictionPipeline, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"predictions are written to .csv, .jsonl, .parquet"):
        predict_file(pipeline, "rows.csv", tmp_path / "out.xlsx")


def test_what_a_value_is_does_not_depend_on_the_rows_beside_it(tmp_path: Path) -> None:
    table = pd.DataFrame({"code": ["007", "A7", "1.0"] * 10, "grade": [1.0, 2.5, None] * 10, "y": range(30)})
    table.to_csv(tmp_path / "rows.csv", index=False)
    read = load(str(tmp_path / "rows.csv"))
    schema = infer(read, "y", "regression", {"grade": {"dtype": "category"}})
    columns = [one for one in schema.columns if one.name != "y"]
    whole = pd.DataFrame({one.name: convert(read[one.name], one) for one in columns})
    parts = load_parts(str(tmp_path / "rows.csv"), None, None, 1)
    found = pd.concat([pd.DataFrame({one.name: convert(part[one.name], one) for one in columns}) for part in parts])
    pd.testing.assert_frame_equal(found, whole)
    assert whole["code"].tolist()[:3] == ["007", "A7", "1"] and whole["grade"].tolist()[:2] == ["1", "2.5"]
    as_json = pd.DataFrame(json.loads(json.dumps([{"code": "007", "grade": "1.0"}, {"code": "1.0", "grade": 2.5}])))
    assert convert(as_json["grade"], columns[1]).tolist() == ["1", "2.5"]


def test_predictions_are_those_of_the_model(pipeline: PredictionPipeline, rows: pd.DataFrame) -> None:
    said = predict(pipeline.model, pipeline.prepare(rows), pipeline.schema)
    pd.testing.assert_frame_equal(pipeline.predict(rows), said)
