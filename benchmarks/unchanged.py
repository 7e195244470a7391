"""`dvc repro` where nothing has changed against a bare `dvc status` in the same repository."""

import argparse
import tempfile
from pathlib import Path

from measure import in_turn, report, stamp, timed

REPRO, STATUS = "dvc repro, nothing to do", "dvc status"


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=15)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        stamp(Path(name), "project_name=Bench", "estimators=fast")
        project = Path(name) / "bench"
        timed("dvc", "repro", "--quiet", cwd=project)
        sides = {
            REPRO: lambda: timed("dvc", "repro", cwd=project),
            STATUS: lambda: timed("dvc", "status", cwd=project),
        }
        times = in_turn(sides, given.repetitions)
    notes = ["The project is the sample of the default recipe with two models: seven stages."]
    report("unchanged", "A second run", times, [(REPRO, STATUS, 1.5)], notes)


if __name__ == "__main__":
    main()
