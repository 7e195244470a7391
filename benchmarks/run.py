"""Run all benchmarks, or those that are named: KNOWN has their names."""

import subprocess
import sys

from measure import HERE

KNOWN = ("stamping", "unchanged", "running", "overhead", "searching", "scaling", "serving", "predicting")


def main(names: list[str]) -> None:
    """Run each in a process of its own."""
    unknown = [name for name in names if name not in KNOWN]
    if unknown:
        sys.exit(f"there is no benchmark {unknown[0]!r}; there are {', '.join(KNOWN)}")
    for name in names or KNOWN:
        subprocess.run([sys.executable, str(HERE / f"{name}.py")], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
