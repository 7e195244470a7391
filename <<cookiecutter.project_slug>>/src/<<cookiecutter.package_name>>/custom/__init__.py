"""Your own transformers, estimators, splitters, metrics and charts: what stands here can be named in the params.

Nothing needs to be registered. A class is found by its methods (`fit` and `transform`, `split`, …), a metric by the
end of its name (`_score`, `_error`, `_loss`), a chart by what it returns. `make list` shows what was found.
"""
