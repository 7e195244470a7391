"""Compile `params/` into `plan/`."""

from pathlib import Path

from ..files import replacing_folder, write_json
from ..objects.plan import compile_params
from ..project.locked import note_made
from . import run_stage


def main() -> None:
    """Check everything, then write one file for each stage and each model."""
    plan = compile_params(Path("params"))
    for note in plan.notes:
        print(f"note: {note}")
    with replacing_folder("plan") as folder:
        for name, slice_ in plan.slices.items():
            write_json(folder / f"{name}.json", slice_)
    note_made(Path("plan"))


if __name__ == "__main__":
    run_stage(main)
