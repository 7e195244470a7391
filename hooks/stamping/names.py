"""Names of the project and of its package: which are valid, and one that is, made from any text."""

import keyword
import re
import sys

SLUG = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
PACKAGE = re.compile(r"[a-z][a-z0-9_]*")

# What a stamped project imports, or may import: a package of the same name would stand in its way.
DEPENDENCIES = frozenset(
    """
    absl adlfs aiobotocore aiohttp alembic anyio arrow asyncssh attr awslambdaric azure binaryornot boto3 botocore bs4
    catboost category_encoders cfgv click cloudpickle cmdstanpy colorlog configobj cookiecutter cruft cycler
    darts dask dateutil detect_secrets distlib distributed duckdb dulwich dvc dvc_azure dvc_data dvc_gs
    dvc_http dvc_objects dvc_render dvc_s3 dvc_ssh dvc_studio_client dvc_task dvclive fastapi feature_engine
    filelock fsspec funcy gcsfs git gitdb google greenlet grimp grpc gto h11 holidays httptools httpx hydra
    identify imblearn importlinter ipykernel ipython jinja2 jmespath joblib jupyter_client jupyter_core jupytext jwt
    kiwisolver knack lightgbm loguru mako mangum markdown markupsafe matplotlib metaflow mlflow msal mypy narwhals
    nbclient nbconvert nbformat nbstripout networkx nfoursid nodeenv numpy omegaconf onnx onnxmltools onnxruntime
    openpyxl opentelemetry optuna optuna_dashboard oracledb packaging pandas papermill paramiko pathspec
    patsy pil pip platformdirs plotly pre_commit pre_commit_hooks prettytable prometheus_client prophet
    psutil psycopg psycopg2 pyarrow pydantic pydot pygit2 pygments pymysql pynvml pyodbc pyparsing pytest
    python_discovery pytz requests rich ruamel ruff s3fs s3transfer scipy scmrepo seaborn semver setuptools
    shap simplejson six skl2onnx sklearn sklego skops skrub slugify smmap sqlalchemy sshfs stanio starlette statsmodels
    tabulate tensorboard tensorboard_data_server text_unidecode threadpoolctl tomlkit tornado tqdm traitlets
    typer tzdata unidiff urllib3 uvicorn uvloop virtualenv voluptuous wandb werkzeug wheel xgboost xlrd
    xxhash yaml yarl zmq
    """.split()
)
# Names by which the project's own folders, or Python's tests, could be imported instead.
FOLDERS = frozenset({"conftest", "data", "models", "notebooks", "params", "reports", "scripts", "src", "test", "tests"})
# Distributions whose import name is another one.
DISTRIBUTIONS = frozenset(
    {
        "azure-functions",
        "bc-detect-secrets",
        "beautifulsoup4",
        "duckdb-engine",
        "gitpython",
        "imbalanced-learn",
        "import-linter",
        "pandas-stubs",
        "pillow",
        "protobuf",
        "psycopg2-binary",
        "python-dateutil",
        "pyyaml",
        "ruamel-yaml",
        "scikit-learn",
        "scikit-lego",
        "xgboost-cpu",
    }
)


def project_slug(name: object) -> str:
    """A folder name made from a project's name: `"Kühe & Wölfe"` gives `"kuhe-wolfe"`."""
    from slugify import slugify  # cookiecutter brings it; only default answers need it

    slug = slugify(str(name)) or "project"
    return f"{slug}-project" if distribution_taken(slug) else slug


def package_name(slug: object) -> str:
    """A Python package's name made from any text: `"2024-sales"` gives `"project_2024_sales"`."""
    name = re.sub(r"[^a-z0-9]+", "_", str(slug).lower()).strip("_")
    if not name or name[0].isdigit():
        name = f"project_{name}".strip("_")
    return f"{name}_project" if package_taken(name) else name


def dns_label(name: object) -> str:
    """A name for things in a cluster, made from any text: `"2024 Sales"` gives `"model-2024-sales"`."""
    label = re.sub(r"[^a-z0-9]+", "-", str(name).lower()).strip("-")
    label = label if label[:1].isalpha() else f"model-{label}"
    return label[:40].strip("-")


def package_taken(name: str) -> str | None:
    """Why a package of this valid form cannot have this name, or None if it can."""
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        return "is a word of Python itself"
    if name in sys.stdlib_module_names:
        return "is a module of Python's standard library"
    if name in DEPENDENCIES:
        return "is a package that the project may import"
    if name in FOLDERS:
        return "is what a folder or a test of the project is imported as"
    return None


def distribution_taken(slug: str) -> bool:
    """Whether a project of this name would be taken for one of its own dependencies."""
    normal = re.sub(r"[-_.]+", "-", slug).lower()
    return normal in DISTRIBUTIONS or normal.replace("-", "_") in DEPENDENCIES
