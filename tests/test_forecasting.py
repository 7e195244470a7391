"""The recipe forecasting: its task, forecasters, splitter, metrics and charts, and a run from end to end."""

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from stamped import ROOT, Project

SAMPLE = ROOT / "recipes" / "forecasting" / "data" / "raw" / "sea_surface.csv"
LOCAL = ("SeasonalNaive", "LagRegressor", "ExponentialSmoothing", "Theta", "Arima")


@pytest.fixture(scope="module")
def stamped(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project to import from; nothing is run in it."""
    return Project(tmp_path_factory.mktemp("stamped"), project_name="Of time", recipe="forecasting", estimators="fast")


@pytest.fixture(scope="module")
def methods(stamped: Project) -> Any:
    """The classes of all forecasters."""
    modules = ("forecasters", "package_forecasters")
    return SimpleNamespace(
        **{name: thing for module in modules for name, thing in vars(stamped.module(f"components.{module}")).items()}
    )


@pytest.fixture(scope="module")
def error(stamped: Project) -> type[Exception]:
    return stamped.module("errors").UserError


def waves(
    series: int = 1, steps: int = 96, frequency: str = "MS", noise: float = 0.1
) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows with the index (series, time) and numbers with a trend and a season of 12 steps, each series at its level."""
    random = np.random.default_rng(0)
    stamps = pd.date_range("2000-01-01", periods=steps, freq=frequency)
    index = pd.MultiIndex.from_product([[f"s{number}" for number in range(series)], stamps], names=["series", "time"])
    place = np.tile(np.arange(steps), series)
    level = np.repeat(10.0 ** np.arange(series), steps)
    values = level * (5 + 0.02 * place + np.sin(2 * np.pi * place / 12)) + level * noise * random.normal(
        size=len(index)
    )
    return pd.DataFrame(index=index), values


def apart(X: pd.DataFrame, y: np.ndarray, ahead: int = 12) -> tuple[pd.DataFrame, np.ndarray, pd.DataFrame, np.ndarray]:
    """The rows to learn from and the last stamps."""
    stamps = X.index.get_level_values(1)
    later = stamps > np.sort(stamps.unique())[-ahead - 1]
    return X[~later], y[~later], X[later], y[later]


# --------------------------------------------------------------------------------------- forecasters


def test_the_seasonal_naive_repeats_the_last_season(methods: Any) -> None:
    X, y, later, _ = apart(*waves(2), ahead=15)
    said = methods.SeasonalNaive().fit(X, y).predict(later)
    one = y[X.index.get_level_values(0) == "s1"]
    assert said[15:].tolist() == [*one[-12:], *one[-12:-9]]


@pytest.mark.parametrize("name", LOCAL[1:])
def test_a_method_beats_the_seasonal_naive_on_a_trend_with_a_season(methods: Any, name: str) -> None:
    X, y, later, truth = apart(*waves(2, noise=0.02))
    given = {"ExponentialSmoothing": {"trend": "add"}, "Arima": {"order": [1, 0, 0], "seasonal_order": [0, 1, 1]}}
    found = {
        one: np.abs(getattr(methods, one)(**given.get(one, {})).fit(X, y).predict(later) - truth)[:12].mean()
        for one in ("SeasonalNaive", name)
    }
    assert found[name] < found["SeasonalNaive"]


@pytest.mark.parametrize("name", [*LOCAL, "ProphetForecaster", "DartsForecaster"])
def test_a_stored_forecaster_says_the_same(methods: Any, name: str) -> None:
    from skops.io import dumps, get_untrusted_types, loads

    X, y, later, _ = apart(*waves(2))
    made = getattr(methods, name)().fit(X, y)
    stored = dumps(made)
    trusted = get_untrusted_types(data=stored)
    assert all(one.startswith(("of_time.", "sklearn.")) for one in trusted), trusted
    np.testing.assert_array_equal(loads(stored, trusted=trusted).predict(later), made.predict(later))


@pytest.mark.parametrize("name", LOCAL)
def test_rows_may_be_asked_in_any_order_and_one_alone(methods: Any, name: str) -> None:
    X, y, later, _ = apart(*waves(2))
    made = getattr(methods, name)().fit(X, y)
    whole = pd.Series(made.predict(later), later.index)
    mixed = later.sample(frac=1, random_state=0)
    np.testing.assert_allclose(made.predict(mixed), whole[mixed.index])
    np.testing.assert_allclose(made.predict(later.iloc[[7]]), whole.iloc[[7]])


@pytest.mark.parametrize("name", LOCAL)
@pytest.mark.parametrize("values", [np.ones(30), np.arange(4.0)], ids=["constant", "short"])
def test_a_constant_and_a_short_series_are_forecast(methods: Any, name: str, values: np.ndarray) -> None:
    X, _, later, _ = apart(*waves(1, len(values) + 3), ahead=3)
    said = getattr(methods, name)().fit(X, values).predict(later)
    assert np.isfinite(said).all()
    if len(set(values)) == 1:
        np.testing.assert_allclose(said, 1.0)


@pytest.mark.parametrize("name", LOCAL)
def test_what_is_not_ahead_is_refused(methods: Any, error: type[Exception], name: str) -> None:
    X, y, later, _ = apart(*waves(2))
    made = getattr(methods, name)().fit(X, y)
    with pytest.raises(error, match="is not after 2006-12-01"):
        made.predict(X.tail(2))
    with pytest.raises(error, match=r"'a' is a series that the model has not seen; it knows 's0', 's1'"):
        made.predict(later.set_axis(later.index.set_levels(["a", "b"], level=0)))
    between = pd.MultiIndex.from_tuples([("s0", pd.Timestamp("2007-01-17"))], names=later.index.names)
    with pytest.raises(error, match="is between two steps: the frequency is MS"):
        made.predict(pd.DataFrame(index=between))


def test_lags_are_those_of_the_same_series(methods: Any) -> None:
    """A line through the last value and that of a season before is found again, whatever the other series does."""
    X, _ = waves(2, 60)
    values = np.concatenate([np.arange(60.0), 1000 - 3 * np.arange(60.0)])
    X, y, later, truth = apart(X, values)
    made = methods.LagRegressor(LinearRegression(), lags=2, season_lags=0, difference="last", calendar=[], scale=False)
    np.testing.assert_allclose(made.fit(X, y).predict(later), truth)


def test_a_covariate_of_the_future_is_used(methods: Any) -> None:
    X, y = waves(1, 120, noise=0.01)
    holiday = np.random.default_rng(1).integers(0, 2, len(X)).astype(float)
    kind = pd.array(np.where(holiday > 0, "holiday", "work"), dtype="str")
    for name, column in (("LagRegressor", kind), ("LagRegressor", holiday), ("Arima", holiday), ("Arima", kind)):
        rows, learned, later, truth = apart(X.assign(day=column), y + 3 * holiday)
        given = {} if name == "LagRegressor" else {"order": [1, 0, 0], "seasonal_order": [0, 1, 1]}
        told, untold = (
            np.abs(getattr(methods, name)(**given).fit(one, learned).predict(other) - truth).mean()
            for one, other in ((rows, later), (rows.drop(columns="day"), later.drop(columns="day")))
        )
        assert told < 0.6 * untold, name


def test_seasons_follow_the_frequency(stamped: Project) -> None:
    series = stamped.module("components.series")
    expected = {"h": 24, "15min": 96, "D": 7, "B": 5, "W-SUN": 52, "MS": 12, "ME": 12, "QS-OCT": 4, "YS": 1, "2h": 12}
    assert {one: series.season_of(one) for one in expected} == expected


@pytest.mark.parametrize("frequency", ["D", "h", "MS", "ME", "W-WED", "B", "15min", "QS-OCT"])
def test_a_frequency_is_told_with_gaps(stamped: Project, frequency: str) -> None:
    stamps = pd.date_range("2020-01-01", periods=400, freq=frequency)
    assert stamped.module("components.series").frequency_of(stamps.delete([50, 51, 200])) == frequency


# ------------------------------------------------------------------------------------------ splitter


def test_origins_roll_over_stamps_and_not_over_rows(stamped: Project) -> None:
    splitter = stamped.module("components.origins").RollingOrigin(horizon=2, n_splits=3, gap=1, window=4)
    stamps = pd.date_range("2020-01-01", periods=12, freq="D")
    X = pd.DataFrame(index=stamps.repeat(2))
    found = [(stamps[np.unique(a // 2)], stamps[np.unique(b // 2)]) for a, b in splitter.split(X)]
    assert [(a[0].day, a[-1].day, b[0].day, b[-1].day) for a, b in found] == [
        (2, 5, 7, 8),
        (4, 7, 9, 10),
        (6, 9, 11, 12),
    ]
    written = stamped.module("components.origins").RollingOrigin(horizon=2, n_splits=3, step=2, gap=1)
    with pytest.raises(ValueError, match="need more than 7 time stamps, and there are 5: take fewer origins"):
        next(written.split(X.iloc[:10]))
    with pytest.raises(ValueError, match="role: time"):
        next(splitter.split(pd.DataFrame({"a": [1, 2]})))


@pytest.mark.parametrize(
    ("stamps", "origins", "first"), [(732, 8, 636), (93, 8, 32), (24, 5, 8), (16, 1, 4)], ids=["732", "93", "24", "16"]
)
def test_a_short_table_gets_fewer_or_closer_origins(stamped: Project, stamps: int, origins: int, first: int) -> None:
    splitter = stamped.module("components.origins").RollingOrigin(horizon=12, n_splits=8)
    found = list(splitter.split(pd.DataFrame(index=pd.date_range("2000-01-01", periods=stamps, freq="MS"))))
    assert len(found) == origins and len(found[0][0]) == first
    assert all(len(scored) == 12 and scored[0] == len(learned) for learned, scored in found)
    assert found[-1][1][-1] == stamps - 1


def test_a_table_that_is_too_short_for_the_horizon_is_told_what_to_write(stamped: Project) -> None:
    splitter = stamped.module("components.origins").RollingOrigin(horizon=12, n_splits=8)
    with pytest.raises(ValueError, match=r"leaves 0 of 12 time stamps .* write a `horizon` of at most a third"):
        next(splitter.split(pd.DataFrame(index=pd.date_range("2000-01-01", periods=12, freq="MS"))))


def test_a_series_is_not_scored_before_it_begins(stamped: Project) -> None:
    stamps = pd.date_range("2020-01-01", periods=40, freq="D")
    names = np.repeat(["old", "new"], [40, 12])
    X = pd.DataFrame(index=stamps.append(stamps[-12:]))
    splitter = stamped.module("components.origins").RollingOrigin(horizon=5, n_splits=3)
    found = [(set(names[a]), set(names[b])) for a, b in splitter.split(X, groups=names)]
    assert found == [({"old"}, {"old"}), ({"old", "new"}, {"old", "new"}), ({"old", "new"}, {"old", "new"})]


# ----------------------------------------------------------------------------------------- intervals


def made_intervals(stamped: Project, read: Callable[..., Any], lines: dict[str, np.ndarray], origins: int = 20) -> Any:
    """Intervals of the last-value forecast of 12 steps, and how wide they are by series and step."""
    stamps = pd.date_range("2000-01-01", periods=len(next(iter(lines.values()))), freq="D").strftime("%Y-%m-%d")
    table = pd.concat([pd.DataFrame({"when": stamps, "name": name, "y": line}) for name, line in lines.items()])
    rows, _, task = read(table, {"name": {"role": "group"}}, horizon=12, season_length=1)
    features, target = rows[["when", "name"]], rows["y"]
    index = features.set_axis(pd.DatetimeIndex(rows["when"]))
    splitter = stamped.module("components.origins").RollingOrigin(horizon=12, n_splits=origins)
    folds = list(splitter.split(index, groups=rows["name"]))
    combine = stamped.module("steps.ensemble").WeightedMean([1.0])
    data = stamped.module("steps.training_set").TrainingSet(features, target, folds, task, {}, None)
    naive = [task.wrap(task.dummy()).fit(features.iloc[a], target.iloc[a]) for a, _ in folds]
    said = np.concatenate([one.predict(features.iloc[b]) for one, (_, b) in zip(naive, folds, strict=True)])
    truth = np.concatenate([target.iloc[b] for _, b in folds])
    intervals = stamped.module("components.intervals").ResidualIntervals(combine, [0.8, 0.95])
    intervals.fit(said[:, None], truth, **stamped.module("steps.out_of_fold").OutOfFold(data).difficulty())
    task.see(features, target)
    ahead = task.upcoming(rows)
    bounds = intervals.predict_interval(np.zeros((len(ahead), 1)), **task.difficulty(ahead))
    return ahead.assign(half_80=bounds[:, 1], half_95=bounds[:, 3])


def test_intervals_of_a_random_walk_grow_as_its_errors_do(stamped: Project, read: Callable[..., Any]) -> None:
    walk = np.random.default_rng(0).normal(size=1000).cumsum()
    found = made_intervals(stamped, read, {"a": walk})
    steps = np.arange(1, 13)
    assert (np.diff(found["half_95"]) >= 0).all()
    np.testing.assert_allclose(found["half_80"], 1.28 * np.sqrt(steps), rtol=0.4)
    np.testing.assert_allclose(found["half_95"], 1.96 * np.sqrt(steps), rtol=0.4)


def test_intervals_scale_with_their_series(stamped: Project, read: Callable[..., Any]) -> None:
    small, large = np.random.default_rng(0).normal(size=(2, 600)) * [[1.0], [50.0]] + [[4775.0], [11389.0]]
    found = made_intervals(stamped, read, {"small": small, "large": large}).groupby("name")["half_95"].mean()
    assert found["large"] / found["small"] == pytest.approx(50, rel=0.15)


def test_intervals_hold_what_they_promise_on_new_steps(stamped: Project, read: Callable[..., Any]) -> None:
    """Within binomial bounds, on 30 random walks of very different sizes."""
    random = np.random.default_rng(1)
    sizes = 10.0 ** random.uniform(-1, 3, 30)
    walks = random.normal(size=(30, 162)).cumsum(axis=1) * sizes[:, None]
    lines = {f"s{number:02}": walk[:150] for number, walk in enumerate(walks)}
    found = made_intervals(stamped, read, lines, origins=8)
    missed = np.abs(walks[:, 150:] - walks[:, 149:150]).ravel()
    for share, half in ((0.8, "half_80"), (0.95, "half_95")):
        # Steps of a walk depend on each other: about two independent ones are left of each series.
        deviation = np.sqrt(share * (1 - share) / 60)
        assert np.mean(missed <= found[half].to_numpy()) == pytest.approx(share, abs=3 * deviation)


def test_intervals_beyond_the_horizon_grow_on(stamped: Project, read: Callable[..., Any]) -> None:
    rows, _, task = read(daily(200))
    task.see(rows[["when"]], rows["y"])
    told = task.difficulty(task.upcoming(rows, 12))
    assert told["strata"].tolist() == [1, 2, *[3] * 10]
    assert told["scale"][-1] / told["scale"][0] == pytest.approx(2.0), "12 steps are four horizons of 3"


def test_a_row_that_several_folds_scored_counts_once(stamped: Project) -> None:
    kind, mean = stamped.module("components.intervals").ResidualIntervals, stamped.module("steps.ensemble").WeightedMean
    errors = np.tile(np.random.default_rng(0).normal(size=15), 4)
    fitted = [kind(mean([1.0]), [0.8]).fit(np.zeros((60, 1)), errors, rows=rows) for rows in (None, np.arange(60) % 15)]
    assert fitted[1].widths_[0, 0] > fitted[0].widths_[0, 0]


# ------------------------------------------------------------------------------------------- metrics


def test_metrics_are_those_of_the_books(stamped: Project) -> None:
    metrics = stamped.module("components.forecast_metrics")
    smape = metrics.symmetric_mean_absolute_percentage_error
    assert smape(np.array([100.0, 0.0]), np.array([50.0, 0.0])) == pytest.approx(50 / 75 / 2)
    X, y, later, truth = apart(*waves(2))
    said = truth + np.repeat([1.0, 10.0], 12)
    scales = [np.abs(part[12:] - part[:-12]).mean() for part in np.split(y, 2)]
    expected = (1 / scales[0] + 10 / scales[1]) / 2
    mase = metrics.mean_absolute_scaled_error
    assert mase(truth, said, X=later, X_train=X, y_train=y, season_length=12) == pytest.approx(expected)
    with pytest.raises(ValueError, match="no series has a scale"):
        mase(truth, said, X=later, X_train=X, y_train=np.ones(len(y)), season_length=12)


# ---------------------------------------------------------------------------------------------- task


@pytest.fixture
def read(stamped: Project) -> Callable[..., Any]:
    """A table as the stage `load` reads it for a task: rows, schema and task."""

    def read(frame: pd.DataFrame, columns: dict[str, Any] | None = None, **params: Any) -> Any:
        infer, preprocess = stamped.module("steps.typing.infer").infer, stamped.module("steps.preprocess").preprocess
        name = f"{stamped.package}.components.forecast.Forecast"
        task = stamped.module("components.forecast").Forecast(**{"horizon": 3, **params})
        schema = infer(frame, "y", {"class": name, "params": {"horizon": 3, **params}}, columns or {})
        task.bind(schema)
        rows = task.rows(preprocess(frame, schema), schema)
        return rows, schema, task

    return read


def daily(count: int = 40) -> pd.DataFrame:
    stamps = pd.date_range("2024-01-01", periods=count, freq="D").strftime("%Y-%m-%d")
    return pd.DataFrame({"when": stamps, "y": np.arange(count) + np.arange(count) % 7})


def test_gaps_are_refused_or_filled(read: Callable[..., Any], error: type[Exception]) -> None:
    table = daily().drop(index=[10, 11, 25])
    with pytest.raises(
        error, match=r"3 of 40 steps are not there .*: 2024-01-11, 2024-01-12, 2024-01-26\. Write `gaps: int"
    ):
        read(table)
    rows, schema, task = read(table, gaps="interpolate")
    assert len(rows) == 40 and rows["y"].isna().sum() == 0
    assert rows["y"].iloc[9] < rows["y"].iloc[10] < rows["y"].iloc[12]
    assert task.frequency == "D" and schema.task["params"]["frequency"] == "D"
    assert any("3 steps were not there and are filled" in note for note in schema.notes)
    assert read(table, gaps="forward_fill")[0]["y"].iloc[11] == rows["y"].iloc[9]


def test_a_missing_number_is_a_gap(read: Callable[..., Any], error: type[Exception]) -> None:
    table = daily()
    table.loc[5, "y"] = np.nan
    with pytest.raises(error, match="1 of 40 steps are not there \\(or have no y\\): 2024-01-06"):
        read(table)


def test_duplicates_are_refused_or_merged(read: Callable[..., Any], error: type[Exception]) -> None:
    table = pd.concat([daily(), daily().iloc[[4]].assign(y=100.0)])
    with pytest.raises(error, match=r"2024-01-05 00:00:00 is there 2 times .*role: group`; .*write `duplicates: mean`"):
        read(table)
    assert read(table, duplicates="last")[0]["y"].iloc[4] == 100
    assert read(table, duplicates="mean")[0]["y"].iloc[4] == (100 + 8) / 2


def test_irregular_steps_are_refused(read: Callable[..., Any], error: type[Exception]) -> None:
    table = daily()
    table.loc[7, "when"] = "2024-01-08 05:00:00"
    with pytest.raises(error, match="2024-01-08 05:00:00 is off the steps of the frequency D"):
        read(table)
    random = np.random.default_rng(0)
    table["when"] = (pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(1, 10**6, 40).cumsum(), "s")).astype(
        str
    )
    with pytest.raises(error, match="no regular step that could be told: write `frequency: D`"):
        read(table)


def test_series_are_repaired_each_by_itself(read: Callable[..., Any], error: type[Exception]) -> None:
    north, south = daily().assign(station=1), daily().drop(index=3).assign(station=2)
    table = pd.concat([north, south], ignore_index=True)
    columns = {"station": {"role": "group"}}
    with pytest.raises(error, match="1 of 40 steps of '2' are not there"):
        read(table, columns)
    rows, _, task = read(table, columns, gaps="interpolate")
    assert rows.groupby("station").size().tolist() == [40, 40]
    assert rows["when"].is_monotonic_increasing
    assert clone(task.wrap(task.dummy())).estimator.season_length == 7


def test_summer_time_loses_and_doubles_no_hour(
    read: Callable[..., Any], error: type[Exception], stamped: Project
) -> None:
    zoned = pd.date_range("2024-03-29", "2024-11-02", freq="h", tz="Europe/Berlin")
    local = pd.DataFrame({"when": zoned.strftime("%Y-%m-%d %H:%M:%S"), "y": np.sin(np.arange(len(zoned)) / 5)})
    with pytest.raises(error, match="2024-10-27 02:00:00 is there 2 times"):
        read(local)
    rows, _, task = read(local, time_zone="Europe/Berlin")
    assert task.frequency == "h" and len(rows) == len(zoned)
    assert (pd.DatetimeIndex(rows["when"]) == zoned.tz_convert("UTC").tz_localize(None)).all()
    offset = local.assign(when=[one.isoformat() for one in zoned])
    pd.testing.assert_frame_equal(read(offset)[0], rows)
    with pytest.raises(error, match=r"1 rows have no when, such as row 51: .* a time that Europe/Berlin does not have"):
        read(
            local.assign(when=local["when"].str.replace("2024-03-31 03:00", "2024-03-31 02:00")),
            time_zone="Europe/Berlin",
        )
    ahead = pd.DataFrame({"when": pd.to_datetime(["2024-11-02 01:00", "2024-11-02 02:00", "2025-03-30 02:30"])})
    expected = pd.to_datetime(["2024-11-02 00:00", "2024-11-02 01:00", None])
    assert pd.DatetimeIndex(task.typed(ahead)["when"]).equals(expected.as_unit("us"))
    dates = daily(300)
    assert read(dates, time_zone="Europe/Berlin")[0]["when"].iloc[0] == pd.Timestamp("2024-01-01")


def test_the_past_is_refused_in_the_words_of_the_table(read: Callable[..., Any], error: type[Exception]) -> None:
    rows, _, task = read(daily())
    features = rows[["when"]]
    model = task.wrap(task.dummy()).fit(features, rows["y"].to_numpy())
    with pytest.raises(
        error, match="2024-02-09 00:00:00 is not after 2024-02-09 00:00:00, where the training rows end"
    ):
        model.predict(features.tail(1))
    ahead = pd.DataFrame({"when": pd.to_datetime(["2024-02-11", "2024-02-10", "2024-02-11"])})
    assert model.predict(ahead).tolist() == [rows["y"].iloc[34], rows["y"].iloc[33], rows["y"].iloc[34]]
    task.see(features, rows["y"])
    assert task.difficulty(ahead)["strata"].tolist() == [2, 1, 2]
    assert task.difficulty(ahead, features.iloc[:-1], rows["y"].iloc[:-1])["strata"].tolist() == [3, 2, 3]
    assert model.predict(task.askable(features)).shape == (3,)
    mixed = pd.DataFrame({"when": pd.to_datetime(["2024-02-11", "2024-02-10", "2024-02-11", None, "2024-02-01"])})
    found = [(column, reason.split(",")[0], rows.tolist()) for column, reason, rows in task.unanswerable(model, mixed)]
    assert found == [("when", "is empty", [3]), ("when", "is not after 2024-02-09 00:00:00", [4])]


def shops(steps: dict[str, tuple[int, int]]) -> pd.DataFrame:
    """Daily rows of several series: by name the first day and the last, counted from 2024-01-01."""
    parts = []
    for name, (first, last) in steps.items():
        stamps = pd.date_range("2024-01-01", periods=last, freq="D")[first:]
        values = np.arange(len(stamps)) + 10.0 * len(parts)
        parts.append(pd.DataFrame({"when": stamps.strftime("%Y-%m-%d"), "shop": name, "y": values}))
    return pd.concat(parts, ignore_index=True)


def test_what_follows_is_dated_for_each_series(read: Callable[..., Any]) -> None:
    table = shops({"north": (0, 40), "closed": (0, 30), "young": (20, 40)})
    rows, schema, task = read(table, {"shop": {"role": "group"}})
    assert "closed of 3 series end before 2024-02-09" in " ".join(task.hints(rows, schema))
    ahead = task.upcoming(rows, 2)
    days = {name: own["when"].dt.strftime("%m-%d").tolist() for name, own in ahead.groupby("shop")}
    assert days == {"north": ["02-10", "02-11"], "young": ["02-10", "02-11"], "closed": ["01-31", "02-01"]}
    model = task.wrap(task.dummy()).fit(rows[["when", "shop"]], rows["y"])
    said = task.predict(model, ahead)
    assert list(said) == ["when", "shop", "prediction"] == list(task.answers(model))
    assert said["when"].tolist() == ahead["when"].dt.strftime("%Y-%m-%d").tolist()
    assert said["shop"].tolist() == ahead["shop"].tolist()


def test_local_times_are_local_again_in_the_forecast(read: Callable[..., Any]) -> None:
    zoned = pd.date_range("2024-10-20", "2024-10-26 23:00", freq="h", tz="Europe/Berlin")
    local = pd.DataFrame({"when": zoned.strftime("%Y-%m-%d %H:%M:%S"), "y": np.sin(np.arange(len(zoned)) / 5)})
    rows, _, task = read(local, time_zone="Europe/Berlin")
    model = task.wrap(task.dummy()).fit(rows[["when"]], rows["y"])
    said = task.predict(model, task.upcoming(rows, 4))["when"].tolist()
    assert said == [f"2024-10-27T0{time}:00" for time in ("0:00:00+02", "1:00:00+02", "2:00:00+02", "2:00:00+01")]


def test_covariates_of_the_steps_to_come_are_asked_for(read: Callable[..., Any], error: type[Exception]) -> None:
    rows, _, task = read(daily().assign(price=np.arange(40) % 5 + 0.5))
    with pytest.raises(
        error, match=r"uses price, .* a table with the columns when, price and run `make forecast FROM="
    ):
        task.upcoming(rows)


def test_a_forecast_beyond_the_horizon_is_warned_of(read: Callable[..., Any]) -> None:
    rows, _, task = read(daily())
    model = task.wrap(task.dummy()).fit(rows[["when"]], rows["y"])
    ahead = pd.DataFrame({"when": pd.to_datetime(["2024-02-12", "2024-02-13", "2024-02-20"])})
    ((column, reason, positions),) = task.doubtful(model, ahead)
    assert column == "when" and positions.tolist() == [1, 2]
    assert reason.startswith("is more than 3 steps (the horizon) after 2024-02-09") and "`make forecast`" in reason
    assert task.doubtful(model, ahead.iloc[:1]) == []


@pytest.mark.parametrize("first", [35, 38], ids=["shorter than the horizon", "wholly in the hold-out"])
def test_a_series_that_is_too_short_is_named(read: Callable[..., Any], error: type[Exception], first: int) -> None:
    table, columns = shops({"north": (0, 40), "new": (first, 40)}), {"shop": {"role": "group"}}
    expected = rf"'new' \({40 - first} steps\); a horizon of 3 needs 6 steps of each .* `short_series: leave_out`"
    with pytest.raises(error, match=expected):
        read(table, columns)
    rows, schema, _ = read(table, columns, short_series="leave_out")
    assert set(rows["shop"]) == {"north"} and any("left out" in note and "'new'" in note for note in schema.notes)


@pytest.mark.parametrize("columns", [{}, {"period": {"role": "time"}}], ids=["found", "named"])
def test_a_counter_of_steps_is_refused(
    read: Callable[..., Any], error: type[Exception], columns: dict[str, Any]
) -> None:
    table = pd.DataFrame({"period": np.arange(60) % 19, "y": np.arange(60.0)})
    with pytest.raises(error, match=r"period holds .*replace a counter by dates"):
        read(table, columns)


@pytest.mark.parametrize("series", [3, 60])
def test_made_up_rows_follow_a_series_that_is_there(read: Callable[..., Any], stamped: Project, series: int) -> None:
    parts = [daily(40 + number).assign(shop=f"S{number:03d}") for number in range(series)]
    frame = pd.concat(parts, ignore_index=True)
    _, schema, task = read(frame, {"shop": {"role": "group"}})
    schema.inputs = ["feature", "time", *task.keys]
    rows = task.example(stamped.module("steps.example").example(frame, schema), frame)
    (shop,) = {row["shop"] for row in rows}
    last = frame.loc[frame["shop"] == shop, "when"].max()
    days = pd.date_range(last, periods=6, freq="D")[1:].strftime("%Y-%m-%d")
    assert [row["when"] for row in rows] == days.tolist()


def test_years_are_dates_where_the_params_say_so(read: Callable[..., Any]) -> None:
    table = pd.DataFrame({"year": np.arange(1950, 1990), "y": np.arange(40.0)})
    rows, _, task = read(table, {"year": {"role": "time", "dtype": "datetime"}})
    assert task.frequency == "YS-JAN" and task.season_length_ == 1
    assert task.upcoming(rows, 1)["year"].tolist() == [pd.Timestamp("1990-01-01")]


@pytest.mark.parametrize(
    ("frequency", "expected"), [("W-SUN", "2024-10-13"), ("QS-OCT", "2034-01-01"), ("ME", "2027-05-31")]
)
def test_weeks_quarters_and_month_ends_go_on(read: Callable[..., Any], frequency: str, expected: str) -> None:
    stamps = pd.date_range("2024-01-01", periods=40, freq=frequency).strftime("%Y-%m-%d")
    rows, _, task = read(pd.DataFrame({"when": stamps, "y": np.arange(40.0) + np.arange(40) % 4}))
    model = task.wrap(task.dummy()).fit(rows[["when"]], rows["y"])
    assert task.predict(model, task.upcoming(rows, 1))["when"].tolist() == [expected]


def test_a_plain_regressor_gets_lags(read: Callable[..., Any], methods: Any) -> None:
    _, _, task = read(daily())
    assert isinstance(task.adapt(LinearRegression()), methods.LagRegressor)
    naive = methods.SeasonalNaive()
    assert task.adapt(naive) is naive


def test_horizons_that_differ_are_refused(read: Callable[..., Any], error: type[Exception], stamped: Project) -> None:
    from sklearn.model_selection import KFold

    rows, _, task = read(daily())
    origins = stamped.module("components.origins").RollingOrigin
    every, none = np.arange(40), np.arange(0)
    with pytest.raises(error, match=r"RollingOrigin has the horizon 5, and the task in params/data\.yaml has 3"):
        task.check_split(rows["y"], every[:35], every[35:], [], (origins(5, 1), origins(3)))
    folds = list(KFold(3).split(every))
    with pytest.raises(error, match="KFold learns from rows that come after those that it scores"):
        task.check_split(rows["y"], every, none, folds, (origins(3, 1), KFold(3)))
    task.check_split(rows["y"], every[:37], every[37:], [(every[:30], every[30:33])], (origins(3, 1), origins(3)))


def test_the_horizon_stands_in_one_file(stamped: Project, read: Callable[..., Any]) -> None:
    origins = stamped.module("components.origins").RollingOrigin
    _, _, task = read(daily(), horizon=7)
    assert task.splitter(origins(n_splits=2)).horizon == 7
    files = [one.name for one in (stamped.path / "params").rglob("*.yaml") if "horizon: " in one.read_text()]
    assert files == ["data.yaml"]


def test_the_naive_always_competes(stamped: Project) -> None:
    plan = stamped.module("objects.plan").compile_params(stamped.path / "params").slices
    assert {name: plan[name].get("always", False) for name in plan if name.startswith("models/")} == {
        "models/seasonal_naive": True,
        "models/lag_ridge": False,
        "models/lag_gradient_boosting": False,
    }


def test_a_series_without_a_forecast_is_not_drawn(stamped: Project, read: Callable[..., Any]) -> None:
    charts = stamped.module("components.forecast_charts")
    rows, _, task = read(shops({"closed": (0, 30), "north": (0, 40)}), {"shop": {"role": "group"}})
    index = pd.MultiIndex.from_frame(rows[["shop", "when"]])
    late = (rows["shop"] == "north") & (rows["when"] > "2024-02-06")
    table = pd.DataFrame({"true": rows["y"].to_numpy(), "predicted": np.where(late, 1.0, np.nan)}, index).sort_index()
    figure, data = charts._drawn(table.assign(lower_80=0.0, upper_80=2.0), task, "y", 4)
    assert len(figure.axes) == 1 and set(data["series"]) == {"north"}


# ------------------------------------------------------------------------------------ what is stamped


@pytest.mark.parametrize(
    ("estimators", "brought"),
    [
        ("fast", set()),
        ("balanced", {"statsmodels"}),
        ("prophet", {"prophet"}),
        ("darts_linear, ets", {"darts", "statsmodels"}),
    ],
)
def test_a_project_gets_the_packages_of_its_models(
    bake: Callable[..., Any], estimators: str, brought: set[str]
) -> None:
    import tomllib

    baked = bake(recipe="forecasting", estimators=estimators)
    project = tomllib.loads(baked.read("pyproject.toml"))["project"]
    needed = {re.split(r"[<>=]", one)[0] for one in project["dependencies"]}
    assert needed & {"statsmodels", "prophet", "darts"} == brought
    assert set(project["dependencies"]) >= {
        one for one in project["optional-dependencies"]["forecast"] if re.split(r"[<>=]", one)[0] in brought
    }
    models = baked.read("params/search.yaml")
    assert models.count("  - seasonal_naive\n") == 1


def test_a_package_that_is_not_there_is_named(
    methods: Any, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    X, y, _, _ = apart(*waves(1))
    for name in [one for one in sys.modules if one.split(".")[0] == "prophet"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_Nothing("prophet"), *sys.meta_path])
    with pytest.raises(error, match="the package prophet is not installed: add prophet to the dependencies"):
        methods.ProphetForecaster().fit(X, y)


class _Nothing:
    """An importer that knows one package not to be there."""

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.split(".")[0] == self.package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


# --------------------------------------------------------------------------------------- end to end


@pytest.mark.slow
def test_the_sample_runs_from_end_to_end(tmp_path: Path) -> None:
    project = Project(tmp_path, project_name="Sea", recipe="forecasting", estimators="lag_ridge, ets, theta")
    project.edit("params/search.yaml", ("trials: 60", "trials: 12"), ("seconds: 80", "seconds: 40"))
    project.repro()
    import json

    board = json.loads((project.path / "reports" / "leaderboard.json").read_text())["models"]
    assert {"seasonal_naive", "lag_ridge", "ets", "theta"} <= {one["model"] for one in board}
    metrics = json.loads((project.path / "reports" / "metrics.json").read_text())
    text = json.dumps(metrics)
    assert "mean_absolute_scaled_error" in text and "symmetric_mean_absolute_percentage_error" in text
    page = (project.path / "reports" / "report.html").read_text()
    assert all(title in page for title in ("Forecast", "Error by horizon", "Decomposition"))
    new = pd.DataFrame({"month": pd.date_range("2010-01-01", periods=18, freq="MS").strftime("%Y-%m-%d")})
    new.to_csv(project.path / "new.csv", index=False)
    warned = project.python("predict", "new.csv", "said.csv")
    assert "is more than 12 steps (the horizon) after 2009-12-01" in warned
    said = pd.read_csv(project.path / "said.csv")
    assert said["prediction"].between(15, 30).all() and len(said) == 18
    assert (said["lower_95"] <= said["lower_80"]).all() and (said["lower_80"] < said["upper_80"]).all()
    assert list(said)[:2] == ["month", "prediction"] and said["month"].tolist() == new["month"].tolist()
    (project.path / "reports/plots/next_values.csv").stat()
    project.python("forecast", "next.csv", "--horizon", "3")
    ahead = pd.read_csv(project.path / "next.csv")
    assert ahead["month"].tolist() == ["2011-01-01", "2011-02-01", "2011-03-01"]
    assert list(ahead)[1:] == list(said)[1:] and (ahead["upper_95"] > ahead["prediction"]).all()
    assert "The seasonal naive there: mean_absolute_error" in project.python("summary")
    new.assign(month="1999-05-01").to_csv(project.path / "new.csv", index=False)
    refused = project.python("predict", "new.csv", "said.csv", code=1)
    assert "is not after 2009-12-01" in refused and "Traceback" not in refused


@pytest.mark.slow
def test_three_years_of_months_are_enough(tmp_path: Path) -> None:
    pd.read_csv(SAMPLE).tail(36).to_csv(tmp_path / "short.csv", index=False)
    project = Project(
        tmp_path,
        project_name="Short",
        recipe="forecasting",
        estimators="lag_ridge",
        data=str(tmp_path / "short.csv"),
        target="temperature",
    )
    # The naive is fitted also where its share of the seconds does not suffice for its imports.
    project.edit("params/search.yaml", ("trials: 60", "trials: 2"), ("seasonal_naive: 0.05", "seasonal_naive: 0.002"))
    for stage in (
        "plan",
        "load",
        "split",
        "tune --model seasonal_naive",
        "tune --model lag_ridge",
        "train",
        "evaluate",
        "package",
    ):
        project.stage(*stage.split())
    project.python("forecast", "next.csv")
    ahead = pd.read_csv(project.path / "next.csv")
    assert len(ahead) == 12 and ahead["month"].iloc[0] == "2011-01-01"
    assert "seasonal_naive  " in project.python("summary") and "out of time" not in project.python("summary")
