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
# # The doubtful rows of a clustering
#
# Nothing is predicted here, so nothing can be wrong. But some rows lie between two clusters, and some are noise: which
# rows, of which clusters, and what they have in common.

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

from << cookiecutter.package_name >>.components.cluster_charts import profiles
from << cookiecutter.package_name >>.components.cluster_metrics import widths
from << cookiecutter.package_name >>.components.clusters import NOISE
from << cookiecutter.package_name >>.errors import UserError
from << cookiecutter.package_name >>.parts.notebooks.interactive import last, models, run
from << cookiecutter.package_name >>.report.drawing import COLOURS, STYLE
from << cookiecutter.package_name >>.steps.fit import assemble, fit
from << cookiecutter.package_name >>.steps.task import task_of

plt.rcParams.update(STYLE | {"figure.facecolor": "white", "text.parse_math": False})

# %% tags=["parameters"]
model = None  # a model that competes, fitted with its best values; None: the final model
rows = 10  # how many of the most doubtful rows, and of the columns, are shown
most = 5000  # training rows that are looked at

# %%
fitted, schema, _, _ = run("train")
task, features = task_of(schema), list(schema.features)
train, _, _ = last("split")
if model is not None:
    if model not in models():
        raise UserError(f"no model {model!r} competes")
    tuned = run("tune", model=model)
    fitted = fit(assemble(tuned.model, tuned.result.values, schema.features, task), train[features], train[[]])
looked_at = train.sample(min(most, len(train)), random_state=0).reset_index(drop=True)
labels = task.outputs(fitted, looked_at[features]).predicted
points = task.known(looked_at, train, None)["X"]
clusters = [one for one in np.unique(labels).tolist() if one != NOISE]
if len(clusters) < 2:
    raise UserError("the model has one cluster, which no row can lie between")
display(Markdown(f"**{model or 'The final model'}**: {len(clusters)} clusters of {len(looked_at)} training rows"))

# %% [markdown]
# ## How doubtful
#
# The silhouette of a row: near 1 it lies well inside its cluster, near 0 between two, and below 0 the rows of another
# cluster are nearer than those of its own. `next` is that other cluster.

# %%
centres = np.array([points[labels == one].mean(axis=0) for one in clusters])
distances = ((points[:, None, :] - centres[None]) ** 2).sum(axis=2)
own = np.array([clusters.index(one) if one in clusters else -1 for one in labels.tolist()])
distances[np.arange(len(own))[own >= 0], own[own >= 0]] = np.inf
result = pd.DataFrame({"cluster": labels, "next": np.array(clusters)[distances.argmin(axis=1)]})
result["silhouette"] = widths(points, labels)
result["doubtful"] = result["silhouette"] <= 0
print(f"{result['doubtful'].mean():.1%} of the rows lie nearer to another cluster than to their own, or are noise")
table = result.groupby("cluster").agg(
    rows=("silhouette", "size"), silhouette=("silhouette", "mean"), doubtful=("doubtful", "mean")
)
display(table.style.format({"silhouette": "{:.2f}", "doubtful": "{:.0%}"}))

# %%
figure, axes = plt.subplots(figsize=(7, 1 + 0.4 * len(clusters)), layout="constrained")
parts = [result.loc[result["cluster"] == one, "silhouette"] for one in clusters]
boxes = axes.boxplot(parts, tick_labels=clusters, orientation="horizontal", patch_artist=True, showfliers=False)
for number, box in enumerate(boxes["boxes"]):
    box.set(facecolor=COLOURS[number % len(COLOURS)], alpha=0.5)
axes.axvline(0, color="black", linewidth=1)
axes.set(xlabel="silhouette", ylabel="cluster")
plt.show()

# %% [markdown]
# ## The most doubtful rows

# %%
worst = result.nsmallest(rows, "silhouette")
display(pd.concat([worst[["cluster", "next", "silhouette"]], looked_at.loc[worst.index, features]], axis=1))

# %% [markdown]
# ## What they have in common
#
# How far the mean of each column among the doubtful rows is from that of all rows, in standard deviations; of a
# category, how far its share is.

# %%
if result["doubtful"].any():
    found = profiles(looked_at[features], np.where(result["doubtful"], 1, 0))
    found = found[found["cluster"] == 1].set_index("of")[["mean", "all", "difference"]]
    display(found.loc[found["difference"].abs().sort_values(ascending=False).index].head(rows))
else:
    print("no row is doubtful")
