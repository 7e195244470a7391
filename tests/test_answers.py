"""Every answer is checked before anything is written, and refused in one sentence."""

import bz2
import gzip
import lzma
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from stamping import parts, recipes
from stamping.answers import planned
from stamping.errors import AnswerError
from stamping.names import package_name, package_taken, project_slug
from stamping.plan import Plan

GOOD = {
    "project_name": "Shop prices",
    "project_slug": "shop-prices",
    "package_name": "shop_prices",
    "description": "What a shop is worth.",
    "author_name": "Ada",
    "license": "MIT",
    "recipe": "tabular-classification",
    "data": "",
    "target": "",
    "read": "",
    "estimators": "balanced",
    "remote": "",
    "parts": "standard",
}


def ask(here: Path | None = None, **answers: Any) -> Plan:
    return planned({**GOOD, **answers}, ROOT, here or Path.cwd())


def refuse(here: Path | None = None, **answers: Any) -> str:
    with pytest.raises(AnswerError) as caught:
        ask(here, **answers)
    return str(caught.value)


WRONG = {
    "slug-space": (
        {"project_slug": "shop prices"},
        "project_slug: 'shop prices' is no name made of ASCII letters and digits, with '-', '_' or '.' between them; "
        "'shop-prices' is one",
    ),
    "slug-folder": (
        {"project_slug": "a/b"},
        "project_slug: 'a/b' is no name made of ASCII letters and digits, with '-', '_' or '.' between them; 'a-b' is one",
    ),
    "slug-dependency": (
        {"project_slug": "Scikit_Learn"},
        "project_slug: 'Scikit_Learn' is the name of a package that the project may need; try 'scikit-learn-project'",
    ),
    "slug-empty": ({"project_slug": ""}, "project_slug: it is empty; write a name"),
    "package-dash": (
        {"package_name": "shop-prices"},
        "package_name: 'shop-prices' is no Python package name in small letters, digits and '_'; 'shop_prices' is one",
    ),
    "package-digit": (
        {"package_name": "2024"},
        "package_name: '2024' is no Python package name in small letters, digits and '_'; 'project_2024' is one",
    ),
    "package-keyword": (
        {"package_name": "class"},
        "package_name: 'class' is a word of Python itself; try 'class_project'",
    ),
    "package-standard-library": (
        {"package_name": "random"},
        "package_name: 'random' is a module of Python's standard library; try 'random_project'",
    ),
    "package-dependency": (
        {"package_name": "dvc"},
        "package_name: 'dvc' is a package that the project may import; try 'dvc_project'",
    ),
    "package-tests": (
        {"package_name": "tests"},
        "package_name: 'tests' is what a folder or a test of the project is imported as; try 'tests_project'",
    ),
    "name-empty": ({"project_name": "  "}, "project_name: it is empty; write a name"),
    "author-empty": ({"author_name": ""}, "author_name: it is empty; write a name"),
    "description-line-break": (
        {"description": "one\ntwo"},
        "description: it holds a line break; write it as one line of plain text",
    ),
    "description-bell": (
        {"description": "ding\a"},
        r"description: it holds the control character '\x07'; write it as one line of plain text",
    ),
    "description-bytes": (
        {"description": "caf\udce9"},
        "description: it holds bytes that are no text; write it in UTF-8",
    ),
    "description-delimiter": (
        {"description": "a << b"},
        "description: it holds <<, which the template would take for code of its own when the project is updated; "
        "write it without",
    ),
    "license": (
        {"license": "GPL"},
        "license: there is no 'GPL'; write one of MIT, BSD-3-Clause, Apache-2.0, Proprietary",
    ),
    "parts": ({"parts": "container, dashbord"}, "parts: there is no 'dashbord'; did you mean dashboard?"),
    "parts-word": ({"parts": "standart"}, "parts: there is no 'standart'; did you mean standard?"),
    "parts-none": (
        {"parts": "none, container"},
        "parts: 'none' stands alone, and the answer is 'none, container'; write either none or names",
    ),
    "parts-unknown": (
        {"parts": "jenkins"},
        "parts: there is no 'jenkins'; write one of none, standard, all, "
        f"{', '.join(parts.names(ROOT))}, or a folder or git address",
    ),
    "recipe": (
        {"recipe": "tabular"},
        f"recipe: there is no 'tabular'; write one of {', '.join(recipes.names(ROOT))}, or a folder or git address",
    ),
    "estimators-empty": (
        {"estimators": " , "},
        "estimators: none is named; write fast, balanced, thorough, automl, or catboost, extra_trees, hist_gradient_boosting, "
        "lightgbm, logistic_regression, nearest_neighbors, ...",
    ),
    "estimators-preset-misspelt": (
        {"estimators": "balaned"},
        "estimators: there is no 'balaned'; did you mean balanced?",
    ),
    "estimators-pool-misspelt": (
        {"estimators": "random_forrest"},
        "estimators: there is no 'random_forrest'; did you mean random_forest?",
    ),
    "estimators-spaces": (
        {"estimators": "Random Forest"},
        "estimators: there is no 'Random Forest'; did you mean random_forest?",
    ),
    "estimators-class-misspelt": (
        {"estimators": "LGBMClasifier"},
        "estimators: there is no 'LGBMClasifier'; did you mean LGBMClassifier?",
    ),
    "estimators-path-misspelt": (
        {"estimators": "sklearn.ensemble.AdaBoostClasifier"},
        "estimators: there is no 'sklearn.ensemble.AdaBoostClasifier'; did you mean sklearn.ensemble.AdaBoostClassifier?",
    ),
    "estimators-unknown": (
        {"estimators": "wxyz"},
        "estimators: there is no 'wxyz'; write fast, balanced, thorough, automl, names such as catboost, extra_trees, "
        "hist_gradient_boosting, lightgbm, logistic_regression, nearest_neighbors, ..., or a classifier of scikit-learn, "
        "category_encoders, catboost, feature_engine, imblearn, lightgbm, skrub, sklego, xgboost",
    ),
    "estimators-other-kind": (
        {"estimators": "Ridge"},
        "estimators: Ridge is a regressor, and tabular-classification takes a classifier; did you mean RidgeClassifier?",
    ),
    "estimators-twice": (
        {"estimators": "svm, random_forest, svm"},
        "estimators: svm is listed twice; name it once",
    ),
    "estimators-twice-by-class": (
        {"estimators": "random_forest, RandomForestClassifier"},
        "estimators: RandomForestClassifier is the model that random_forest means too; name one of the two",
    ),
    "estimators-preset-in-list": (
        {"estimators": "fast, svm"},
        "estimators: 'fast' is a preset and cannot stand in a list; write fast alone, or the names logistic_regression, "
        "hist_gradient_boosting",
    ),
    "estimators-no-defaults": (
        {"estimators": "VotingClassifier"},
        "estimators: VotingClassifier cannot be built from defaults, because it wants estimators; choose catboost, "
        "extra_trees, hist_gradient_boosting, lightgbm, logistic_regression, nearest_neighbors, ..., or another class, "
        "and write a file for VotingClassifier in params/models/ afterwards",
    ),
    "target-of-sample": (
        {"target": "specie"},
        "target: penguins.csv has no column 'specie'; did you mean 'species'?",
    ),
    "scheme": ({"data": "htp://x/y.csv"}, "data: nothing reads htp:// addresses; did you mean http://?"),
    "address-without-path": ({"data": "https:///"}, "data: 'https:///' names no table; write https://host/path"),
    "password": (
        {"data": "postgresql://ada:secret@db/shop", "target": "price"},
        "data: the address holds a password, which would be written into params/data.yaml and committed; leave it out "
        "and let the environment provide it",
    ),
    "address-without-target": (
        {"data": "https://example.org/shop.csv"},
        "target: it is empty; with data of your own, name the column to predict",
    ),
}


@pytest.mark.parametrize(("answers", "sentence"), WRONG.values(), ids=WRONG)
def test_a_wrong_answer_is_refused_in_one_sentence(answers: dict[str, str], sentence: str) -> None:
    assert refuse(**answers) == sentence
    assert not re.search(r"\.\s", sentence), "more than one sentence"


def test_a_file_that_is_not_there_is_refused_with_the_nearest_name(table: Path) -> None:
    assert (
        refuse(table.parent, data="shp.csv")
        == f"data: there is no file '{table.parent}/shp.csv'; did you mean 'shop.csv'?"
    )
    assert refuse(table.parent, data="no/where.csv") == (
        f"data: there is no file '{table.parent}/no/where.csv'; write the path of a table, or nothing for the sample"
    )


def test_a_folder_is_refused_with_the_tables_in_it(table: Path) -> None:
    assert refuse(table.parent, data=".") == "data: '.' is a folder; name a table in it, shop.csv"


@pytest.mark.parametrize("content", ["", " \n\n"])
def test_an_empty_file_is_refused(table: Path, content: str) -> None:
    table.write_text(content)
    assert refuse(table.parent, data="shop.csv", target="price") == (
        f"data: '{table}' is empty; write the path of a table with a header and rows"
    )


def test_an_unknown_ending_is_refused_with_the_known_ones(table: Path) -> None:
    other = table.rename(table.with_suffix(".docx"))
    assert refuse(table.parent, data=other.name, target="price").startswith(
        "data: 'shop.docx' does not end like a table; the endings are .csv, .tsv, .txt, .parquet,"
    )


def test_a_binary_file_under_a_text_name_is_refused(table: Path) -> None:
    table.write_bytes(b"PAR1\0\0\0")
    assert refuse(table.parent, data="shop.csv", target="price") == (
        f"data: '{table}' is no text file: it holds binary data; write the path of a table with a header and rows"
    )


def test_a_damaged_archive_is_refused(table: Path) -> None:
    packed = table.rename(table.parent / "shop.csv.gz")
    assert refuse(table.parent, data=packed.name, target="price") == (
        f"data: '{packed}' cannot be unpacked (BadGzipFile); write the path of a table with a header and rows"
    )


def test_data_without_a_target_is_refused_with_some_columns(table: Path) -> None:
    assert refuse(table.parent, data="shop.csv") == (
        "target: it is empty; with data of your own, name the column to predict, one of price, area, city"
    )


def test_where_nothing_is_predicted_the_target_is_a_column_to_leave_out(table: Path) -> None:
    chosen = ask(table.parent, recipe="clustering", data="shop.csv")
    assert (chosen.target, chosen.left_out) == (None, None)
    chosen = ask(table.parent, recipe="clustering", data="shop.csv", target="city")
    assert (chosen.target, chosen.left_out) == (None, "city")
    assert "did you mean 'price'?" in refuse(table.parent, recipe="clustering", data="shop.csv", target="Prise")


def test_a_target_that_is_no_column_is_refused_with_the_nearest(table: Path) -> None:
    assert refuse(table.parent, data="shop.csv", target="Prise") == (
        "target: shop.csv has no column 'Prise'; did you mean 'price'?"
    )
    assert refuse(table.parent, data="shop.csv", target="colour") == (
        "target: shop.csv has no column 'colour'; its columns are price, area, city"
    )


@pytest.mark.parametrize(
    "header",
    [
        "\ufeffprice,area",
        " price , area",
        '"price","ar,ea"',
        "price;area",
        "price\tarea",
        "price|area",
        "\n\nprice,area",
    ],
)
def test_the_header_is_read_as_the_project_reads_it(table: Path, header: str) -> None:
    separator = next(one for one in ";\t|," if one in header.replace('"ar,ea"', ""))
    table.write_text(f"{header}\n1{separator}2\n3{separator}4\n", encoding="utf-8")
    assert ask(table.parent, data="shop.csv", target="price").target == "price"


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "utf-8-sig"])
def test_the_header_is_read_in_other_encodings(table: Path, encoding: str) -> None:
    table.write_bytes("größe,preis\n1,2\n".encode(encoding))
    assert ask(table.parent, data="shop.csv", target="größe").target == "größe"


def test_a_long_file_cut_within_a_character_is_still_read(table: Path) -> None:
    row = "ä" * 99 + ",1\n"
    table.write_text("größe,preis\n" + row * 3000, encoding="utf-8")
    assert ask(table.parent, data="shop.csv", target="größe").target == "größe"


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".xz", ".zip"])
def test_the_header_of_a_compressed_table_is_read(table: Path, ending: str) -> None:
    packed = table.with_name(f"shop.csv{ending}")
    content = table.read_bytes()
    if ending == ".zip":
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("shop.csv", content)
    else:
        packed.write_bytes({".gz": gzip, ".bz2": bz2, ".xz": lzma}[ending].compress(content))
    assert "no column 'x'" in refuse(table.parent, data=packed.name, target="x")
    assert ask(table.parent, data=packed.name, target="city").source == f"data/raw/{packed.name}"


def test_the_keys_of_json_lines_are_columns(table: Path) -> None:
    lines = table.with_suffix(".jsonl")
    lines.write_text('{"price": 1, "area": 2}\n')
    assert refuse(table.parent, data="shop.jsonl", target="prize").endswith("did you mean 'price'?")


def test_columns_that_cannot_be_read_here_are_left_to_the_project(table: Path) -> None:
    table.rename(table.with_suffix(".parquet"))
    assert ask(table.parent, data="shop.parquet", target="anything").target == "anything"


def test_a_relative_path_starts_where_the_user_stands_and_a_tilde_at_home(
    table: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert ask(table.parent, data="shop.csv", target="price").local == str(table)
    monkeypatch.setenv("HOME", str(table.parent))
    assert ask(tmp_path, data="~/shop.csv", target="price").local == str(table)
    assert ask(tmp_path, data=f"file://{table}", target="price").local == str(table)


def test_a_database_file_is_copied_and_a_database_is_recorded(table: Path) -> None:
    table.rename(table.with_suffix(".db"))
    copied = ask(table.parent, data="sqlite:///shop.db", target="price")
    assert (copied.source, copied.requirements) == ("data/raw/shop.db", ["sqlalchemy>=2.0,<3"])
    recorded = ask(data="postgresql://db/shop", target="price")
    assert recorded.local is None
    assert recorded.source == "postgresql://db/shop"
    assert recorded.requirements == ["sqlalchemy>=2.0,<3", "psycopg2-binary>=2.9,<3"]


@pytest.mark.parametrize(
    ("address", "requirements"),
    [
        ("https://example.org/shop.csv?raw=1", []),
        ("https://example.org/shop.xlsx?raw=1", ["openpyxl>=3.1,<4"]),
        ("s3://bucket/shop.parquet", ["s3fs>=2025.3"]),
        ("gs://bucket/shop.csv", ["gcsfs>=2025.3"]),
        ("az://box/shop.csv", ["adlfs>=2025.8"]),
        ("mysql+pymysql://db/shop", ["sqlalchemy>=2.0,<3", "pymysql>=1.1,<2"]),
        ("postgresql+psycopg://db/shop", ["sqlalchemy>=2.0,<3", "psycopg[binary]>=3.2,<4"]),
    ],
)
def test_an_address_brings_what_reading_it_needs(address: str, requirements: list[str]) -> None:
    chosen = ask(data=address, target="price")
    assert (chosen.source, chosen.local, chosen.requirements) == (address, None, requirements)


def test_an_updated_project_stands_in_for_data_that_is_gone(table: Path) -> None:
    kept = table.parent / "data" / "raw" / "old.csv"
    kept.parent.mkdir(parents=True)
    table.rename(kept)
    assert "there is no file" in refuse(kept.parents[2], data="/gone/old.csv", target="price")
    (kept.parents[2] / ".cruft.json").write_text("{}")
    chosen = ask(kept.parents[2], data="/gone/old.csv", target="price")
    assert (chosen.source, chosen.local) == ("data/raw/old.csv", str(kept))
    kept.rename(f"{kept}.dvc")
    chosen = ask(kept.parents[2], data="/gone/old.csv", target="price")
    assert (chosen.source, chosen.local) == ("data/raw/old.csv", None)


@pytest.mark.parametrize(
    ("answer", "models"),
    [
        ("fast", ["logistic_regression", "hist_gradient_boosting"]),
        ("svm,random_forest,", ["svm", "random_forest"]),
        ("gradient_boosting, LGBMClassifier", ["gradient_boosting", "lightgbm"]),
        ("sklearn.ensemble.RandomForestClassifier", ["random_forest"]),
        ("GaussianNB, SVC", ["gaussian_nb", "svc"]),
        ("hist_gradient_boosting_classifier", ["hist_gradient_boosting"]),
        ("GMMClassifier", ["gmm"]),
    ],
)
def test_estimators_are_found_by_name_by_class_and_by_path(answer: str, models: list[str]) -> None:
    assert [model.name for model in ask(estimators=answer).models] == models


def test_a_class_of_the_pool_keeps_the_space_that_it_has_there() -> None:
    (model,) = ask(estimators="LGBMClassifier").models
    assert (model.name, model.starter, model.packages) == ("lightgbm", None, ["lightgbm"])


def test_a_starter_that_would_take_a_file_of_the_pool_gets_a_longer_name(monkeypatch: pytest.MonkeyPatch) -> None:
    (model,) = ask(estimators="RidgeClassifier").models
    assert model.name == "ridge"
    (model,) = ask(recipe="tabular-regression", estimators="sklearn.linear_model.RidgeCV").models
    assert model.name == "ridge_cv"


def test_a_class_of_another_package_brings_its_requirement() -> None:
    assert ask(estimators="fast").requirements == []
    assert ask(estimators="GaussianMixtureNB, catboost, LGBMClassifier").requirements == [
        "catboost>=1.2.10,<2",
        "lightgbm>=4.7,<5",
        "scikit-lego>=0.9.10,<0.10",
    ]


def test_a_name_that_two_packages_have_is_refused_with_both_paths() -> None:
    from stamping import estimators, recipes

    known = recipes.catalogue(ROOT)
    twin = {**known.classes["GaussianNB"][0], "class": "elsewhere.GaussianNB", "package": "sklego"}
    both = known._replace(classes={**known.classes, "GaussianNB": [*known.classes["GaussianNB"], twin]})
    recipe = recipes.recipe(ROOT, "tabular-classification")
    with pytest.raises(AnswerError) as caught:
        estimators.choose("GaussianNB", recipe, both)
    assert str(caught.value) == (
        "estimators: GaussianNB is ambiguous; write sklearn.naive_bayes.GaussianNB or elsewhere.GaussianNB"
    )
    _, (model,) = estimators.choose("elsewhere.GaussianNB", recipe, both)
    assert (model.written, model.packages) == ("elsewhere.GaussianNB", ["sklego"])


def test_a_model_without_probabilities_gets_a_metric_that_needs_none() -> None:
    assert ask(estimators="fast").metric == "neg_log_loss"
    assert ask(estimators="random_forest, RidgeClassifier").metric == "balanced_accuracy"


@pytest.mark.parametrize("name", ["Test", "DVC", "2024 sales", "class", "Pandas", "日本", "🎉", "src", "x" * 50, "a.b"])
def test_the_default_names_are_valid_for_any_project_name(name: str) -> None:
    slug = project_slug(name)
    package = package_name(slug)
    assert package_taken(package) is None
    ask(project_slug=slug, package_name=package)


def test_answers_may_be_no_strings() -> None:
    assert ask(project_name=2024, target="species").target == "species"
