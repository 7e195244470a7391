"""Bring this project to a newer version of its template, or add and remove parts, and keep what its owner changed.

    python scripts/update.py                                   to what the template is now
    python scripts/update.py --checkout v2 --set license=MIT   to a tag, branch or commit, with an answer changed
    python scripts/update.py --template ADDRESS --from v1      where .cruft.json does not say where it came from
    python scripts/update.py --parts                           list the parts
    python scripts/update.py --add container                   add a part, at the version that the project has
    python scripts/update.py --remove container                and take it away

cruft stamps the project twice into a folder that is taken away again: from the version of the template that it has, and
from the new one. What lies between the two is merged by git into the files as they are now: a three-way merge of each,
as if the template were a branch. A part is added and removed in the same way: both stampings are of the version that
the project has, and their answers to the question `parts` differ. Nothing is committed: `git diff --cached` shows it
all, `git reset --hard` takes it back. `make update`, `make parts`, `make add` and `make remove` run this, in the
project's folder.
"""

import argparse
import json
import os
import re
import shutil
import subprocess  # nosec B404 # no shell
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

NOTE = Path(".cruft.json")
# In a git hook, or wherever else these are set, git would work on another repository than this folder's.
REDIRECTIONS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX")
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in REDIRECTIONS}
ENVIRONMENT |= {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}
# git merges by writing two commits that no branch names; whose they are does not matter.
NOBODY = {f"GIT_{who}_{what}": "update" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def main(words: Sequence[str] | None = None) -> None:
    """Update the project in this folder; `words` are the command line's if None."""
    parser = argparse.ArgumentParser(description="Bring this project to a newer version of its template.")
    parser.add_argument("--checkout", help="a tag, branch or commit of the template (its default branch)")
    parser.add_argument("--template", help="the template's address, where it has moved")
    parser.add_argument("--from", dest="since", help="the tag or commit that the project has, if .cruft.json has none")
    parser.add_argument("--set", nargs="*", default=[], metavar="QUESTION=ANSWER", help="answers that change")
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument("--parts", action="store_true", help="list the parts that there are, and those that are here")
    asked.add_argument("--add", metavar="PART", help="add a part and what it needs")
    asked.add_argument("--remove", metavar="PART", help="take a part away")
    given = parser.parse_args(words)
    if not given.parts:
        check_repository(staged=bool(given.add or given.remove))
    note = read_note()
    address, has = given.template or note["template"], since(note, given)
    with tempfile.TemporaryDirectory() as folder:
        template = clone(address, Path(folder) / "template")
        old = version(template, has, address)
        if given.parts or given.add or given.remove:
            sys.exit(change_parts(given, note, Source(template, address, old), Path(folder)))
        new = version(template, given.checkout or "HEAD", address)
        answers = answers_of(note)
        changed = answers | changes(given.set, template, new)
        if old == new and changed == answers:
            print(f"already up to date: the project has {new[:9]} of {address}")
            return
        before, _ = stamped(template, old, answers, Path(folder) / "old")
        after, context = stamped(template, new, changed, Path(folder) / "new")
        drop_skipped(note, before, after)
        written = {**note, "template": address, "commit": new, "checkout": given.checkout, "context": context}
        told = {key: text for key, text in sorted(context["cookiecutter"].items()) if not key.startswith("_")}
        context["cookiecutter"] = {**told, "_template": address, "_commit": new}
        sys.exit(merge(before, after, written, f"updated from {old[:9]} to {new[:9]} of {address}"))


class Source(NamedTuple):
    """A clone of the template, the address that it comes from, and the version that the project has."""

    template: Path
    address: str
    commit: str


def change_parts(given: argparse.Namespace, note: Mapping[str, Any], source: Source, folder: Path) -> int:
    """List the parts, or add or remove some; the exit code."""
    answers = answers_of(note)
    if "parts" not in answers:
        fail(f"the template has no parts in the version of this project, {source.commit[:9]}: run `make update` first")
    git("checkout", "--quiet", "--detach", source.commit, cwd=source.template)
    before = listing(source.template, answers["parts"])
    if given.parts:
        show_parts(before)
        return 0
    answer, after = answers["parts"], before
    for name in filter(None, re.split(r"[,\s]+", given.add or given.remove)):
        answer = with_part(answer, name, after) if given.add else without_part(answer, name, after)
        after = listing(source.template, answer)
    if answer == answers["parts"]:
        return 0
    old, _ = stamped(source.template, source.commit, answers, folder / "old")
    new, _ = stamped(source.template, source.commit, {**answers, "parts": answer}, folder / "new")
    drop_skipped(note, old, new)
    written = json.loads(json.dumps(note))  # with the keys in their order: adding and then removing changes nothing
    written["context"]["cookiecutter"]["parts"] = answer
    if given.template or given.since:
        written |= {"template": source.address, "commit": source.commit}
        written["context"]["cookiecutter"] |= {"_template": source.address, "_commit": source.commit}
    added, removed = (sorted(set(one["here"]) - set(two["here"])) for one, two in ((after, before), (before, after)))
    done = [f"added {', '.join(added)}"] * bool(added) + [f"removed {', '.join(removed)}"] * bool(removed)
    return merge(old, new, written, "; ".join(done) or "the parts stay as they are")


def show_parts(listed: Mapping[str, Any]) -> None:
    """Print the parts that are here, and those that can be added."""
    others = {name: text for name, text in listed["known"].items() if name not in listed["here"]}
    width = max(map(len, [*listed["here"], *others]), default=0)
    print("Here:" if listed["here"] else "There are no parts here.")
    for name, text in sorted(listed["here"].items()):
        print(f"  {name:{width}}  {text}{needed_by(name, listed)}")
    print("To add, with make add PART=<name>:" if others else "There are no others.")
    for name, text in sorted(others.items()):
        print(f"  {name:{width}}  {text}")


def with_part(answer: str, name: str, listed: Mapping[str, Any]) -> str:
    """Return the answer with one more part, or the same if it is here already."""
    if name in listed["here"]:
        print(f"{name} is here already{needed_by(name, listed)}")
        return answer
    return name if answer == "none" else f"{answer}, {name}"


def without_part(answer: str, name: str, listed: Mapping[str, Any]) -> str:
    """Return the answer without a part; `standard` and `all` become the names of the others that they mean."""
    if name not in listed["here"]:
        better = get_close_matches(name, listed["here"], n=1)
        here = f"here are {', '.join(sorted(listed['here']))}" if listed["here"] else "there are none"
        fail(f"there is no part {name!r} here; {f'did you mean {better[0]}?' if better else here}")
    if listed["needed"].get(name):
        fail(f"{name} is needed by {' and '.join(listed['needed'][name])}: remove that first")
    if answer.endswith(f", {name}"):
        return answer.removesuffix(f", {name}")  # as `make add` wrote it
    kept = [[word] if name not in names else [one for one in names if one != name] for word, names in listed["words"]]
    return ", ".join(dict.fromkeys(word for words in kept for word in words)) or "none"


def needed_by(name: str, listed: Mapping[str, Any]) -> str:
    """Return who needs a part, in brackets."""
    return f" (needed by {', '.join(listed['needed'][name])})" if listed["needed"].get(name) else ""


def listing(template: Path, answer: str) -> dict[str, Any]:
    """Return the parts of the template as checked out, and those that an answer takes."""
    place = {**ENVIRONMENT, "PYTHONPATH": str(template / "hooks"), "PYTHONDONTWRITEBYTECODE": "1"}
    work = [sys.executable, "-m", "stamping.listing", answer]
    done = subprocess.run(work, env=place, stdin=subprocess.DEVNULL, capture_output=True, text=True)  # nosec B603
    if done.returncode:
        fail(last(done.stderr).removeprefix("parts: "))
    return dict(json.loads(done.stdout.splitlines()[-1]))


def answers_of(note: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answers that the project was stamped with."""
    return {key: text for key, text in note["context"]["cookiecutter"].items() if not key.startswith("_")}


def fail(sentence: str) -> NoReturn:
    """End with a sentence."""
    sys.exit(f"error: {sentence}")


def check_repository(staged: bool) -> None:
    """Refuse to start where git could not show, or take back, what the update did.

    Parameters
    ----------
    staged : bool
        Whether changes may be staged: several parts can be added before they are committed.
    """
    if not shutil.which("git"):
        fail("git is not installed, and an update is merged by it")
    if call("rev-parse", "--verify", "--quiet", "HEAD").returncode:
        fail("this folder is in no git repository that has a commit: `make setup` starts one")
    if git("ls-files", "--unmerged"):
        fail("a merge is not finished: `git status` shows the conflicts; resolve and commit them, then update")
    edited = [
        line[3:]
        for line in git("status", "--porcelain", "--untracked-files=no", "--", ".").splitlines()
        if not staged or line[1] != " "
    ]
    if edited:
        names = some(edited)
        fail(f"there are changes that are not committed ({names}): commit or stash them first, then update")


def read_note() -> dict[str, Any]:
    """What `.cruft.json` says of how the project was stamped."""
    if not NOTE.exists():
        fail(
            "there is no .cruft.json, which says how this project was stamped. Write it by answering the questions "
            "again as they were: cruft link ADDRESS --checkout COMMIT, with the address and the commit of the template"
        )
    try:
        note = json.loads(NOTE.read_text(encoding="utf-8"))
        if not isinstance(note["template"], str) or not isinstance(note["context"]["cookiecutter"], dict):
            raise ValueError
    except (ValueError, KeyError, TypeError):
        fail(".cruft.json is not what cruft writes: take it back from git (git log -- .cruft.json)")
    return dict(note)


def since(note: Mapping[str, Any], given: argparse.Namespace) -> str:
    """The version of the template that the project has."""
    found = given.since or note["commit"]
    if not found:
        command = "parts" if given.parts else "update"
        if given.add or given.remove:
            command = f"add PART={given.add}" if given.add else f"remove PART={given.remove}"
        fail(
            f"{note['template']} was no git repository when the project was stamped, so nobody noted its version. Name "
            f"the repository and the tag or commit that it was: make {command} TEMPLATE=<address> FROM=<commit>"
        )
    return str(found)


def clone(address: str, place: Path) -> Path:
    """A clone of the template."""
    print(f"Fetching {address} ...", flush=True)
    done = call("clone", "--quiet", "--", address, str(place))
    if done.returncode:
        fail(
            f"git cannot fetch the template from {address} ({last(done.stderr)}). If it has moved, say where it is: "
            "make update TEMPLATE=<address>"
        )
    return place


def version(template: Path, name: str, address: str) -> str:
    """The full id of a commit of the template; a branch is that of the repository it was cloned from."""
    for one in (f"refs/remotes/origin/{name}", name):
        done = call("rev-parse", "--verify", "--quiet", f"{one}^{{commit}}", cwd=template)
        if done.returncode == 0:
            return done.stdout.strip()
    return fail(f"{address} has no tag, branch or commit {name!r}: `git ls-remote {address}` lists what it has")


def changes(words: Sequence[str], template: Path, commit: str) -> dict[str, str]:
    """The answers that are given anew."""
    questions = json.loads(git("show", f"{commit}:cookiecutter.json", cwd=template))
    found = dict(word.partition("=")[::2] for word in words)
    for word, name in zip(words, found, strict=False):
        if "=" not in word or name not in questions or name.startswith("_"):
            asked = ", ".join(one for one in questions if not one.startswith("_"))
            fail(f"SET takes question=answer, and {word!r} is none; the questions are {asked}")
    return found


def stamped(template: Path, commit: str, answers: Mapping[str, Any], place: Path) -> tuple[Path, dict[str, Any]]:
    """The project as the template makes it, below its place in the repository, and the answers with the new ones."""
    work = [sys.executable, "-m", "cruft", "create", str(template), "--no-input", "--output-dir", str(place / "out")]
    work += ["--checkout", commit, "--extra-context", json.dumps(answers)]
    # A traceback as Python writes it ends with what is wrong, in one line.
    plain = {**ENVIRONMENT, "TYPER_STANDARD_TRACEBACK": "1", "_TYPER_STANDARD_TRACEBACK": "1"}
    done = subprocess.run(work, env=plain, stdin=subprocess.DEVNULL, capture_output=True, text=True)  # nosec B603
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        if any("No module named cruft" in line for line in said):
            fail("cruft is not installed: add the extra 'update' to pyproject.toml and run `make setup`")
        refused = next((line for line in said if re.match(r"[a-z_]+: ", line)), last(done.stderr))
        fail(f"the template at {commit[:9]} cannot be stamped with the answers of .cruft.json: {refused}")
    project = next((place / "out").iterdir())
    note = json.loads((project / NOTE).read_text(encoding="utf-8"))
    (project / NOTE).unlink()
    kept = {key: text for key, text in note["context"]["cookiecutter"].items() if not key.startswith("_")}
    folder = place / "tree" / git("rev-parse", "--show-prefix").strip()
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(project, folder)
    return folder, {"cookiecutter": kept}


def drop_skipped(note: Mapping[str, Any], *folders: Path) -> None:
    """Take away what an update leaves alone: `[tool.cruft] skip` of pyproject.toml."""
    listed = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    patterns = [*listed.get("tool", {}).get("cruft", {}).get("skip", []), *note.get("skip", [])]
    for folder in folders:
        for path in [path for pattern in patterns for path in folder.glob(pattern.rstrip("/"))]:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def merge(before: Path, after: Path, note: Mapping[str, Any], headline: str) -> int:
    """Merge what lies between two stampings into this project, staged and not committed; the exit code."""
    old, new, mine = contents(before), contents(after), set(git("ls-files", "-z").split("\0"))
    in_the_way = [name for name in new if name not in mine and os.path.lexists(name) and new[name] != old.get(name)]
    if in_the_way:
        fail(f"the template has {some(in_the_way)} now, which is here and not in git: commit or move it first")
    was, staged = git("write-tree").strip(), git("diff", "--cached", "--name-only")
    base = committed(before, sorted({*old, *new}), "HEAD", "The template as it was")
    theirs = committed(after, sorted({*old, *new}), base, "The template as it is")
    picked = call("cherry-pick", "--no-commit", theirs, environment=NOBODY)
    if picked.returncode and not git("ls-files", "--unmerged"):
        fail(f"git cannot merge the update ({last(picked.stderr)}); nothing is changed")
    conflicts, notes = settled()
    NOTE.write_text(json.dumps(note, ensure_ascii=False, indent=2, separators=(",", ": ")) + "\n", encoding="utf-8")
    git("add", "--force", str(NOTE))
    differ = git("diff", "--cached", "--name-only", "--relative", was).splitlines()
    files = [name for name in differ if name != str(NOTE)]
    print(f"{headline}; files that change: {len(files)}")
    print("".join(f"note: {one}\n" for one in notes), end="")
    for name in conflicts:
        print(f"conflict: {name}: the template and you have changed the same lines")
    if conflicts:
        print(
            "Resolve each: keep what is right of what stands between the markers, then `git add` it. "
            f"Or take all back{', what was staged before, too' if staged else ''}: git reset --hard"
        )
    elif not git("diff", "--cached", "--name-only"):
        print("There is nothing to commit: the project is as its last commit has it")
    elif files:
        print("Nothing is committed. See it: git diff --cached. Keep it: git commit. Take it back: git reset --hard")
    else:
        print("Only .cruft.json changes, which notes the version and the answers: git commit")
    return 1 if conflicts else 0


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder by their names in it."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def committed(folder: Path, names: Sequence[str], parent: str, message: str) -> str:
    """The id of a commit that has this folder's files under these names, and every other file as the index has it.

    It is made beside the working tree and the index, which stay as they are.
    """
    prefix = git("rev-parse", "--show-prefix").strip()
    top = folder.parents[len(Path(prefix).parts) - 1] if prefix else folder
    apart = {"GIT_DIR": git("rev-parse", "--absolute-git-dir").strip(), "GIT_WORK_TREE": str(top)}
    apart["GIT_INDEX_FILE"] = str(top.parent / "index")
    listed = "".join(f"{prefix}{name}\0" for name in names)
    git("read-tree", git("write-tree").strip(), cwd=top, environment=apart)
    git("update-index", "--force-remove", "-z", "--stdin", cwd=top, stdin=listed, environment=apart)
    git("add", "--force", "--ignore-removal", "--", ".", cwd=top, environment=apart)
    tree = git("write-tree", cwd=top, environment=apart).strip()
    return git("commit-tree", tree, "-p", parent, "-m", message, environment=NOBODY).strip()


def settled() -> tuple[list[str], list[str]]:
    """The files in conflict, and notes on those where one side has changed a file that the other has deleted.

    Such a file stays as its owner has it.
    """
    sides: dict[str, set[str]] = {}
    for line in filter(None, git("ls-files", "--unmerged", "-z").split("\0")):
        entry, name = line.split("\t", 1)
        sides.setdefault(name, set()).add(entry.split()[2])  # 1: as the template was, 2: here, 3: as the template is
    conflicts, notes = [], []
    for name, found in sides.items():
        if found == {"1", "2"}:
            git("add", "--force", "--", name)
            notes.append(f"{name} is no longer among the template's files; you have changed it, so it stays")
        elif found == {"1", "3"}:
            git("rm", "--quiet", "--force", "--", name)
            notes.append(f"{name} has changed in the template; you have deleted it, so it stays deleted")
        else:
            conflicts.append(name)
    return conflicts, notes


def git(*words: str, cwd: Path | None = None, stdin: str = "", environment: Mapping[str, str] | None = None) -> str:
    """What git prints; ends with a sentence if it fails."""
    done = call(*words, cwd=cwd, stdin=stdin, environment=environment)
    if done.returncode:
        fail(f"git {words[0]} failed ({last(done.stderr)})")
    return done.stdout


def call(
    *words: str, cwd: Path | None = None, stdin: str = "", environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run git; its messages come in English."""
    return subprocess.run(  # nosec B603, B607 # no shell
        ["git", *words],
        cwd=cwd,
        env={**ENVIRONMENT, **(environment or {})},
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="surrogateescape",
    )


def last(text: str) -> str:
    """The line of what a program said that tells most: its first error, or else the last."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ["it does not say why"]
    return next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[-1])


def some(names: Sequence[str]) -> str:
    """Some names, and how many there are besides."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


if __name__ == "__main__":
    main()
