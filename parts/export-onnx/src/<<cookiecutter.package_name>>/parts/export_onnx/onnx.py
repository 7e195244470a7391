"""ONNX: the fitted estimators of a model as graphs, one for each, and what makes one prediction of theirs."""

from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline

from ...errors import UserError
from ...files import temporary
from ...steps.apart import rebuilt
from ...steps.fit import LabelEncoded


class Graph(BaseEstimator):
    """A fitted estimator as an ONNX graph: for rows as the transformers give them.

    Parameters
    ----------
    file : the graph's name in the model's folder.
    """

    def __init__(self, file: str) -> None:
        self.file = file

    def fit(self, X: Any, y: Any) -> "Graph":
        """scikit-learn asks whether there is such a method, and does not call it.

        Raises
        ------
        TypeError
            Always.
        """
        raise TypeError("a graph is made of a fitted estimator")

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def open(self, folder: Path) -> None:
        """Read the graph from its file.

        Raises
        ------
        ValueError
            If the file would lie elsewhere.
        """
        if Path(self.file).name != self.file:
            raise ValueError(f"{self.file!r} is no name of a graph in {folder}")
        self.graph_ = (folder / self.file).read_bytes()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "session_"}

    def outputs(self, X: Any) -> list[np.ndarray]:
        """All that the graph says of rows, in its order."""
        if not hasattr(self, "session_"):
            self.session_ = onnxruntime.InferenceSession(self.graph_, providers=["CPUExecutionProvider"])
        wanted = self.session_.get_inputs()[0]
        kind = np.float64 if wanted.type == "tensor(double)" else np.float32
        rows = np.asarray(X.toarray() if issparse(X) else X, dtype=kind)
        return list(self.session_.run(None, {wanted.name: rows}))


class ClassifierGraph(ClassifierMixin, Graph):
    """A classifier's graph.

    Parameters
    ----------
    file : the graph's name in the model's folder.
    classes : the codes of the classes in order.
    """

    def __init__(self, file: str, classes: np.ndarray) -> None:
        super().__init__(file)
        self.classes = classes

    @property
    def classes_(self) -> np.ndarray:
        """The codes of the classes in order."""
        return self.classes

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities, shape (rows, classes)."""
        return self.outputs(X)[1].astype(float)

    def predict(self, X: Any) -> np.ndarray:
        """The code of the most probable class, shape (rows,)."""
        return np.asarray(self.classes[np.argmax(self.predict_proba(X), axis=1)])


class RegressorGraph(RegressorMixin, Graph):
    """A regressor's graph."""

    def predict(self, X: Any) -> np.ndarray:
        """Numbers, shape (rows,)."""
        return self.outputs(X)[0].astype(float).ravel()


def drawn(model: Any, folder: Path) -> Any:
    """Write the estimators of a model without its transformers as graphs into a new folder.

    Returns
    -------
    What holds them together: the model with the names of the graphs in their places.

    Raises
    ------
    UserError
        If an estimator has no converter.
    """
    folder.mkdir()
    written: list[str] = []

    def leaf_of(leaf: Any) -> Any:
        if isinstance(leaf, LabelEncoded):
            new = LabelEncoded(None)
            new.encoder_ = None  # a part of its own
            new.classes_, new.estimator_ = leaf.classes_, leaf_of(leaf.estimator_)
            return new
        if not isinstance(leaf, Pipeline):
            raise UserError("a graph is made of a model of one class or one number a row", "package.yaml", "parts")
        return Pipeline([("model", graph(leaf[-1]))])

    def graph(estimator: Any) -> Any:
        if isinstance(estimator, TransformedTargetRegressor):
            new = copy(estimator)
            new.regressor, new.regressor_ = None, graph(estimator.regressor_)
            return new
        name = f"{len(written)}.onnx"
        onnx.save_model(converted(estimator), folder / name)
        written.append(name)
        if not hasattr(estimator, "predict_proba"):
            return RegressorGraph(name)
        return ClassifierGraph(name, np.asarray(estimator.classes_))

    return rebuilt(model, leaf_of)


def opened(model: Any, folder: Path) -> Any:
    """What `drawn` gave, with its graphs: ready to predict rows as the transformers give them."""

    def leaf_of(leaf: Any) -> Any:
        last = (leaf.estimator_ if isinstance(leaf, LabelEncoded) else leaf)[-1]
        getattr(last, "regressor_", last).open(folder)
        return leaf

    return rebuilt(model, leaf_of)


def converted(estimator: Any) -> onnx.ModelProto:
    """A fitted estimator as a graph with one input, numbers of shape (rows, columns).

    Returns
    -------
    The graph. A classifier's second output are probabilities, a regressor's first are numbers.

    Raises
    ------
    UserError
        If there is no converter for it.
    """
    package = type(estimator).__module__.split(".")[0]
    try:
        return CONVERTERS.get(package, _sklearn)(estimator)
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{type(estimator).__name__} cannot become an ONNX graph: {reason}") from error


def _inputs(estimator: Any, types: Any) -> list[tuple[str, Any]]:
    # Neighbours at nearly the same distance change places in single precision.
    kind = types.DoubleTensorType if type(estimator).__name__.startswith("KNeighbors") else types.FloatTensorType
    return [("features", kind([None, estimator.n_features_in_]))]


def _sklearn(estimator: Any) -> onnx.ModelProto:
    from skl2onnx import to_onnx
    from skl2onnx.common import data_types

    if issparse(getattr(estimator, "_fit_X", None)):  # neighbours of rows with words
        estimator = copy(estimator)
        estimator._fit_X = estimator._fit_X.toarray()
    if getattr(estimator, "weights", None) == "distance" and getattr(estimator, "p", None) in (1, 2):
        return _neighbors(estimator)
    inputs = _inputs(estimator, data_types)
    if getattr(estimator, "method", None) == "temperature" and len(estimator.calibrated_classifiers_) == 1:
        calibrated = estimator.calibrated_classifiers_[0]
        raw = {id(calibrated.estimator): {"zipmap": False, "raw_scores": True}}
        graph = to_onnx(calibrated.estimator, initial_types=inputs, options=raw)
        return _at_temperature(graph, float(calibrated.calibrators[0].beta_), len(estimator.classes_))
    options = {id(estimator): {"zipmap": False}} if hasattr(estimator, "classes_") else None
    return to_onnx(estimator, initial_types=inputs, options=options)


def _neighbors(estimator: Any) -> onnx.ModelProto:
    """Nearest neighbours that count by the inverse of their distance; skl2onnx 1.20 gives them other weights.

    A row at no distance from some counts these alone, as in scikit-learn.
    """
    make, double = onnx.helper.make_node, onnx.TensorProto.DOUBLE
    rows = np.asarray(estimator._fit_X, dtype=float)
    classifies = hasattr(estimator, "classes_")
    known = np.asarray(estimator._y).reshape(len(rows), -1)
    values = np.eye(len(estimator.classes_))[known.ravel()] if classifies else known.astype(float)
    constants = {
        "rows": rows[np.newaxis],
        "values": values,
        "k": np.array([estimator.n_neighbors]),
        "zero": np.array(0.0),
        "one": np.array(1.0),
        "first": np.array([1]),
        "last": np.array([2]),
    }
    nodes = [
        *_distances(estimator.p),
        make("TopK", ["distances", "k"], ["near", "who"], largest=0),
        make("Equal", ["near", "zero"], ["same"]),
        make("Cast", ["same"], ["here"], to=double),
        make("ReduceMax", ["here"], ["some"], axes=[1], keepdims=1),
        make("Equal", ["some", "one"], ["hit"]),
        make("Div", ["one", "near"], ["inverse"]),
        make("Where", ["hit", "here", "inverse"], ["weights"]),
        make("ReduceSum", ["weights", "first"], ["total"], keepdims=1),
        make("Unsqueeze", ["weights", "last"], ["column"]),
        make("Gather", ["values", "who"], ["theirs"], axis=0),
        make("Mul", ["theirs", "column"], ["weighted"]),
        make("ReduceSum", ["weighted", "first"], ["summed"], keepdims=0),
        make("Div", ["summed", "total"], ["found"]),
    ]
    found = onnx.helper.make_tensor_value_info("found", double, [None, values.shape[1]])
    outputs = [found]
    if classifies:
        nodes.append(make("ArgMax", ["found"], ["label"], axis=1, keepdims=0))
        outputs = [onnx.helper.make_tensor_value_info("label", onnx.TensorProto.INT64, [None]), found]
    features = onnx.helper.make_tensor_value_info("features", double, [None, rows.shape[1]])
    tensors = [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = onnx.helper.make_graph(nodes, "neighbours", [features], outputs, tensors)
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)


def _distances(p: int) -> list[onnx.NodeProto]:
    """The distances of features from each of the known rows, by the sum of their differences to the power of p."""
    make = onnx.helper.make_node
    return [
        make("Unsqueeze", ["features", "first"], ["wide"]),
        make("Sub", ["wide", "rows"], ["differences"]),
        make("Abs", ["differences"], ["apart"]),
        make("Mul", ["apart", "apart"], ["powers"]) if p == 2 else make("Identity", ["apart"], ["powers"]),
        make("ReduceSum", ["powers", "last"], ["sums"], keepdims=0),
        make("Sqrt", ["sums"], ["distances"]) if p == 2 else make("Identity", ["sums"], ["distances"]),
    ]


def _at_temperature(model: onnx.ModelProto, beta: float, classes: int) -> onnx.ModelProto:
    """A graph that gives decision values, made to give probabilities: the softmax of beta times these."""
    label, scores = model.graph.output
    model.graph.initializer.append(onnx.helper.make_tensor("beta", onnx.TensorProto.FLOAT, [1], [beta]))
    model.graph.node.append(onnx.helper.make_node("Mul", [scores.name, "beta"], ["scaled"]))
    model.graph.node.append(onnx.helper.make_node("Softmax", ["scaled"], ["calibrated"], axis=1))
    del model.graph.output[:]
    shape = [None, classes]
    found = onnx.helper.make_tensor_value_info("calibrated", onnx.TensorProto.FLOAT, shape)
    model.graph.output.extend([label, found])
    return model


def _lightgbm(estimator: Any) -> onnx.ModelProto:
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common import data_types

    return convert_lightgbm(estimator, initial_types=_inputs(estimator, data_types), zipmap=False)


def _xgboost(estimator: Any) -> onnx.ModelProto:
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common import data_types

    return convert_xgboost(estimator, initial_types=_inputs(estimator, data_types))


def _catboost(estimator: Any) -> onnx.ModelProto:
    """CatBoost writes graphs itself; it ends a classifier's by a list of mappings, which is taken off."""
    with temporary() as room:
        path = room / "graph.onnx"
        estimator.save_model(str(path), format="onnx")
        model = onnx.load_model(path)
    for node in list(model.graph.node):
        if node.op_type == "ZipMap":
            model.graph.node.remove(node)
            output = next(one for one in model.graph.output if one.name == node.output[0])
            shape = [None, len(estimator.classes_)]
            output.CopyFrom(onnx.helper.make_tensor_value_info(node.input[0], onnx.TensorProto.FLOAT, shape))
    if not hasattr(estimator, "predict_proba"):  # it says a shape that is not that of what it gives
        name = model.graph.output[0].name
        model.graph.output[0].CopyFrom(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None, 1]))
    return model


CONVERTERS = {"lightgbm": _lightgbm, "xgboost": _xgboost, "catboost": _catboost}
