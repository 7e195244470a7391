"""Continuous integration of a stamped project: the files are right, and what they do is done, on both hosts.

The slow tests execute the files: GitHub's by the interpreter in workflows.py, GitLab's by gitlab-ci-local where it is
installed. The host's API is a server on loopback, git's remote a bare repository, DVC's a folder. Stand-ins on the PATH are
docker, which runs commands here instead of in the image, and, in it, ruff, mypy and pytest, which other tests try.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import warm
import yaml
from conftest import BakedProject, commit, run
from loopback import TOKEN, Loopback, loopback
from stamped import AUTHOR, TOOLS, Project, environment
from workflows import Event, Machine, Ran, evaluate, rendered
from workflows import run as run_workflow

Bake = Callable[..., BakedProject]

ACTIONS = {"actions/checkout", "actions/download-artifact", "actions/upload-artifact"}
REPORT = """## Review of the model

**Fine.**

### Charts

![Curve](curve.png)

[The whole report](https://example.org)
"""
# Real options of CML 0.20.6: `cml comment create`, and what every command takes.
CML_OPTIONS = """target pr commit-sha head-sha watch trigger-file publish publish-url publish-native native update rm-watermark
watermark-title log driver repo token""".split()


@pytest.fixture
def there() -> Iterator[Loopback]:
    with loopback() as server:
        yield server


@pytest.fixture
def job(tmp_path: Path, bake: Bake) -> Path:
    """A stamped project with a review that was written."""
    project = bake().path
    review = project / "reports" / "review"
    review.mkdir(parents=True)
    (review / "report.md").write_text(REPORT)
    (review / "curve.png").write_bytes(b"a picture")
    return project


def on_github(there: Loopback, **more: str) -> dict[str, str]:
    """The environment of a job on GitHub."""
    known = {"GITHUB_API_URL": there.url, "GITHUB_REPOSITORY": "ada/shop", "GITHUB_TOKEN": TOKEN, "PULL_REQUEST": "5"}
    return {**known, **more}


def on_gitlab(there: Loopback, **more: str) -> dict[str, str]:
    """The environment of a job on GitLab."""
    known = {"CI_API_V4_URL": there.url, "CI_PROJECT_ID": "7", "REVIEW_TOKEN": TOKEN, "CI_MERGE_REQUEST_IID": "5"}
    return {**known, **more}


HOSTS = pytest.mark.parametrize("surroundings_of", [on_github, on_gitlab], ids=["github", "gitlab"])


def script(project: Path, name: str, *words: str, code: int = 0, **more: str) -> str:
    """What one of scripts/ci says."""
    done = subprocess.run(
        [sys.executable, f"scripts/ci/{name}.py", *words],
        cwd=project,
        env={**os.environ, **more},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == code, done.stdout
    return done.stdout


# ------------------------------------------------------------------------------------------------ what is stamped


@pytest.mark.parametrize("part", ["ci-github", "ci-gitlab", "none"])
def test_only_the_files_of_the_chosen_host_are_stamped(bake: Bake, part: str) -> None:
    files = bake(parts=part).files()
    assert any(name.startswith(".github/") for name in files) == (part == "ci-github")
    assert (".gitlab-ci.yml" in files) == (part == "ci-gitlab")
    assert any(name.startswith("scripts/ci/") for name in files) == (part != "none")
    assert ("scripts/ci.sh" in files) == (part != "none"), "make ci is that of the part compare"


def test_make_ci_is_for_everybody_who_compares(bake: Bake) -> None:
    files = bake(parts="compare").files()
    assert "scripts/ci.sh" in files
    assert not any(name.startswith("scripts/ci/") for name in files)


@pytest.mark.parametrize("host", ["ci-github", "ci-gitlab"])
def test_jobs_that_retrain_and_deploy_come_with_the_parts_that_do(bake: Bake, host: str) -> None:
    def jobs(parts: str) -> list[str]:
        files = bake(parts=parts).files()
        return [name for name in files if name.endswith(("/retrain.sh", "/deploy.sh", "/retrain.yml", "/deploy.yml"))]

    workflows = {"ci-github": ".github/workflows/{}.yml"}.get(host)
    expected = {name: [workflows.format(name)] if workflows else [] for name in ("deploy", "retrain")}
    assert jobs(host) == []
    assert jobs(f"{host},releases") == [*expected["deploy"], "scripts/ci/deploy.sh"]
    assert sorted(jobs(f"{host},retrain")) == sorted(
        [*expected["deploy"], *expected["retrain"], "scripts/ci/deploy.sh", "scripts/ci/retrain.sh"]
    )


def test_the_files_are_what_the_hosts_take(bake: Bake) -> None:
    checked = str(TOOLS / "check-jsonschema"), "--builtin-schema"
    project = bake().path
    workflows = sorted(map(str, (project / ".github" / "workflows").iterdir()))
    assert len(workflows) == 6
    run(*checked, "vendor.github-workflows", *workflows, cwd=project)
    run(*checked, "vendor.gitlab-ci", "--data-transform", "gitlab-ci", ".gitlab-ci.yml", cwd=project)


def test_zizmor_finds_nothing(bake: Bake) -> None:
    run(str(TOOLS / "zizmor"), "--offline", "--persona", "pedantic", ".github/workflows", cwd=bake().path)


def test_shellcheck_finds_nothing_in_scripts_and_run_blocks(bake: Bake, tmp_path: Path) -> None:
    project = bake().path
    scripts = [project / "scripts" / "ci.sh", *(project / "scripts" / "ci").glob("*.sh")]
    assert len(scripts) > 5
    assert all(os.access(one, os.X_OK) for one in scripts)
    blocks = [step["run"] for one in jobs(project) for step in one["steps"] if "run" in step]
    written = yaml.safe_load((project / ".gitlab-ci.yml").read_text())
    for one in written.values():
        if isinstance(one, dict):
            blocks += ["\n".join(one[key]) for key in ("before_script", "script") if key in one]
    for number, block in enumerate(blocks):
        scripts.append(tmp_path / f"{number}.sh")
        scripts[-1].write_text(f"#!/bin/bash\n{block}\n")
    assert len(blocks) > 20
    run(str(TOOLS / "shellcheck"), *map(str, scripts), cwd=project)


def jobs(project: Path) -> list[dict[str, Any]]:
    """All jobs of the workflows."""
    written = [yaml.safe_load(path.read_text()) for path in sorted((project / ".github" / "workflows").iterdir())]
    return [job for one in written for job in one["jobs"].values()]


def test_workflows_may_do_little_and_what_they_use_is_pinned(bake: Bake) -> None:
    project = bake().path
    for path in (project / ".github" / "workflows").iterdir():
        text = path.read_text()
        written = yaml.safe_load(text)
        assert written["permissions"] == {}, "each job says what it may do"
        assert "concurrency" in written
        assert "pull_request_target" not in text
        for action, version in re.findall(r"uses: (\S+)@(.*)", text):
            assert action in ACTIONS
            assert re.fullmatch(r"[0-9a-f]{40} # v\d+\.\d+\.\d+", version)
        assert ("secrets." in text) == (path.name == "runner.yml")
    for job in jobs(project):
        may, steps = job["permissions"], str(job["steps"])
        assert not ("contents" in may and may["contents"] == "write" and "make " in steps), "no code of theirs with it"
        assert ("id-token" in may) == ("scripts/ci/identity.py" in steps)
        assert job["timeout-minutes"]


# ------------------------------------------------------------------------------------------------ the scripts alone


@HOSTS
def test_a_review_is_one_comment_that_is_written_anew(
    job: Path, there: Loopback, surroundings_of: Callable[..., dict[str, str]]
) -> None:
    there.comments += [{"id": number + 1, "body": "Somebody said"} for number in range(120)]  # more than a page
    script(job, "comment", **surroundings_of(there))
    assert len(there.comments) == 121
    assert "**Fine.**" in there.comments[120]["body"]
    picture = re.search(r"!\[Curve\]\((.*)\)", there.comments[120]["body"])
    assert picture
    assert picture[1].startswith(("https://github.com/ada/shop/raw/commit1/5/curve.png", "/uploads/1/"))
    (job / "reports/review/report.md").write_text("**Better.**\n")
    script(job, "comment", **surroundings_of(there))
    assert len(there.comments) == 121
    assert "**Better.**" in there.comments[120]["body"]
    assert all(one["body"] == "Somebody said" for one in there.comments[:120])


def test_a_picture_is_sent_as_it_is(job: Path, there: Loopback) -> None:
    script(job, "comment", **on_gitlab(there))
    assert b'name="file"; filename="curve.png"' in there.uploads[0]
    assert b"\r\n\r\na picture\r\n" in there.uploads[0]
    script(job, "comment", **on_github(there))
    script(job, "comment", **on_github(there))
    assert list(there.heads) == ["reviews"], "one branch, which later pictures are added to"
    commits = [one.body for one in there.requests if one.path.endswith("/git/commits")]
    assert [one["parents"] for one in commits] == [[], ["commit1"]]


@pytest.mark.parametrize("more", [{"GITHUB_TOKEN": ""}, {"PULL_REQUEST": ""}])
def test_without_a_token_or_a_pull_request_nothing_is_sent(job: Path, there: Loopback, more: dict[str, str]) -> None:
    assert "no comment is written" in script(job, "comment", **on_github(there, **more))
    assert (there.requests, there.refused) == ([], [])


def test_a_token_that_may_not_write_is_told_in_a_sentence(job: Path, there: Loopback) -> None:
    said = script(job, "comment", code=1, **on_github(there, GITHUB_TOKEN="wrong"))
    assert "could not be written" in said
    assert "401" in said
    assert "Traceback" not in said


def test_a_summary_has_no_pictures_and_needs_nothing(job: Path, tmp_path: Path) -> None:
    page = tmp_path / "summary.md"
    script(job, "comment", "--summary", GITHUB_STEP_SUMMARY=str(page))
    assert "**Fine.**" in page.read_text()
    assert "[The whole report](https://example.org)" in page.read_text()
    assert "curve" not in page.read_text()
    assert "**Fine.**" in script(job, "comment", "--summary")


@HOSTS
def test_a_run_is_proposed_once_and_only_what_a_run_may_change(
    job: Path, there: Loopback, surroundings_of: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    bare = tmp_path / "bare.git"
    commit(job, "Start")
    run("git", "clone", "--quiet", "--bare", str(job), str(bare), cwd=job)
    run("git", "remote", "add", "origin", str(bare), cwd=job)
    base = run("git", "rev-parse", "HEAD", cwd=job).strip()
    patch = job / "reports/review/changes.patch"
    for text in ("first", "second"):
        (job / "dvc.lock").write_text(text)
        (job / "Makefile").write_text("all: steal\n")
        run("git", "add", "--all", cwd=job)
        patch.write_text(run("git", "diff", "--cached", "--binary", cwd=job))
        run("git", "reset", "--quiet", "--hard", base, cwd=job)
        words = ["run/feature", "--onto", "feature", "--title", "A run"]
        assert "proposed: " in script(job, "propose", *words, **surroundings_of(there))
        run("git", "reset", "--quiet", "--hard", base, cwd=job)
        changed = run("git", "diff", "--name-only", base, "run/feature", cwd=bare).split()
        assert changed == ["dvc.lock"]
        assert run("git", "show", "run/feature:dvc.lock", cwd=bare) == text
    assert len(there.pulls) == 1
    onto = there.pulls[0].get("base") or there.pulls[0]["target_branch"]
    assert (there.pulls[0]["branch"], onto) == ("run/feature", "feature")
    words = ["run/run/feature", "--onto", "run/feature", "--title", "A run"]
    assert "nothing is proposed" in script(job, "propose", *words, **surroundings_of(there))
    patch.write_text("")
    assert "nothing is proposed" in script(
        job, "propose", "run/x", "--onto", "x", "--title", "x", **surroundings_of(there)
    )
    assert len(there.pulls) == 1


def test_a_job_shows_who_it_is_and_keeps_no_key(job: Path, there: Loopback) -> None:
    url = {"ACTIONS_ID_TOKEN_REQUEST_URL": f"{there.url}/identity?x=1", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t"}
    place = job / ".cache" / "identity"
    script(job, "identity", **url)
    assert place.read_text() == "token for sts.amazonaws.com"
    assert place.stat().st_mode & 0o777 == 0o600
    script(job, "identity", **url, IDENTITY_AUDIENCE="api://elsewhere")
    assert place.read_text() == "token for api://elsewhere"
    script(job, "identity", IDENTITY_TOKEN="of GitLab")
    assert place.read_text() == "of GitLab"
    place.unlink()
    assert "no identity" in script(job, "identity")
    assert not place.exists()


CML = """#!{python}
import json, os, re, sys, urllib.request
words = sys.argv[1:]
assert words[:2] == ["comment", "create"], words
given = {{}}
for word in words[2:]:
    name, _, value = word.removeprefix("--").partition("=")
    given["page" if name == word else name] = word if name == word else value or "true"
assert set(given) <= {{"page", *{options!r}}}, given
number = re.fullmatch(r"pr/(\\d+)", given["target"])[1]
assert given["publish"] == "false", "it would put pictures on a public server"
text = open(given["page"]).read() + "\\n\\n![](https://cml.dev/watermark.png#)"
base = os.environ["GITHUB_API_URL"] + "/repos/" + os.environ["GITHUB_REPOSITORY"] + "/issues/"
def ask(method, path, body=None):
    request = urllib.request.Request(base + path, body and json.dumps(body).encode(), method=method)
    request.add_header("Authorization", "Bearer " + os.environ["REPO_TOKEN"])
    request.add_header("Content-Type", "application/json")
    return json.load(urllib.request.urlopen(request))
own = [one for one in ask("GET", number + "/comments?per_page=100&page=1") if "watermark.png" in one["body"]]
if own and given.get("update"):
    ask("PATCH", "comments/%s" % own[-1]["id"], {{"body": text}})
else:
    ask("POST", number + "/comments", {{"body": text}})
"""


def test_cml_writes_the_comment_where_that_is_chosen(job: Path, there: Loopback, tmp_path: Path) -> None:
    """By a stand-in that takes the options of CML 0.20.6 and no others."""
    (tmp_path / "bin").mkdir()
    double = tmp_path / "bin" / "cml"
    double.write_text(CML.format(python=sys.executable, options=CML_OPTIONS))
    double.chmod(0o755)
    path = f"{double.parent}:{os.environ['PATH']}:/usr/bin:/bin"
    for _ in range(2):
        script(job, "comment", **on_github(there, USE_CML="true", PATH=path))
    assert len(there.comments) == 1
    assert "**Fine.**" in there.comments[0]["body"]
    assert "https://github.com/ada/shop/raw/" in there.comments[0]["body"], "the pictures are not CML's matter"


REAL_CML = shutil.which("cml")
GITLAB_CI_LOCAL = shutil.which("gitlab-ci-local")


@pytest.mark.skipif(not REAL_CML, reason="CML is not installed: npm install --global @dvcorg/cml@0.20.6")
def test_real_cml_takes_our_options() -> None:
    said = run(
        str(REAL_CML), "comment", "create", "--help", cwd=Path.cwd(), PATH=f"{Path(str(REAL_CML)).parent}:/usr/bin:/bin"
    )
    assert "--target" in said
    assert "--publish" in said


def test_the_interpreter_of_workflows_reads_expressions_as_github_does() -> None:
    known = {"github": {"event_name": "push", "head": {"x": "a"}}, "vars": {}, "env": {"OWN": "true"}}
    assert evaluate("github.event_name == 'push' && github.head.x || 'no'", known) == "a"
    assert evaluate("vars.RUNNER || 'ubuntu'", known) == "ubuntu"
    assert evaluate("!failure() && !cancelled()", known, failed=True) is False
    assert evaluate("format('origin/{0}', github.head.x)", known) == "origin/a"
    assert rendered("${{ env.OWN == 'true' }}-${{ vars.NONE }}", known) == "true-"


# ------------------------------------------------------------------------------------------------ all of it


class Team:
    """A project with its git remote, DVC's remote, and machines that run its jobs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.project = Project(folder, project_name="Shop", estimators="fast")
        path, edit = self.project.path, self.project.edit
        search = yaml.safe_load((path / "params/search.yaml").read_text())
        search |= {"models": ["logistic_regression"], "workers": {"class": "InProcess"}}
        search["budget"] = {"trials": 2, "seconds": 60}
        (path / "params/search.yaml").write_text(yaml.safe_dump(search))
        evaluate = yaml.safe_load((path / "params/evaluate.yaml").read_text())
        evaluate["charts"] = ["confusion_matrix", "permutation_importance"]
        (path / "params/evaluate.yaml").write_text(yaml.safe_dump(evaluate))
        (path / "params/models/hist_gradient_boosting.yaml").unlink(missing_ok=True)
        # The smoke test and the retraining have tests of their own; here it is asked whether they are called.
        (path / "scripts/smoke.py").write_text("import sys\nsys.exit('It is silent.' in open('README.md').read())\n")
        edit("README.md", ("# Shop", "# Shop\n"))
        self.project.repro()
        self.bare, self.storage = folder / "bare.git", folder / "storage"
        self.project.run("dvc", "remote", "add", "--default", "storage", str(self.storage))
        self.commit("Run")
        self.git("init", "--quiet", "--bare", "--initial-branch", "main", str(self.bare))
        self.git("remote", "add", "origin", str(self.bare))
        self.git("push", "--quiet", "origin", "main")
        self.project.run("dvc", "push", "--quiet")
        (folder / "gitconfig").touch()
        self.log = folder / "docker.log"
        self.verdict = folder / "verdict"
        self._doubles()

    def git(self, *words: str) -> str:
        with environment(**AUTHOR):
            return self.project.run("git", *words).strip()

    def commit(self, message: str) -> str:
        """Commit everything; the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def _doubles(self) -> None:
        outside, inside = self.folder / "outside", self.folder / "image" / "bin"
        python = f"#!{sys.executable}\n"
        real = shutil.which("make", path=os.defpath)
        texts = {
            outside / "docker": python + DOCKER.format(log=str(self.log), inside=str(inside), python=str(TOOLS)),
            inside / "python": f'#!/bin/sh\n[ "$1 $2" = "-m pytest" ] && exit 0\nexec {warm.venv()}/bin/python "$@"\n',
            inside / "dvc": f'#!/bin/sh\nexec {warm.venv()}/bin/dvc "$@"\n',
            inside / "ruff": "#!/bin/sh\n",
            inside / "mypy": "#!/bin/sh\n",
            inside / "lint-imports": "#!/bin/sh\n",
            inside
            / "make": f'#!/bin/sh\n[ "$1" = retrain ] || exec {real} "$@"\nexec python {self.folder}/retrain.py\n',
            self.folder / "retrain.py": RETRAIN.format(verdict=str(self.verdict)),
        }
        for place, text in texts.items():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
            place.chmod(0o755)
        (outside / "python3").symlink_to(Path(sys.executable).resolve())

    def surroundings(self, there: Loopback) -> dict[str, str]:
        """The environment of every step."""
        return {
            "PATH": f"{self.folder / 'outside'}:/usr/bin:/bin",
            "HOME": str(self.folder),
            "GIT_CONFIG_GLOBAL": str(self.folder / "gitconfig"),
            "GITHUB_API_URL": there.url,
            "GITHUB_REPOSITORY": "ada/shop",
            "GITHUB_ACTOR": "ada",
        }

    def workflow(self, name: str, event: Event, there: Loopback, **more: str) -> Ran:
        """Run a workflow of the commit that the event is of."""
        folder = self.folder / "machine"
        folder.mkdir(exist_ok=True)
        file = folder / f"{name}.yml"
        file.write_text(self.git("show", f"{event.commit}:.github/workflows/{name}.yml"))
        return run_workflow(file, event, Machine(folder, self.bare, {**self.surroundings(there), **more}))

    def pull_request(self, branch: str, own: bool = True) -> Event:
        """A pull request of a branch for main."""
        commit = self.git("rev-parse", branch)
        head = {"sha": commit, "repo": {"full_name": "ada/shop" if own else "eve/shop"}}
        context = {
            "event_name": "pull_request",
            "event": {"pull_request": {"number": 5, "head": head}},
            "base_ref": "main",
            "head_ref": branch,
        }
        return self._event(commit, context, "5/merge")

    def pushed(self, name: str) -> Event:
        """A push of main or of a tag."""
        commit = self.git("rev-parse", f"{name}^{{commit}}")
        return self._event(commit, {"event_name": "push", "event": {"before": "0" * 40}}, name)

    def _event(self, commit: str, context: dict[str, Any], name: str) -> Event:
        known = {"sha": commit, "ref_name": name, "repository": "ada/shop", "server_url": "https://github.com"}
        return Event(commit, {**known, "run_id": "1", **context}, {})

    def engine(self) -> list[str]:
        """What docker was asked for, and forget it."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines


DOCKER = """
import os, subprocess, sys
words = sys.argv[1:]
with open({log!r}, "a") as log:
    print(*words, file=log)
if words[0] == "pull":
    sys.exit(1)
if words[:2] == ["run", "--detach"]:
    print("a-container")
elif words[0] == "run":
    at = next(i for i, word in enumerate(words) if word.endswith(":train"))
    passed = {{words[i + 1].partition("=")[0] for i, word in enumerate(words[:at]) if word == "--env"}}
    given = {{name: value for name, value in os.environ.items() if name in passed}}
    given |= {{"PATH": {inside!r} + ":/usr/bin:/bin", "PROJECT_VENV": {inside!r}.removesuffix("/bin"), "PYTHONPATH": "src"}}
    given |= {{"HOME": os.environ["HOME"], "OMP_NUM_THREADS": "1"}}
    sys.exit(subprocess.run(words[at + 1:], env=given).returncode)
"""
RETRAIN = """
import json, pathlib
verdict = pathlib.Path({verdict!r}).read_text()
pathlib.Path("reports/retrain.json").write_text(json.dumps({{"verdict": verdict}}))
pathlib.Path("reports/retrain.md").write_text("The new model is " + verdict + ".")
with open("dvc.lock", "a") as lock:
    lock.write("# retrained")
"""


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Team:
    return Team(tmp_path_factory.mktemp("team"))


def comparison(team: Team, base: str | None = None) -> str:
    """The report on what has changed since a revision, written in this process."""
    team.project.module("parts.compare.report").write(base)
    return (team.project.path / "reports/review/report.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_project_is_compared_with_any_revision_and_with_none(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    path = team.project.path
    monkeypatch.chdir(path)
    refused = team.project.module("errors").UserError
    first = team.git("rev-list", "--max-parents=0", "HEAD")
    said = comparison(team, first)
    assert f"There is nothing to compare with, for {first} has no log\\_loss: here log\\_loss is" in said
    assert "| params/search.yaml: models |" in said
    assert "Ran anew" in said
    said = comparison(team, "HEAD")
    assert "No change: log\\_loss is" in said
    assert "No value in `params/` has changed." in said
    assert "The same in both." in said
    assert "All stages are up to date." in said
    assert (path / "reports/review/confusion_matrix.here.png").stat().st_size > 1000
    assert "as in origin/main" in comparison(team), "which is HEAD"
    for name in ("nowhere", "--help"):
        with pytest.raises(refused, match=f"git knows no revision '{name}'"):
            comparison(team, name)
    team.git("remote", "rename", "origin", "away")
    try:
        assert "There is nothing to compare with: log\\_loss is" in comparison(team)
    finally:
        team.git("remote", "rename", "away", "origin")
    team.git("checkout", "--quiet", "-b", "broken")
    try:
        (path / "params/train.yaml").write_text("a: [1,\n")
        (path / "reports/metrics.json").write_text("no JSON")
        (path / "dvc.lock").write_text("no: [lock\n")
        team.commit("Broken")
        team.git("checkout", "--quiet", "main")
        said = comparison(team, "broken")
        assert "has no log\\_loss" in said
        assert "cannot be compared: broken: params/train.yaml:2" in said
    finally:
        team.git("checkout", "--quiet", "--force", "main")
        team.git("branch", "--quiet", "-D", "broken")


@pytest.mark.slow
def test_what_differs_is_named(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    path = team.project.path
    monkeypatch.chdir(path)
    metrics = path / "reports/metrics.json"
    kept = metrics.read_bytes()
    values = json.loads(kept)
    try:
        with team.project.edited("params/search.yaml", ("seconds: 60", "seconds: 61")):
            metrics.write_text(json.dumps({**values, "log_loss": values["log_loss"] / 2, "own | metric": 1}))
            said = comparison(team, "HEAD")
    finally:
        metrics.write_bytes(kept)
    # The metric was written by hand, and the predictions are the same.
    assert "There is no clear difference from HEAD: log\\_loss went from" in said
    assert "(less is better)" in said
    assert "| own \\| metric |  | 1 |  |  |" in said
    assert "| params/search.yaml: budget.seconds | 60 | 61 |" in said
    assert "`dvc.lock` is not of these files: `make run` would begin with `plan`" in said


@pytest.mark.slow
def test_a_worse_model_is_said_so_run_and_proposed_once(team: Team, there: Loopback) -> None:
    """Then the same changes come back as a better one; and neither from a fork."""
    team.git("checkout", "--quiet", "-b", "feature")
    model = team.project.path / "params/models/logistic_regression.yaml"
    written = yaml.safe_load(model.read_text())
    model.write_text(yaml.safe_dump({**written, "params": {"C": 0.00001}, "space": {}, "seeds": []}))
    team.commit("Worse")
    team.git("push", "--quiet", "origin", "feature")
    identity = {"ACTIONS_ID_TOKEN_REQUEST_URL": f"{there.url}/identity?x=1", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t"}
    ran = team.workflow("cml", team.pull_request("feature"), there, **identity)
    assert ran.jobs == {"image": "skipped", "run": "success", "review": "success"}, ran.said
    assert len(there.comments) == 1
    assert "**The model is worse than in origin/main: log\\_loss" in there.comments[0]["body"]
    assert "| params/models/logistic\\_regression.yaml: params.C |" in there.comments[0]["body"]
    assert there.comments[0]["body"].count("https://github.com/ada/shop/raw/") == 4
    assert "The model is worse" in ran.summary
    assert len(there.pulls) == 1
    assert (there.pulls[0]["head"], there.pulls[0]["base"]) == ("run/feature", "feature")
    asked = team.engine()
    assert any(one.startswith("build --target train") for one in asked)
    assert not any(one.startswith("push") for one in asked), "a pull request keeps no image"
    changed = run("git", "diff", "--name-only", "feature", "run/feature", cwd=team.bare).split()
    assert changed == ["dvc.lock", "reports/leaderboard.json", "reports/metrics.json"]

    # The proposal is taken, and what it names is in DVC's remote.
    team.git("pull", "--quiet", "--ff-only", "origin", "run/feature")
    team.project.run("dvc", "pull", "--quiet")
    assert team.project.repro() == []
    team.git("push", "--quiet", "origin", "feature", "feature:main")
    worse, good = team.git("rev-parse", "HEAD"), team.git("rev-parse", "main")

    team.git("checkout", "--quiet", "-b", "better")
    team.git("checkout", "--quiet", good, "--", "params", "dvc.lock", "reports")
    team.commit("Better")
    team.git("push", "--quiet", "origin", "better")
    ran = team.workflow("cml", team.pull_request("better"), there, **identity)
    assert ran.jobs["review"] == "success", ran.said
    assert len(there.comments) == 1, "written anew"
    assert "**The model is better than in origin/main: log\\_loss" in there.comments[0]["body"]
    assert len(there.pulls) == 1, "its dvc.lock is of its files"

    before = len(there.requests)
    ran = team.workflow("cml", team.pull_request("better", own=False), there)
    assert ran.jobs == {"image": "skipped", "run": "success", "review": "skipped"}, ran.said
    assert (there.requests[before:], there.refused) == ([], [])
    assert "cannot be judged: log\\_loss went from" in ran.summary, "DVC's remote is out of a fork's reach"
    assert "the pipeline is not run: the data are not here" in ran.said
    assert not any(one.startswith("login") for one in team.engine()[-3:])
    team.git("checkout", "--quiet", "main")
    team.git("push", "--quiet", "--force", "origin", f"{good}:main")
    assert worse != good


@pytest.mark.slow
def test_main_keeps_the_image_and_needs_no_base(team: Team, there: Loopback) -> None:
    team.engine()
    ran = team.workflow("cml", team.pushed("main"), there)
    assert ran.jobs == {"image": "success", "run": "success", "review": "success"}, ran.said
    assert "git knows no revision 00000" in ran.said
    assert there.writes == []
    asked = team.engine()
    assert any(re.fullmatch(r"tag shop:train ghcr.io/ada/shop:train-[0-9a-f]{16}", one) for one in asked)
    assert any(re.fullmatch(r"push --quiet ghcr.io/ada/shop:train-[0-9a-f]{16}", one) for one in asked)


@pytest.mark.slow
@pytest.mark.parametrize("verdict", ["worse", "better", "first"])
def test_a_retrained_model_is_proposed_if_it_is_better_and_told_of_if_not(
    team: Team, there: Loopback, verdict: str
) -> None:
    team.verdict.write_text(verdict)
    ran = team.workflow("retrain", team.pushed("main"), there)
    assert ran.jobs == {"retrain": "success", "propose": "success"}, ran.said
    assert f"The new model is {verdict}." in ran.summary
    if verdict == "worse":
        assert there.writes == []
    else:
        assert [(one["head"], one["base"]) for one in there.pulls] == [("retrain/main", "main")]
        assert there.pulls[0]["body"] == f"The new model is {verdict}."
        assert run("git", "diff", "--name-only", "main", "retrain/main", cwd=team.bare).split() == ["dvc.lock"]


@pytest.mark.slow
def test_a_promotion_is_built_tried_and_pushed_and_not_if_the_trial_fails(team: Team, there: Loopback) -> None:
    team.git("tag", "model#prod#3", "main")
    team.git("push", "--quiet", "origin", "model#prod#3")
    team.engine()
    ran = team.workflow("deploy", team.pushed("model#prod#3"), there, GITHUB_REF_NAME="model#prod#3")
    assert ran.jobs == {"deploy": "success"}, ran.said
    asked = team.engine()
    assert any("make image" in one or one.startswith("build --target serve") for one in asked)
    assert asked[-1] == "rm --force a-container"
    assert "tag shop:serve ghcr.io/ada/shop:serve-prod" in asked
    pushed = [one for one in asked if one.startswith("push")]
    assert pushed == [f"push --quiet ghcr.io/ada/shop:{name}" for name in ("serve-prod", "serve-prod-3")]

    team.git("checkout", "--quiet", "--detach", "main")
    with (team.project.path / "README.md").open("a") as file:
        file.write("It is silent.\n")
    team.commit("A service that does not answer")
    team.git("tag", "model#prod#4")
    team.git("push", "--quiet", "origin", "model#prod#4")
    ran = team.workflow("deploy", team.pushed("model#prod#4"), there, GITHUB_REF_NAME="model#prod#4")
    assert ran.jobs == {"deploy": "failure"}
    assert not any(one.startswith("push") for one in team.engine())
    team.git("checkout", "--quiet", "main")
    ran = team.workflow("deploy", team.pushed("main"), there, GITHUB_REF_NAME="model#prod!#5")
    assert ran.jobs == {"deploy": "success"}
    assert "there is nothing to deploy" in ran.said


@pytest.mark.slow
@pytest.mark.skipif(not GITLAB_CI_LOCAL, reason="gitlab-ci-local is not installed: npm install gitlab-ci-local@4.64.1")
def test_gitlabs_file_does_the_same(team: Team, there: Loopback) -> None:
    team.git("checkout", "--quiet", "-b", "changed", "main")
    team.project.edit("params/evaluate.yaml", ("- permutation_importance\n", ""))
    team.commit("A chart less")
    team.git("push", "--quiet", "origin", "changed")
    clone = team.folder / "clone"
    run("git", "clone", "--quiet", "--branch", "changed", str(team.bare), str(clone), cwd=team.folder)
    run("git", "remote", "add", "gcl-origin", "https://gitlab.example.org/ada/shop.git", cwd=clone)
    image = team.folder / "image"
    variables = {
        "CI_PIPELINE_SOURCE": "merge_request_event",
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "changed",
        **on_gitlab(there, PROJECT_VENV=str(image), PYTHONPATH="src", OMP_NUM_THREADS="1", HOME=str(team.folder)),
    }
    given = [word for name, value in variables.items() for word in ("--variable", f"{name}={value}")]
    path = f"{image / 'bin'}:{team.folder / 'outside'}:{Path(str(GITLAB_CI_LOCAL)).parent}:/usr/bin:/bin"
    options = ["--force-shell-executor", "--shell-isolation", *given]
    # A file of its own: whatever writes to git's settings as root would replace os.devnull, of which the tests make them.
    home = {"HOME": str(team.folder), "GIT_CONFIG_GLOBAL": str(team.folder / "gitconfig")}
    said = run(str(GITLAB_CI_LOCAL), *options, "run", "review", cwd=clone, PATH=path, **home)
    assert "No change: log_loss is" in said
    assert len(there.comments) == 1, said
    assert "params/evaluate" in there.comments[0]["body"]
    assert "](/uploads/1/picture.png)" in there.comments[0]["body"]
    assert [(one["source_branch"], one["target_branch"]) for one in there.pulls] == [("run/changed", "changed")], said
    changed = run("git", "diff", "--name-only", "changed", "run/changed", cwd=team.bare).split()
    assert changed == ["dvc.lock"]
    team.git("checkout", "--quiet", "--force", "main")
