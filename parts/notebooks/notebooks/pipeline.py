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
# # The pipeline, step by step
#
# Each stage of the pipeline can be run alone: `run("load")`, `run("tune", model="...")`. What is up to date is taken as
# it is, so after `make run` this whole notebook runs no stage at all and shows what the last run made. What has changed
# since, in `params/` or in the code, runs again, with all that comes before it and nothing else.
#
# The code of each step is a plain function in `steps/` of the package. Below, some of them are called by hand on what
# the stages made.

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
# %load_ext autoreload
# %autoreload 2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from << cookiecutter.package_name >>.parts.notebooks.interactive import models, run
from << cookiecutter.package_name >>.report.drawing import STYLE
from << cookiecutter.package_name >>.steps.ensemble import Ensemble
from << cookiecutter.package_name >>.steps.featurize import featurize
from << cookiecutter.package_name >>.steps.fit import assemble, fit
from << cookiecutter.package_name >>.steps.predict import predict
from << cookiecutter.package_name >>.steps.preprocess import featurized
from << cookiecutter.package_name >>.steps.task import task_of

plt.rcParams.update(STYLE | {"figure.facecolor": "white", "text.parse_math": False})

# %% tags=["parameters"]
model = None  # a model that competes, to look at its search; None: the one with the best score
rows = 5  # how many rows of a table are shown

# %% [markdown]
# ## Load
#
# The table as the models get it: numbers are floats, categories and texts are text, dates are time stamps. The schema
# says what each column is; it was inferred, and `params/data.yaml` overrules it.

# %%
frame, schema, _ = run("load")
display(frame.head(rows))
columns = pd.DataFrame([vars(column) for column in schema.columns])
display(columns[["name", "role", "dtype", "missing", "unique", "min", "max"]])

# %% [markdown]
# ### By hand: new columns
#
# `featurize` in `steps/featurize.py` makes new columns of the columns of a row. Try one here, on the loaded table. When
# it is worth it, write it into `steps/featurize.py`: the next `run("split")` then loads and splits anew, by itself.


# %%
def with_gaps(table):
    """The project's own new columns, and the number of values that a row lacks."""
    return featurize(table).assign(gaps=table.isna().sum(axis=1).astype(float))


display(featurized(frame.drop(columns=schema.targets), with_gaps).head(rows))

# %% [markdown]
# ## Split
#
# The rows that are held out are seen by no model before the end. The folds are those of the cross-validation by which
# the searches compare: pairs of row numbers in `train`, to learn from and to score.

# %%
train, holdout, folds = run("split")
features = list(schema.features)
print(f"{len(train)} rows to learn from, {len(holdout)} held out")
display(pd.DataFrame([(len(learn), len(score)) for learn, score in folds], columns=["learn", "score"]))

# %% [markdown]
# ## Tune
#
# Each model is searched by a stage of its own. Scores are scikit-learn's: more is better, so errors are negative.

# %%
searches = {name: run("tune", model=name) for name in models()}
found = pd.DataFrame([vars(one.result) for one in searches.values()]).sort_values("score", ascending=False)
display(found[["name", "estimator", "state", "score", "std", "trials", "pruned", "failed", "seconds"]])
model = model or found["name"].iloc[0]
tuned = searches[model]

# %%
display(Markdown(f"The best trials of **{model}**:"))
if len(tuned.trials):
    display(tuned.trials.sort_values("score", ascending=False).head(rows))
    figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
    number, scores = tuned.trials["trial"], tuned.trials["score"]
    axes.plot(number, scores, "o", alpha=0.6, label="a trial")
    axes.plot(number, scores.cummax().ffill(), drawstyle="steps-post", label="best so far")
    axes.set(xlabel="trial", ylabel="score", title=f"The search of {model}")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend()
    plt.show()

# %% [markdown]
# ### By hand: one configuration on one fold
#
# `assemble` makes a scikit-learn estimator of a model and the values of a trial, with its preprocessing before it. It
# takes raw rows, and in a classification gives raw labels. Change the values, or the estimator, and fit it again.

# %%
task = task_of(schema)
estimator = assemble(tuned.model, tuned.result.values, schema.features, task)
# Of many rows, some are enough here.
learned, scored = (train.iloc[np.random.default_rng(0).permutation(part)[:5000]] for part in folds[0])
fitted = fit(estimator, learned[features], learned[schema.target])
display(fitted)

# %%
kind = "accuracy" if schema.labels else "R²"
if schema.targets:
    print(f"{kind} on the other rows of the fold: {fitted.score(scored[features], scored[schema.target]):.3f}")
display(predict(fitted, scored[features], schema).head(rows))

# %% [markdown]
# ## Train
#
# The final model, made of the best configurations of all searches as `params/train.yaml` says, and fitted to the rows
# that are not held out.

# %%
final, _, leaderboard, metric = run("train")
display(leaderboard[["model", "class", "score", "std", "trials", "state"]].rename(columns={"score": metric}))
members = pd.DataFrame(leaderboard.loc[leaderboard["chosen"], "members"].iloc[0])
display(members)

# %% [markdown]
# ### By hand: other weights
#
# The same members, each with the same weight. (Look, but do not choose by it: then these rows are held out no longer.)

# %%
if isinstance(final, Ensemble) and len(final.members) > 1 and len(holdout):
    weights = [1 / len(final.members)] * len(final.members)
    equal = task.ensemble(final.names, final.members, task.mean(weights, max(1, len(schema.labels))))
    for name, one in (("as trained", final), ("equal weights", equal)):
        print(f"{kind} on the held-out rows, {name}: {one.score(holdout[features], holdout[schema.target]):.4f}")
else:
    print("the final model is one model, without weights, or no rows are held out")

# %% [markdown]
# ## Evaluate
#
# The metrics of the final model on the held-out rows. The report has them beside those of a dummy, with charts.

# %%
evaluated = run("evaluate")
display(pd.Series(evaluated.metrics, name="held-out rows").to_frame())
print(evaluated.report)

# %% [markdown]
# ## Package and predict
#
# What is served and sent: rows as they stand in the table in, predictions out. The example is a few rows of the table.

# %%
pipeline = run("package")
display(pipeline.example)
display(pipeline.predict(pipeline.example))

# %% [markdown]
# ### By hand: another step before the model
#
# A changed step is tried without training again: it has to make the features that the model knows. Here, how much do
# the predictions depend on digits after the decimal point?


# %%
def rounded(table):
    """The project's own features, of whole numbers."""
    return featurize(table.assign(**table.select_dtypes("number").round()))


tables = {
    "as it is": pipeline.predict(pipeline.example),
    "rounded": pipeline.with_featurize(rounded).predict(pipeline.example),
}
display(pd.concat(tables, axis=1))

# %% [markdown]
# ## Going on from here
#
# - Edit a file of `params/` or of `steps/`, and call `run` again for the stage that you want to see. Only what the edit
#   touches runs, as far as that stage.
# - `run("train", from_cache=False)` runs one stage anew whatever has changed.
# - `last("split")` gives what is there and runs nothing.
# - `make run` does all of it, and `make notebooks` writes these notebooks as pages.
