"""The part of a script that fits the models, puts them together and writes predictions."""

from ...steps.out_of_fold import MOST_ROWS
from ...steps.training_set import MOST_SCORED
from .code import PLAIN, laid_out, quoted, written
from .reading import Way

PREDICTION = '    columns = {{"prediction": {}}}'
PROBABILITIES = '    columns |= {f"probability_{label}": one for label, one in zip(LABELS, proba.T, strict=True)}'


def main(way: Way) -> str:
    """The script's `main`."""
    way.sources.imports.add("import argparse")
    way.sources.add(PLAIN, "write")
    source = quoted(way.final.data["source"])
    others, called = (
        ("held_out", "those held out of the first") if len(way.final.held_out) else ("X", "those of the first")
    )
    return "\n".join(
        [
            "def main() -> None:",
            '    """Fit the model to the rows of a table and predict those of another."""',
            '    parser = argparse.ArgumentParser(description="Fit the model and predict new rows.")',
            f'    parser.add_argument("train", nargs="?", default={source}, help="a table with the target")',
            f'    parser.add_argument("new", nargs="?", help="rows to predict; if none, {called}")',
            '    parser.add_argument("output", nargs="?", default="predictions.csv")',
            "    given = parser.parse_args()",
            f"    X, y, held_out{', folds' if way.needs_folds else ''} = training(given.train)",
            f"    new = {way.features('given.new')} if given.new else {others}",
            *(_alone(way) if way.final.alone else _together(way)),
            "    write(given.output, columns)",
        ]
    )


def _alone(way: Way) -> list[str]:
    """One model, fitted to all training rows."""
    if not way.final.labels:
        return ["    model = models()[0].fit(X, y)", PREDICTION.format("np.ravel(model.predict(new))")]
    way.sources.add(PLAIN, "fitted")
    lines = [
        "    labels, model = fitted(models()[0], X, y)",
        PREDICTION.format("[labels[code] for code in np.ravel(model.predict(new)).astype(int)]"),
    ]
    if way.final.gives_probabilities:
        lines += [f"    proba = {way.sources.add(PLAIN, 'probabilities')}(labels, model, new)", PROBABILITIES]
    return lines


def _together(way: Way) -> list[str]:
    """Several models: their outputs on new rows and, if something is learned from these, on unseen training rows."""
    final = way.final
    clone = way.sources.take("sklearn.base", "clone")
    if final.labels:
        say = way.sources.add(PLAIN, "probabilities" if final.members_give_probabilities else "confidences")
        fit = f"{way.sources.add(PLAIN, 'fitted')}({clone}(model), {{X}}, {{y}})"
        output = f"{say}(*one, {{X}})"
    else:
        fit, output = f"{clone}(model).fit({{X}}, {{y}})", "one.predict({X}).reshape(-1, 1)"
    learn, one = "learn", "model in models()"
    if final.samples:
        learn = f"{way.sources.add(PLAIN, 'sample')}(learn, rows, seed)"
        one = f"model, (rows, seed) in zip(models(), {final.samples}, strict=True)"
    each, whole = (
        f"        each = [{fit.format(X=way.at('X', rows), y=f'y[{rows}]')} for learn, _ in folds]"
        for rows in (learn, "learn")
    )
    mean = f"        outputs.append(np.mean([{output.format(X='new')} for one in each], axis=0))"
    again = [f"        one = {fit.format(X='X', y='y')}", f"        outputs.append({output.format(X='new')})"]
    if not final.learned:
        lines = again if final.refit else [each, mean]
        return ["    outputs = []", "    for model in models():", *lines, *_weighted(way)]
    return [
        *_scored(way),
        "    inside, outputs = [], []",
        f"    for {one}:",
        each,
        "        pairs = zip(each, scored, strict=True)",
        f"        unseen = np.concatenate([{output.format(X=way.at('X', 'score'))} for one, score in pairs])",
        "        unseen = unseen.astype(np.float32).astype(float)  # so the search kept them",
        f"        inside.append(unseen{' / unseen.sum(axis=1, keepdims=True)' if final.labels else ''})",
        *(again if final.refit else [whole] * (whole != each) + [mean]),
        *_combined(way),
    ]


def _scored(way: Way) -> list[str]:
    """The rows of each fold that models were compared on: a sample where they are many."""
    if max(len(score) for _, score in way.final.folds) <= MOST_SCORED:
        return ["    scored = [score for _, score in folds]"]
    drawn = f"np.sort(random.choice(score, {MOST_SCORED}, replace=False))"
    return [
        "    random = np.random.default_rng(0)",
        f"    scored = [score if len(score) <= {MOST_SCORED} else {drawn} for _, score in folds]",
    ]


def _weighted(way: Way) -> list[str]:
    """The weighted mean of the outputs."""
    if not way.final.labels:
        return [PREDICTION.format("np.hstack(outputs) @ np.array(WEIGHTS)")]
    return [
        '    proba = np.einsum("rmc,m->rc", np.stack(outputs, axis=1), WEIGHTS)',
        PREDICTION.format("[LABELS[code] for code in np.argmax(proba, axis=1)]"),
        PROBABILITIES,
    ]


def _combined(way: Way) -> list[str]:
    """Stacking, calibration and threshold, each fitted to the outputs on rows that the models had not seen."""
    final = way.final
    y_true = "y[np.concatenate(scored)]"
    if final.labels:
        y_true = f"np.array([LABELS.index(label) for label in {y_true}.tolist()])"
    lines = ["    seen, new = np.hstack(inside), np.hstack(outputs)", f"    y_true = {y_true}"]
    stacked = final.weights is None
    for number, one in enumerate(final.learned):
        given = "seen, y_true"
        if number == 0 and stacked and sum(min(len(score), MOST_SCORED) for _, score in final.folds) > MOST_ROWS:
            lines.append(f"    few = np.sort(np.random.default_rng(0).choice(len(y_true), {MOST_ROWS}, replace=False))")
            given = "seen[few], y_true[few]"
        node = written(one, way.sources)
        lines.append(f"    combine = {laid_out(node, 4, 10, len(given) + 6)}.fit({given})")
    if not final.labels:
        return [*lines, PREDICTION.format("np.ravel(combine.predict(new))")]
    lines.append(PREDICTION.format("[LABELS[code] for code in combine.predict(new).astype(int)]"))
    if final.gives_probabilities:
        lines += ["    proba = combine.predict_proba(new)", PROBABILITIES]
    return lines
