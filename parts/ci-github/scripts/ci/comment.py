"""Write a review where people see it, in a job of GitHub Actions or GitLab CI.

    python3 scripts/ci/comment.py              as the one comment of the pull request, which is written anew each time
    python3 scripts/ci/comment.py --summary    on the page of the job (GitHub) or into its log: needs no permission

With USE_CML=true the comment itself is left to CML; the pictures are not, for CML would put them onto a public server.
"""

import os
import re
import subprocess  # nosec B404 # no shell
import sys
from pathlib import Path

from host import LONGEST, GitHub, GitLab, Refused, host

REPORT = Path("reports/review/report.md")
MARKER = "<!-- review of the model -->\n"
PICTURE = re.compile(r"!\[([^\]]*)\]\(([\w.-]+\.png)\)")


def main(words: list[str]) -> None:
    """Do the one or the other; `words` are `--summary` and, for another page than the review, its file."""
    paths = [one for one in words if not one.startswith("--")]
    page = Path(paths[0]) if paths else REPORT
    if not page.exists():
        sys.exit(f"there is no {page}: make compare writes the review")
    if "--summary" in words:
        summarize(page)
    else:
        comment(page)


def summarize(page: Path) -> None:
    """The page without its pictures, which have no address there."""
    text = re.sub(r"\n### Charts\n.*?(?=\n\[The whole report\]|\Z)", "", page.read_text(encoding="utf-8"), flags=re.S)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(text)
    else:
        print(text)


def comment(page: Path) -> None:
    """The page as the comment of the pull request of this job."""
    there = host()
    if there is None:
        print("no comment is written: this job has no GITHUB_TOKEN (on GitLab REVIEW_TOKEN) that may do it")
        return
    if not there.number:
        print("no comment is written: this job is of no pull request")
        return
    text = page.read_text(encoding="utf-8")
    pictures = [page.parent / name for _, name in PICTURE.findall(text) if (page.parent / name).exists()]
    shown = there.show(pictures) if pictures else {}
    text = PICTURE.sub(lambda found: f"![{found[1]}]({shown[found[2]]})" if found[2] in shown else "", text)
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}\n\n… the rest is in the report."
    if os.environ.get("USE_CML") == "true":
        with_cml(text, page.parent / "comment.md", there)
    else:
        there.comment(MARKER, MARKER + text)
    print(f"the comment of the pull request {there.number} is written")


def with_cml(text: str, page: Path, there: GitHub | GitLab) -> None:
    """Let CML write the comment; it finds its own earlier one by a mark of its own."""
    page.write_text(text, encoding="utf-8")
    options = [f"--target=pr/{there.number}", "--publish=false", "--update"]
    command = ["scripts/ci/cml.sh", "comment", "create", *options, str(page)]
    code = subprocess.run(command, env={**os.environ, "REPO_TOKEN": there.token}).returncode  # nosec B603 # no shell
    if code:
        sys.exit(f"the comment could not be written: cml ended with {code}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Refused as reason:
        sys.exit(f"the comment could not be written: {reason}")
