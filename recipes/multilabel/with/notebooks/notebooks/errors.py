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
# Where the final model is wrong on the rows that were held out: which labels it misses and which it adds, which rows
# have most of that, and in which groups of rows. What you change because of it is tried on the folds, by the next
# search: rows that one has tuned to are held out no longer.

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
rows = 10  # how many of the worst rows, and of the columns, are shown
groups = 6  # into how many groups numbers and dates are cut

# %%
MOST = 15  # labels of a picture, and groups of a column of categories

fitted, schema, leaderboard, _ = run("train")
train, holdout, folds = last("split")
task, features = task_of(schema), list(schema.features)
if holdout.empty:  # the final model has seen all rows: a model of its own is fitted without those of the first fold
    learn, left_out = folds[0]
    train, holdout = train.iloc[learn], train.iloc[left_out].reset_index(drop=True)
    model = model or next(name for name in leaderboard["model"] if name in models())
if model is not None:
    tuned = run("tune", model=model)
    fitted = assemble(tuned.model, tuned.result.values, schema.features, task)
    fitted = fit(fitted, train[features], train[schema.target])
outputs = task.outputs(fitted, holdout[features])
y_true, y_pred = task.encode(holdout[schema.target]).astype(bool), outputs.predicted.astype(bool)
names = np.asarray(task.names, dtype=object)
display(Markdown(f"**{model or 'The final model'}** on {len(holdout)} held-out rows"))

# %% [markdown]
# ## How wrong
#
# A label is missed where a row has it and the model does not say so, and added where it is the other way round. The
# size of a row's error is the number of its labels that are wrong.

# %%
result = pd.DataFrame(index=holdout.index)
result["missed"] = ["|".join(names[one]) for one in y_true & ~y_pred]
result["added"] = ["|".join(names[one]) for one in ~y_true & y_pred]
result["size"] = (y_true != y_pred).sum(axis=1)
print(f"{(result['size'] == 0).mean():.1%} of the rows have no wrong label")
print(f"on average {result['size'].mean():.2f} of {len(names)} labels are wrong")
display(result["size"].value_counts().sort_index().rename_axis("wrong labels").rename("rows").to_frame())

# %% [markdown]
# ## By label

# %%
labels = pd.DataFrame(
    {
        "rows": y_true.sum(axis=0),
        "missed": (y_true & ~y_pred).sum(axis=0),
        "added": (~y_true & y_pred).sum(axis=0),
    },
    index=names,
).sort_values("rows", ascending=False)
shown = labels.head(MOST)
_, axes = plt.subplots(figsize=(7, 1 + 0.35 * len(shown)), layout="constrained")
places = np.arange(len(shown))
axes.barh(places, shown["rows"] - shown["missed"], label="found")
axes.barh(places, shown["missed"], left=shown["rows"] - shown["missed"], label="missed")
axes.barh(places, -shown["added"], label="added")
axes.set_yticks(places, [str(name)[:30] for name in shown.index])
axes.axvline(0, color="black", linewidth=1)
axes.invert_yaxis()
axes.set(xlabel="rows")
axes.legend()
plt.show()
display(labels)

# %% [markdown]
# ## One for another
#
# In how many rows one label was missed and another added: pairs that stand high are taken for each other.

# %%
taken = (y_true & ~y_pred).astype(int).T @ (~y_true & y_pred).astype(int)
pairs = pd.DataFrame(taken, index=pd.Index(names, name="missed"), columns=pd.Index(names, name="added")).stack()
display(pairs[pairs > 0].sort_values(ascending=False).head(rows).rename("rows").reset_index())

# %% [markdown]
# ## The worst rows

# %%
worst = result.nlargest(rows, "size")
display(pd.concat([worst, holdout.loc[worst.index, features]], axis=1))

# %% [markdown]
# ## By which columns the errors differ
#
# The share of the differences between the rows' errors that goes with the groups of a column, corrected for what groups
# of so few rows differ by chance; 0 or less is chance.


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
    table = pd.DataFrame({"rows": parts.size(), "wrong labels": parts["size"].mean()})
    _, axes = plt.subplots(figsize=(7, 1 + 0.3 * len(table)), layout="constrained")
    axes.barh(range(len(table)), table["wrong labels"])
    axes.set_yticks(range(len(table)), [f"{str(name)[:30]} ({count})" for name, count in table["rows"].items()])
    axes.axvline(result["size"].mean(), color="black", linewidth=1, label="all rows")
    axes.invert_yaxis()
    axes.set(xlabel="wrong labels of a row")
    axes.legend()
    plt.show()
    display(table)


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
