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
# # The data
#
# What the columns are, what is missing, how the values are distributed, and how the target goes with each column.

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
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown, display
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

from << cookiecutter.package_name >>.parts.notebooks.interactive import run
from << cookiecutter.package_name >>.report.drawing import STYLE
from << cookiecutter.package_name >>.schema import to_number

plt.rcParams.update(STYLE | {"figure.facecolor": "white", "text.parse_math": False})
warnings.filterwarnings("ignore", message="Glyph .* missing from font")

# %% tags=["parameters"]
columns = 12  # how many columns are drawn: those that say most of the target
categories = 8  # how many of a column's values are told apart; the others are taken together
rows = 5  # how many rows of the table are shown

# %%
frame, schema, profile = run("load")
classes = bool(schema.labels)
target = schema.targets[0] if schema.targets else None  # of several the first, and there may be none
print(f"{len(frame)} rows, {len(schema.features)} features, target {', '.join(schema.targets) or 'none'}")
display(frame.head(rows))

# %% [markdown]
# ## The columns
#
# `role` and `dtype` were inferred from the values; `params/data.yaml` overrules them. Columns with the role feature,
# and the time, are what the models learn from.

# %%
shown = ["name", "role", "dtype", "missing", "unique", "summary"]
table = pd.DataFrame(profile["columns"])[shown]
display(table.style.format({"missing": "{:.1%}"}).hide())
ignored = [f"`{column.name}` ({column.role})" for column in schema.columns if column.role not in ("feature", "time")]
display(Markdown(f"No features: {', '.join(ignored) or 'none, all columns are features'}."))
display(Markdown("\n".join(f"- {note}" for note in schema.notes) or "There are no notes on the data."))

# %% [markdown]
# ## Missing values

# %%
missing = frame[list(schema.features)].isna().mean()
missing = missing[missing > 0].sort_values()
if len(missing):
    some = missing.tail(30)
    figure, axes = plt.subplots(figsize=(7, 0.8 + 0.25 * len(some)), layout="constrained")
    axes.barh(range(len(some)), some)
    axes.set_yticks(range(len(some)), [str(name)[:30] for name in some.index])
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.set_title("Share of the rows in which the value is missing")
    plt.show()
touched = frame[list(schema.features)].isna().any(axis=1).mean()
print(f"{len(missing)} of {len(schema.features)} features have gaps, and so have {touched:.0%} of the rows")


# %% [markdown]
# ## The target


# %%
def few(values):
    """A column's most frequent values as text; all others are `others`."""
    texts = values.astype(str).where(values.notna(), "missing")
    return texts.where(texts.isin(texts.value_counts().index[:categories]), "others")


def short(names):
    """Names as they are written beside a picture."""
    return [str(name)[:24] for name in names]


def plain(name, table):
    """A column as it is drawn: numbers, dates, the number of words of a text, or few categories."""
    dtype = schema.features[name]
    if dtype == "text":
        return table[name].str.split().str.len().astype(float)
    return few(table[name]) if dtype == "category" else table[name]


def distribution(axes, values):
    """The distribution of numbers, dates or categories."""
    if pd.api.types.is_string_dtype(values):
        counts = values.value_counts()[::-1]
        axes.barh(range(len(counts)), counts)
        axes.set_yticks(range(len(counts)), short(counts.index))
    elif values.notna().any():
        dates = pd.api.types.is_datetime64_any_dtype(values)
        numbers = date2num(values.dropna()) if dates else values.dropna().to_numpy()
        axes.hist(numbers, bins=30 if np.ptp(numbers) > 1e-9 * np.abs(numbers).max() else 1)
        if dates:
            dated(axes)


def dated(axes):
    """Dates instead of numbers below a picture."""
    axes.xaxis.set_major_locator(AutoDateLocator(maxticks=4))
    axes.xaxis.set_major_formatter(ConciseDateFormatter(axes.xaxis.get_major_locator()))


# %%
if target is not None:
    figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
    distribution(axes, few(frame[target]) if classes else frame[target])
    axes.set(title=target, xlabel="rows" if classes else "", ylabel="" if classes else "rows")
    plt.show()
if target is None:
    print("nothing is predicted")
elif classes:
    counts = frame[target].value_counts()
    most, least = counts.iloc[0] / len(frame), counts.iloc[-1]
    print(f"{len(counts)} classes; the most frequent has {most:.1%} of the rows, the rarest {least} rows")
else:
    display(frame[target].describe().to_frame().T)

# %% [markdown]
# ## Which columns say most of the target
#
# The mutual information of the target and each column alone, in nats: 0 is none. What columns say together, it does not
# see. Texts count by their number of words here.

# %%
sample = frame.sample(min(len(frame), 2000), random_state=0)
codes, discrete = {}, []
for name, dtype in schema.features.items():
    values = plain(name, sample)
    numbers = pd.Series(pd.factorize(values)[0]) if dtype == "category" else to_number(values)
    codes[name] = np.nan_to_num(numbers.fillna(numbers.median()).to_numpy(dtype=float))
    discrete.append(dtype == "category")
drawn = list(codes)[:columns]
if target is not None:
    information = mutual_info_classif if classes else mutual_info_regression
    y_true = pd.factorize(sample[target])[0] if classes else sample[target]
    gains = information(pd.DataFrame(codes), y_true, discrete_features=np.array(discrete), random_state=0)
    strength = pd.Series(gains, index=list(codes)).sort_values(ascending=False)
    drawn = strength.index[:columns]
    display(strength.head(30).rename("mutual information").to_frame())


# %% [markdown]
# ## Distributions


# %%
def grid(draw):
    """One small picture for each of the columns that are drawn."""
    lines = -(-len(drawn) // 3)
    figure, all_axes = plt.subplots(lines, 3, figsize=(10, 2.6 * lines), layout="constrained", squeeze=False)
    for axes, name in zip(all_axes.flat, drawn, strict=False):
        draw(axes, name)
        axes.set_title(f"{str(name)[:30]}{' (words)' if schema.features[name] == 'text' else ''}", fontsize=10)
        axes.tick_params(labelsize=8)
    for axes in all_axes.flat[len(drawn) :]:
        axes.set_axis_off()
    known = {label: one for axes in all_axes.flat for one, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    if known:
        figure.legend(known.values(), short(known), loc="outside lower center", ncols=5)
    plt.show()


grid(lambda axes, name: distribution(axes, plain(name, frame)))


# %% [markdown]
# ## The target against the columns
#
# Of two numbers, each row is a dot. Of a number and a category, a box holds the middle half of the rows, and its line
# is the median. Of two categories, the bar of each category shows the shares of the classes.


# %%
def boxes(axes, numbers, groups):
    """The numbers of each group."""
    parts = {key: part.dropna() for key, part in numbers.groupby(groups) if part.notna().any()}
    axes.boxplot(list(parts.values()), tick_labels=short(parts), orientation="horizontal", showfliers=False)


def against(axes, name):
    """The target against a column."""
    values, y_true = plain(name, sample), sample[target]
    dates = pd.api.types.is_datetime64_any_dtype(values)
    if dates:
        values = pd.Series(date2num(values), index=values.index)
    if not classes and schema.features[name] == "category":
        boxes(axes, y_true, values)
    elif not classes:
        axes.plot(values, y_true, ".", alpha=0.4, markersize=4)
    elif schema.features[name] == "category":
        shares = pd.crosstab(values, few(y_true), normalize="index")
        shares.plot.barh(stacked=True, ax=axes, legend=False, ylabel="", width=0.8)
        axes.set_yticklabels(short(shares.index))
    else:
        boxes(axes, values, few(y_true))
    if dates:
        dated(axes)


if target is not None:
    grid(against)
