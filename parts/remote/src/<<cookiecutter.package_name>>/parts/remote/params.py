"""Read `params/remote.yaml`, which says where and for how long runs on other machines go on."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...objects.build import build, check
from ...objects.grammar import Grammar, plain
from ...objects.json_schema import TEXT, TEXTS, Kit, Schema, mapping, or_null
from ...objects.plan import Context, read_grammar
from ...objects.reader import Where, read

WORDS = ("cloud", "region", "role", "type", "gpu")
MACHINE: dict[str, Any] = {
    "cloud": "aws",
    "region": None,
    "role": None,
    "type": None,
    "gpu": None,
    "disk": 50,
    "spot": True,
}
KEYS = ("runner", "machine", "timeout", "restarts", "image", "setup", "environment", "push")


@dataclass(frozen=True)
class Settings:
    """What `params/remote.yaml` says.

    `runner` is its class and params as plain values; `machine` has all keys of `MACHINE`; `timeout` is in seconds;
    `restarts` is how often a machine that is lost is replaced; `image` names a container image that holds the
    environment, or is None; `setup` are lines of shell that prepare the machine, or None; `environment` names the
    variables that go along; `push` says whether the machine puts its outputs into the DVC remote.
    """

    runner: dict[str, Any]
    machine: dict[str, Any]
    timeout: int = 3600
    restarts: int = 3
    image: str | None = None
    setup: str | None = None
    environment: list[str] = field(default_factory=list)
    push: bool = False


def compile(context: Context) -> Schema:
    """Check `params/remote.yaml`; no stage depends on it, so there is no slice of the plan."""
    read_remote(context.folder, context.grammar)
    return {}


def schemas(kit: Kit) -> dict[str, Schema]:
    """Return the JSON Schema of `params/remote.yaml`."""
    machine = (
        {"cloud": TEXT, "disk": {"type": "integer", "minimum": 1, "description": "In GB."}}
        | {name: or_null(TEXT) for name in ("region", "role", "type", "gpu")}
        | {"spot": {"type": "boolean"}}
    )
    settings = {
        "runner": kit.object("runner") | {"description": "What gets the machine."},
        "machine": mapping(machine),
        "timeout": {"type": "integer", "minimum": 1, "description": "In seconds."},
        "restarts": {"type": "integer", "minimum": 0, "description": "How often a lost machine is replaced."},
        "image": or_null(TEXT) | {"description": "A container image with the environment."},
        "setup": or_null(TEXT) | {"description": "Lines of shell that prepare the machine."},
        "environment": TEXTS | {"description": "Names of variables that go along."},
        "push": {"type": "boolean", "description": "Whether outputs go into the DVC remote there."},
    }
    return {"remote": mapping(settings, ["runner"])}


def read_remote(folder: Path, grammar: Grammar | None = None) -> Settings:
    """Return what `params/remote.yaml` says.

    Raises
    ------
    UserError
        If a key or a value is impossible, with file and line.
    """
    data, where = read(folder / "remote.yaml", folder.resolve().parent)
    where.mapping(data, KEYS, ["runner"])
    runner = (grammar or read_grammar(folder)).object(data["runner"], where.at("runner"), ["runner"])
    if runner.space:
        raise where.at("runner", "space").error("nothing is searched here: a runner has no 'space'")
    check(runner)
    build(runner)
    given: dict[str, Any] = {"runner": plain(runner), "machine": _machine(data.get("machine"), where.at("machine"))}
    for name, least in (("timeout", 1), ("restarts", 0)):
        value = data.get(name, getattr(Settings, name))
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise where.at(name).error(f"{name!r} needs a whole number, {least} or more, not {value!r}")
        given[name] = value
    for name in ("image", "setup"):
        given[name] = _text(data.get(name), where.at(name))
    names = data.get("environment") or []
    if not isinstance(names, list) or not all(isinstance(one, str) and one.isidentifier() for one in names):
        raise where.at("environment").error(
            "'environment' needs a list of names of variables; their values are not written"
        )
    push = data.get("push", False)
    if not isinstance(push, bool):
        raise where.at("push").error(f"'push' needs true or false, not {push!r}")
    return Settings(**given, environment=names, push=push)


def _machine(data: Any, where: Where) -> dict[str, Any]:
    machine = MACHINE | where.mapping(data or {}, MACHINE)
    for name in WORDS:
        machine[name] = _text(machine[name], where.at(name))
    if isinstance(machine["disk"], bool) or not isinstance(machine["disk"], int) or machine["disk"] < 1:
        raise where.at("disk").error(f"'disk' needs a whole number of GB, not {machine['disk']!r}")
    if not isinstance(machine["spot"], bool):
        raise where.at("spot").error(f"'spot' needs true or false, not {machine['spot']!r}")
    if not machine["cloud"]:
        raise where.at("cloud").error("'cloud' needs a name, such as aws")
    return machine


def _text(value: Any, where: Where) -> str | None:
    if value is not None and not (isinstance(value, str) and value.strip()):
        raise where.error(f"{where.path[-1]!r} needs text, or null for none, not {value!r}")
    return value
