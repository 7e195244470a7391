"""What one would write by hand: an Optuna loop around a scikit-learn pipeline, with a pruner, in one process.

`python plain_search.py table.csv model trials` prints what it found as JSON. It makes the trials that a stamped project
makes: the same preprocessing, spaces, start points, sampler, pruner, folds and hold-out; `plain_script.py` has the
models and their spaces. `seconds` is the time of the search alone, from the first trial on: imports and reading are
left out.
"""

import json
import sys
import warnings
from time import perf_counter

import numpy as np
import optuna
import pandas as pd
from optuna.trial import TrialState
from plain_script import SPACES, model
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit


def search(name, X, y, folds, trials):
    """The study of a model."""
    space, starts = SPACES[name]
    numbers = list(X.select_dtypes("number"))
    categories = [column for column in X if column not in numbers]
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=0, group=True, n_startup_trials=4),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=1),
    )
    for point in starts:
        study.enqueue_trial(point)
    for number in range(trials):
        known = starts[number] if number < len(starts) else space
        trial = study.ask({key: space[key] for key in space if key in known})
        scores = []
        for learn, check in folds:
            fitted = model(name, trial.params, numbers, categories).fit(X.iloc[learn], y[learn])
            scores.append(-log_loss(y[check], fitted.predict_proba(X.iloc[check])))
            trial.report(float(np.mean(scores)), len(scores) - 1)
            # After the last fold nothing is saved by stopping.
            if len(scores) < len(folds) and trial.should_prune():
                study.tell(trial, state=TrialState.PRUNED)
                break
        else:
            study.tell(trial, float(np.mean(scores)))
    return study


def main():
    """Read, split, search."""
    warnings.filterwarnings("ignore")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    table = pd.read_csv(sys.argv[1])
    X, y = table.drop(columns="target"), table["target"].map({"no": 0, "yes": 1}).to_numpy()
    learn = np.sort(next(StratifiedShuffleSplit(1, test_size=0.2, random_state=0).split(X, y))[0])
    X, y = X.iloc[learn].reset_index(drop=True), y[learn]
    folds = list(StratifiedKFold(n_splits=5, shuffle=True, random_state=0).split(X, y))
    began = perf_counter()
    study = search(sys.argv[2], X, y, folds, int(sys.argv[3]))
    seconds = perf_counter() - began
    pruned = sum(trial.state == TrialState.PRUNED for trial in study.trials)
    found = {"score": study.best_value, "trials": len(study.trials), "pruned": pruned, "seconds": seconds}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
