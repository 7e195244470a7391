"""The answer `estimators`: a preset, or names of models in the recipe's pool and of classes in the catalogue."""

import re
from typing import Any

from .errors import AnswerError, nearest, some
from .plan import Model
from .recipes import Catalogue, Recipe


def choose(answer: str, recipe: Recipe, catalogue: Catalogue) -> tuple[str | None, list[Model]]:
    """The preset, if one was named, and the models, those that always compete before the others.

    Raises
    ------
    AnswerError
        If a name is unknown, ambiguous, of the wrong kind, or listed twice.
    """
    listed = [name for name in (part.strip() for part in answer.split(",")) if name]
    if not listed:
        raise AnswerError(f"estimators: none is named; write {', '.join(recipe.presets)}, or {some(recipe.pool)}")
    presets = [name for name in listed if name in recipe.presets]
    if presets and len(listed) > 1:
        raise AnswerError(
            f"estimators: {presets[0]!r} is a preset and cannot stand in a list; "
            f"write {presets[0]} alone, or the names {', '.join(recipe.presets[presets[0]]['estimators'])}"
        )
    if presets:
        listed = recipe.presets[presets[0]]["estimators"]
        return presets[0], with_always([find(name, recipe, catalogue) for name in listed], recipe, catalogue)
    models: dict[str, tuple[str, Model]] = {}
    for written in listed:
        model = find(written, recipe, catalogue)
        if model.name in models:
            earlier, _ = models[model.name]
            raise AnswerError(
                f"estimators: {written} is listed twice; name it once"
                if earlier == written
                else f"estimators: {written} is the model that {earlier} means too; name one of the two"
            )
        models[model.name] = written, model
    return None, with_always([model for _, model in models.values()], recipe, catalogue)


def with_always(models: list[Model], recipe: Recipe, catalogue: Catalogue) -> list[Model]:
    """The models, with those of the recipe that compete whatever was chosen."""
    chosen = [model.name for model in models]
    return [*(find(name, recipe, catalogue) for name in recipe.always if name not in chosen), *models]


def find(written: str, recipe: Recipe, catalogue: Catalogue) -> Model:
    """The model that one name means."""
    if written in recipe.pool:
        return _of_pool(written, recipe, catalogue)
    entries = catalogue.named(written) or _in_snake_case(written, recipe, catalogue)
    fitting = [entry for entry in entries if entry["kind"] == recipe.kind]
    if not entries:
        raise _unknown(written, recipe, catalogue)
    if not fitting:
        counterpart = entries[0]["class"].rpartition(".")[2].removesuffix(entries[0]["kind"].title())
        better = nearest(counterpart + recipe.kind.title(), _of_kind(recipe, catalogue))
        raise AnswerError(
            f"estimators: {written} is a {entries[0]['kind']}, and {recipe.name} takes a {recipe.kind}"
            + (f"; did you mean {better}?" if better else f", such as {some(recipe.pool)}")
        )
    if len(fitting) > 1:
        raise AnswerError(
            f"estimators: {written} is ambiguous; write {' or '.join(entry['class'] for entry in fitting)}"
        )
    return _model(fitting[0], recipe, catalogue)


def snake_case(name: str) -> str:
    """A class's name in snake case: `"LGBMRegressor"` gives `"lgbm_regressor"`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def stem(name: str, kind: str) -> str:
    """A file name for a class: in snake case, without the kind that every model of the recipe shares."""
    return snake_case(name).removesuffix(f"_{kind}")


def _model(entry: dict[str, Any], recipe: Recipe, catalogue: Catalogue) -> Model:
    for name, classes in recipe.pool.items():
        if len(classes) == 1 and entry in catalogue.named(classes[0]):
            return _of_pool(name, recipe, catalogue)
    short = entry["class"].rpartition(".")[2]
    if entry.get("required"):
        needed = " and ".join(entry["required"])
        raise AnswerError(
            f"estimators: {short} cannot be built from defaults, because it wants {needed}; "
            f"choose {some(recipe.pool)}, or another class, and write a file for {short} in params/models/ afterwards"
        )
    name = stem(short, recipe.kind)
    if name in recipe.pool:
        name = snake_case(short)
    only = len(catalogue.named(short)) == 1
    return Model(name, short if only else entry["class"], _third_party([entry], catalogue), entry)


def _of_pool(name: str, recipe: Recipe, catalogue: Catalogue) -> Model:
    classes = recipe.pool[name]
    packages = _third_party([one for written in classes for one in catalogue.named(written)], catalogue)
    required = [one for written in classes for one in recipe.requires.get(written, [])]
    return Model(name, classes[0], packages, requirements=required)


def _third_party(entries: list[dict[str, Any]], catalogue: Catalogue) -> list[str]:
    return sorted({entry["package"] for entry in entries} & set(catalogue.packages))


def _in_snake_case(written: str, recipe: Recipe, catalogue: Catalogue) -> list[dict[str, Any]]:
    """The classes of the recipe's kind that `gradient_boosting` and the like mean."""
    return [
        entry
        for short, entries in catalogue.classes.items()
        for entry in entries
        if entry["kind"] == recipe.kind and written in (snake_case(short), stem(short, recipe.kind))
    ]


def _of_kind(recipe: Recipe, catalogue: Catalogue) -> list[str]:
    return [short for short, entries in catalogue.classes.items() if any(one["kind"] == recipe.kind for one in entries)]


def _unknown(written: str, recipe: Recipe, catalogue: Catalogue) -> AnswerError:
    known = [*recipe.presets, *recipe.pool, *_of_kind(recipe, catalogue)]
    if "." in written:
        entries = [entry for short in _of_kind(recipe, catalogue) for entry in catalogue.classes[short]]
        known = [entry["class"] for entry in entries if entry["kind"] == recipe.kind]
    better = nearest(written, known) or nearest(snake_case(written.replace(" ", "_")), known)
    if better:
        return AnswerError(f"estimators: there is no {written!r}; did you mean {better}?")
    packages = ", ".join(["scikit-learn", *catalogue.packages])
    return AnswerError(
        f"estimators: there is no {written!r}; write {', '.join(recipe.presets)}, names such as {some(recipe.pool)}, "
        f"or a {recipe.kind} of {packages}"
    )
