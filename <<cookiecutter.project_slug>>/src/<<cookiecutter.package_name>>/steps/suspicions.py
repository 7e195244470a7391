"""Question scores that look too good: repeated entities, rows in the order of time, columns that reveal the target.

What is found is likely, not certain: each suspicion says what was seen, and what to write if it is true.
"""

import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from ..schema import Column, Schema
from .alike import Table, Values, difference, embedded, likeness, nearest, neighbours, sharers
from .leaks import FEWEST, Suspicion, key, leaks

SAMPLE = 3000
MOST_CANDIDATES = 5
FEWEST_ENTITIES = 8
ROWS_PER_ENTITY = (2, 60)
BLOCKS = 5  # of rows that follow each other, for the question of what neighbours in time tell
# Names of columns that hold a part of a date, and the largest value of each.
PARTS = {
    "year": (r"year|yr|yyyy|jahr|ann[eé]e|a[nñ]o|anno", 2200),
    "month": (r"month|mnth|mon|mm|monat|mois|mes|mese", 12),
    "day": (r"day|dd|tag|jour|d[ií]a|giorno", 366),
    "hour": (r"hour|hr|hh|stunde|heure|hora|ora", 24),
}
BY_TIME = "holdout: {class: TimeHoldout, params: {test_size: 0.2}}\ncv: {class: TimeSeriesSplit, params: {n_splits: 5}}"


def suspicions(frame: pd.DataFrame, schema: Schema, train: np.ndarray, held_out: np.ndarray) -> list[dict[str, Any]]:
    """Return reasons to doubt the scores of a split, each as the plain values of a `Suspicion`.

    Parameters
    ----------
    frame : pd.DataFrame
        The typed table. Without a target there is nothing to suspect.
    schema : Schema
        What its columns are.
    train, held_out : arrays of shape (rows,)
        The positions of the rows that are learned from, and of those that judge.
    """
    if len(frame) < FEWEST or not schema.targets:
        return []
    entities = [] if schema.role("group") else _entities(frame, schema, train, held_out)
    known = {*entities}
    for entity in (*schema.role("group"), *entities[:1]):
        known |= _marks(frame, schema, entity)
    sampled = frame.iloc[np.sort(np.random.default_rng(0).permutation(len(frame))[:SAMPLE])]
    found = [*leaks(Table.of(sampled, schema), known)]
    found += [_repeated(frame, schema, name) for name in entities[:1]]
    # Rows that are in order by a leak, or an entity, are not in the order of time.
    found += _by_time(frame, schema, train, held_out, bool(found))
    return [asdict(one) for one in found]


def _marks(frame: pd.DataFrame, schema: Schema, entity: str) -> set[str]:
    """Return the columns that are the same in all rows of an entity and differ between entities."""
    groups = frame.groupby(entity)[[name for name in schema.features if name != entity]]
    fewest = frame[entity].nunique() / 2
    same = (groups.nunique() <= 1).mean() > 0.95
    return {name for name in schema.features if name != entity and same[name] and frame[name].nunique() > fewest}


def _repeated(frame: pd.DataFrame, schema: Schema, name: str) -> Suspicion:
    rows = frame[name].count() / frame[name].nunique()
    splitter = "StratifiedGroupKFold" if schema.labels and isinstance(schema.target, str) else "GroupKFold"
    return Suspicion(
        f"Each {name} has {rows:.3g} rows on average, which resemble each other or share {schema.targets[0]}, and the "
        f"split puts them on both sides; if new rows are of another {name}, keep its rows together",
        {
            "params/data.yaml": f"columns: {{{key(name)}: {{role: group}}}}",
            "params/split.yaml": "holdout: {class: GroupShuffleSplit, params: {n_splits: 1, test_size: 0.2, "
            f"random_state: 0}}}}\ncv: {{class: {splitter}, params: {{n_splits: 5, shuffle: true, random_state: 0}}}}",
        },
    )


def _entities(frame: pd.DataFrame, schema: Schema, train: np.ndarray, held_out: np.ndarray) -> list[str]:
    """Return columns of which each value names an entity, such as a patient, whose rows stand on both sides."""
    candidates = [
        name
        for column in schema.columns
        if (name := column.name) in frame
        and _may_name(column, frame[name])
        and frame[name].iloc[held_out].isin(frame[name].iloc[train].unique()).mean() > 0.5
    ]
    # Texts are likelier than numbers, and many entities than few.
    candidates.sort(key=lambda name: (pd.api.types.is_numeric_dtype(frame[name]), -frame[name].nunique()))
    return [name for name in candidates[:MOST_CANDIDATES] if _names_entities(frame, schema, name)]


def _may_name(column: Column, values: pd.Series) -> bool:
    """Return whether a column has several rows for each of many values, which are texts or whole numbers."""
    present = values.dropna()
    if column.role in ("group", "time", "weight") or column.dtype == "datetime" or len(present) < 0.8 * len(values):
        return False
    if column.dtype == "number" and (column.boolean or not bool((present % 1 == 0).all())):
        return False
    if _part_of_date(column.name, present):
        return False
    sizes = present.value_counts()
    fewest, most = ROWS_PER_ENTITY
    several = len(sizes) >= FEWEST_ENTITIES and fewest <= len(present) / len(sizes) <= most
    return bool(several and sizes[sizes > 1].sum() >= 0.8 * len(present))


def _names_entities(frame: pd.DataFrame, schema: Schema, name: str) -> bool:
    """Return whether rows that share a column's value tell each other's target, and rows of similar values do not."""
    rng = np.random.default_rng(0)
    rows = frame[frame[name].notna()].drop_duplicates([*schema.features, *schema.targets])
    counts = rows[name].value_counts().reindex(rng.permutation(rows[name].unique())).cumsum()
    rows = rows[rows[name].isin(counts.index[: max(2, int((counts <= SAMPLE).sum()))])]
    table = Table.of(rows, schema)
    answer = table.answers[schema.targets[0]]
    groups = pd.factorize(table.frame[name], sort=True)[0]
    pairs = sharers(Values(groups.astype(float), True, 0), rng)
    if not len(pairs[0]):
        return False
    shared = likeness(answer, *pairs)
    many = max(20, 2 * answer.unique if schema.labels else 0)  # as few may be a code of the target
    if groups.max() >= many and shared >= 0.9 and not _is_smooth(table.frame[name], groups, answer, shared, rng):
        return True
    points = embedded([values for other, values in table.columns.items() if other != name])
    if not points.shape[1]:
        return False
    asked, closest, outside = nearest(points, groups, rng)
    together = groups[asked] == groups[closest]
    return bool(together.mean() >= 0.3 and _is_gain(answer, asked, closest, outside, 0.3))


def _is_smooth(values: pd.Series, groups: np.ndarray, answer: Values, shared: float, rng: np.random.Generator) -> bool:
    """Return whether numbers next to each other go with like targets, as those of an amount do and of a code do not."""
    if not pd.api.types.is_numeric_dtype(values):
        return False
    order = np.argsort(groups + rng.random(len(groups)) / 2)
    ends = np.flatnonzero(np.diff(groups[order]))
    return likeness(answer, order[ends], order[ends + 1]) > 0.5 * shared


def _is_gain(answer: Values, asked: np.ndarray, closest: np.ndarray, outside: np.ndarray, least: float) -> bool:
    """Return whether the rows most like some tell their targets much better than the like rows of other groups do."""
    gain = difference(answer, asked, outside) - difference(answer, asked, closest)
    return bool(gain.mean() >= least and gain.mean() > 3 * gain.std() / len(gain) ** 0.5)


def _by_time(
    frame: pd.DataFrame, schema: Schema, train: np.ndarray, held_out: np.ndarray, in_order: bool
) -> Iterator[Suspicion]:
    """Yield a suspicion if rows near each other in time tell each other's target, and the split parts them."""
    names, place = _time_columns(frame, schema), {}
    if names:
        order = frame.sort_values(names, kind="stable").index.to_numpy()
    elif in_order:
        return
    else:
        order = np.arange(len(frame))
    positions = np.empty(len(order), dtype=int)
    positions[order] = np.arange(len(order))
    if positions[held_out].min() > np.median(positions[train]) and _apart(frame, names, train, held_out):
        return
    if not _tells_in_time(frame.iloc[order], schema, names):
        return
    if names:
        if names[0] not in schema.role("time"):
            place = {"params/data.yaml": f"columns: {{{key(names[0])}: {{role: time}}}}"}
        fact = f"Rows near each other in time ({', '.join(names)}) have like values of {schema.targets[0]}"
        advice = "if you will predict what comes later, split by time"
    else:
        fact = (
            f"The rows are ordered by something that tells {schema.targets[0]}: rows that follow each other are alike"
        )
        advice = "if it is time, split by it"
    yield Suspicion(f"{fact}, and the split puts them on both sides; {advice}", place | {"params/split.yaml": BY_TIME})


def _apart(frame: pd.DataFrame, names: list[str], train: np.ndarray, held_out: np.ndarray) -> bool:
    """Return whether all held-out rows come after those that are learned from, or nearly all."""
    if not names:
        return bool(held_out.min() > train.max())
    times = frame[names].apply(lambda column: column.rank(method="dense")).apply(tuple, axis=1)
    last = times.iloc[train].max()
    return bool((times.iloc[held_out] >= last).mean() > 0.9)


def _time_columns(frame: pd.DataFrame, schema: Schema) -> list[str]:
    """Return the columns that say when a row was: the time, another date, or a year with what is finer."""
    dates = [column.name for column in schema.columns if column.dtype == "datetime" and column.name in frame]
    dates = [name for name in dates if frame[name].nunique() > BLOCKS]
    chosen = [name for name in (*schema.role("time"), *dates) if frame[name].notna().mean() > 0.9]
    if chosen:
        return chosen[:1]
    parts = {_part_of_date(name, frame[name].dropna()): name for name in reversed(list(schema.features))}
    found = [parts[part] for part in PARTS if part in parts]
    return found if "year" in parts else []


def _part_of_date(name: str, values: pd.Series) -> str | None:
    """Return which part of a date a column holds, by its name and its values."""
    if values.empty or not pd.api.types.is_numeric_dtype(values):
        return None
    words = re.split(r"[^a-zà-ÿ]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower())
    for part, (pattern, largest) in PARTS.items():
        named = any(re.fullmatch(pattern, word) for word in words)
        if named and bool((values % 1 == 0).all()) and 0 <= values.min() <= values.max() <= largest:
            return part
    return None


def _tells_in_time(frame: pd.DataFrame, schema: Schema, names: list[str]) -> bool:
    """Return whether rows near each other in time tell each other's target more than like rows of other times do."""
    rng = np.random.default_rng(0)
    rows = frame.drop_duplicates([*schema.features, *schema.targets])
    if len(rows) < 5 * BLOCKS:
        return False
    if len(rows) > 2 * SAMPLE:  # rows that follow each other, from everywhere
        starts = np.linspace(0, len(rows) - SAMPLE // 50, 100).astype(int)
        rows = rows.iloc[np.unique(np.concatenate([start + np.arange(SAMPLE // 50) for start in starts]))]
    table = Table.of(rows, schema)
    answer = table.answers[schema.targets[0]]
    blocks = np.arange(len(rows)) * BLOCKS // len(rows)
    order = table.frame.groupby(names, sort=True, dropna=False).ngroup() if names else np.arange(len(rows))
    alike = likeness(answer, *neighbours(Values(np.asarray(order, dtype=float), True, 0), rng))
    significant = alike >= 0.1 and alike * len(rows) ** 0.5 > 5
    if not significant and not (names and _drift(answer, blocks) > 0.05):
        return False
    if not names and _is_sorted(answer):
        return False
    least = 0.15 if names else 0.2
    points = embedded(list(table.columns.values()))
    if points.shape[1]:
        found = nearest(points, blocks, rng, earlier=True)
        if _is_gain(answer, *found, least):
            return True
        if likeness(answer, found[0], found[2]) > 0.5:  # features of earlier rows tell, whatever the time
            return False
    times = np.asarray(order, dtype=float)[:, None]
    return bool(names) and _is_gain(answer, *nearest(times, blocks, rng, earlier=True), least)


def _is_sorted(answer: Values) -> bool:
    """Return whether rows are sorted by their target, which says nothing of time."""
    if answer.ordered:
        return bool(abs(np.corrcoef(answer.numbers, np.arange(len(answer.numbers)))[0, 1]) > 0.98)
    return bool(np.count_nonzero(np.diff(answer.numbers)) < 2 * answer.unique)


def _drift(answer: Values, blocks: np.ndarray) -> float:
    """Return which share of the target's variance blocks of rows explain, beyond chance."""
    numbers = answer.numbers[:, None]
    if not answer.ordered:
        numbers = (numbers == np.arange(answer.unique)) * 1.0
    groups = [numbers[blocks == block] for block in range(BLOCKS)]
    within = sum(float(part.var(axis=0).sum()) * len(part) for part in groups)
    return 1 - within / max(len(numbers) * float(numbers.var(axis=0).sum()), 1e-12) - BLOCKS / len(numbers)
