# ---
# jupyter:
#   jupytext:
#     notebook_metadata_filter: -jupytext.text_representation
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The errors of the model
#
# Where the final model is wrong on the rows that were held out: which rows, which groups of rows, which classes, and
# whether it knows. What you change because of them is tried on the folds, by the next search: rows that one has tuned
# to are held out no longer.

# %% tags=["setup"]
# On Colab and Kaggle this fetches the project and installs it. Where it is installed already, nothing happens.
import importlib.util
import os
import subprocess
import sys

if importlib.util.find_spec("<< cookiecutter.package_name >>") is None:
    REPOSITORY = ""  # `make badges` writes its address
    if not REPOSITORY:
        raise RuntimeError("the project is not installed in this Python: take the one in .venv, or run `make badges`")
    if not os.path.isdir("project"):
        subprocess.run(["git", "clone", "--quiet", "--depth", "1", REPOSITORY, "project"], check=True)
    os.chdir("project")
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--editable", ".[notebooks]"], check=True)
    subprocess.run([sys.executable, "-m", "dvc", "pull"], check=False)  # the data, if there is a remote for them
    sys.path.insert(0, os.path.abspath("src"))

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from << cookiecutter.package_name >>.errors import UserError, nearest
from << cookiecutter.package_name >>.parts.notebooks.interactive import last, models, run
from << cookiecutter.package_name >>.report.drawing import STYLE
from << cookiecutter.package_name >>.schema import dtype_of, to_text
from << cookiecutter.package_name >>.steps.fit import assemble, fit
from << cookiecutter.package_name >>.steps.task import task_of

plt.rcParams.update(STYLE | {"figure.facecolor": "white", "text.parse_math": False})

# %% tags=["parameters"]
model = None  # a model that competes, fitted with its best values; None: the final model
column = None  # the column by whose values the errors are grouped; None: the one by which they differ most
rows = 10  # how many of the worst rows, and of the columns and classes, are shown
groups = 6  # into how many groups numbers and dates are cut

# %%
MOST = 15  # classes of a picture, and groups of a column of categories

fitted, schema, leaderboard, _ = run("train")
train, holdout, folds = last("split")
task, features = task_of(schema), list(schema.features)
if holdout.empty:  # the final model has seen all rows: a model of its own is fitted without those of the first fold
    learn, left_out = folds[0]
    train, holdout = train.iloc[learn], train.iloc[left_out]
    model = model or next(name for name in leaderboard["model"] if name in models())
if model is not None:
    tuned = run("tune", model=model)
    fitted = assemble(tuned.model, tuned.result.values, schema.features, task)
    fitted = fit(fitted, train[features], train[schema.target])
outputs = task.outputs(fitted, holdout[features])
y_true = task.encode(holdout[schema.target])
classes = bool(schema.labels)
display(Markdown(f"**{model or 'The final model'}** on {len(holdout)} held-out rows"))

# %% [markdown]
# ## How wrong
#
# In a regression the size of an error is its distance from the truth. In a classification it is what the probability of
# the true class lacks to 1: near 0 the model was right and sure, near 1 it was wrong and sure.

# %%
names = np.asarray([str(label) for label in schema.labels], dtype=object)
result = pd.DataFrame(index=holdout.index)
if classes:
    probabilities = task.to_scores(outputs)
    result["truth"], result["prediction"] = names[y_true], names[outputs.predicted]
    result["confidence"] = probabilities.max(axis=1)
    result["size"] = 1 - probabilities[np.arange(len(y_true)), y_true]
    result["wrong"] = outputs.predicted != y_true
    print(f"{result['wrong'].sum()} of {len(result)} rows are predicted wrongly ({result['wrong'].mean():.1%})")
else:
    result["truth"], result["prediction"], result["error"] = y_true, outputs.predicted, outputs.predicted - y_true
    result["size"] = result["error"].abs()
    print(f"mean absolute error {result['size'].mean():.4g}, median {result['size'].median():.4g}")
    print(f"mean error {result['error'].mean():.4g}: above 0 the model says too much")

# %% [markdown]
# ## The worst rows
#
# Rows are numbered as in the data, from 1 without the header.

# %%
worst = result.nlargest(rows, "size")
display(pd.concat([worst, holdout.loc[worst.index, features]], axis=1))

# %% [markdown]
# ## Which classes are confused, or how the errors are spread


# %%
def confusion():
    """The classes that are most often confused: their counts, and the pairs."""
    wrong = result[result["wrong"]]
    often = pd.concat([wrong["truth"], wrong["prediction"]]).value_counts().index[:MOST]
    kept = [name for name in names if len(names) <= MOST or name in often]
    counts = pd.crosstab(result["truth"], result["prediction"]).reindex(index=kept, columns=kept, fill_value=0)
    if kept:
        side = 2.5 + 0.45 * len(kept)
        _, axes = plt.subplots(figsize=(side, side), layout="constrained")
        shares = counts.div(counts.sum(axis=1).clip(lower=1), axis=0).to_numpy()
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for place, count in np.ndenumerate(counts.to_numpy()):
            colour = "white" if shares[place] > 0.5 else "black"
            axes.text(place[1], place[0], count, ha="center", va="center", fontsize=9, color=colour)
        axes.set_xticks(range(len(kept)), [name[:20] for name in kept], rotation=45, ha="right")
        axes.set_yticks(range(len(kept)), [name[:20] for name in kept])
        axes.grid(False)
        axes.set(xlabel="predicted", ylabel="true")
        plt.show()
    if len(wrong):
        pairs = wrong.groupby(["truth", "prediction"]).size().sort_values(ascending=False).rename("rows").reset_index()
        pairs["of its class"] = pairs["rows"] / pairs["truth"].map(result["truth"].value_counts())
        display(pairs.head(rows).style.format({"of its class": "{:.0%}"}).hide())


def residuals():
    """The errors, and the errors by what was predicted."""
    _, (left, right) = plt.subplots(1, 2, figsize=(10, 3.2), layout="constrained")
    left.hist(result["error"], bins=30)
    left.set(xlabel="prediction - truth", ylabel="rows")
    right.plot(result["prediction"], result["error"], ".", alpha=0.5)
    right.axhline(0, linewidth=1, color="black")
    right.set(xlabel="prediction", ylabel="prediction - truth")
    plt.show()


if classes:
    confusion()
else:
    residuals()


# %% [markdown]
# ## Does it know
#
# A classifier's confidence is the probability of the class that it predicts; of the rows where it says 80 %, 80 %
# should be right. A regression gives no confidence: here is how the errors go with what it predicts.


# %%
def cut(values, words=False):
    """A column as groups: equally many numbers or dates in each, or the most frequent categories."""
    dtype = dtype_of(values)
    if values.nunique() <= groups or dtype == "category":
        texts = to_text(values).where(values.notna(), "missing")
        common = texts.value_counts().index[:MOST]
        return texts.where(texts.isin(common), "others")
    parts = pd.qcut(values, groups, duplicates="drop")
    form = "≤ {:%Y-%m-%d %H:%M}" if dtype == "datetime" else "≤ {} words" if words else "≤ {}"
    parts = parts.cat.rename_categories([form.format(one.right) for one in parts.cat.categories])
    return parts.cat.add_categories("missing").fillna("missing").cat.remove_unused_categories()


def grouped(values, words=False):
    """The errors of each group, as a table and as bars beside those of all rows."""
    parts = result.groupby(cut(values, words), observed=True)
    table = pd.DataFrame({"rows": parts.size()})
    bars = "share that is wrong" if classes else "mean absolute error"
    if classes:
        table[bars], table["mean size"] = parts["wrong"].mean(), parts["size"].mean()
    else:
        table[bars], table["mean error"] = parts["size"].mean(), parts["error"].mean()
    _, axes = plt.subplots(figsize=(7, 1 + 0.3 * len(table)), layout="constrained")
    axes.barh(range(len(table)), table[bars])
    axes.set_yticks(range(len(table)), [f"{str(name)[:30]} ({count})" for name, count in table["rows"].items()])
    axes.axvline(result["wrong" if classes else "size"].mean(), color="black", linewidth=1, label="all rows")
    axes.invert_yaxis()
    axes.set(xlabel=bars)
    axes.legend()
    plt.show()
    display(table)


if classes:
    parts = result.groupby(pd.cut(result["confidence"], np.linspace(0, 1, 11)), observed=True)
    known = pd.DataFrame({"confidence": parts["confidence"].mean(), "right": 1 - parts["wrong"].mean()})
    known["rows"] = parts.size()
    _, axes = plt.subplots(figsize=(4, 4), layout="constrained")
    axes.plot([0, 1], [0, 1], linewidth=1, color="black", label="as sure as right")
    axes.scatter(known["confidence"], known["right"], s=20 + 200 * known["rows"] / known["rows"].max(), alpha=0.7)
    axes.set(xlabel="confidence", ylabel="share that is right", xlim=(0, 1.05), ylim=(-0.05, 1.05))
    axes.legend()
    plt.show()
    display(known)
else:
    grouped(result["prediction"])

# %% [markdown]
# ## By which columns the errors differ
#
# The share of the differences between the errors that goes with the groups of a column, corrected for what groups of so
# few rows differ by chance; 0 or less is chance.


# %%
def values_of(name):
    """A column as it is grouped: a text by its number of words."""
    values = holdout[name]
    return values.str.split().str.len().astype(float) if schema.features.get(name) == "text" else values


def share(values):
    """Omega squared: the variance of the errors' sizes that lies between groups, as a share of all of it."""
    size = result["size"]
    parts = size.groupby(cut(values), observed=True)
    whole = ((size - size.mean()) ** 2).sum()
    between = (parts.size() * (parts.mean() - size.mean()) ** 2).sum()
    inside = (whole - between) / max(1, len(size) - len(parts))
    return (between - (len(parts) - 1) * inside) / (whole + inside) if whole > 0 else 0.0


shares = pd.Series({name: share(values_of(name)) for name in features}, name="share of the differences")
shares = shares.sort_values(ascending=False)
display(shares.head(rows).to_frame())

# %%
column = shares.index[0] if column is None else str(column)
if column not in holdout:
    raise UserError(f"the table has no column {column!r}{nearest(column, holdout.columns)}")
display(Markdown(f"### By `{column}`"))
grouped(values_of(column), schema.features.get(column) == "text")
