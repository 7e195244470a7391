"""GitHub and GitLab, as far as a review needs them: by REST, with the standard library alone.

Both have the same methods; `host()` gives the one that the job runs on, as the environment says.
"""

import base64
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from pathlib import Path
from typing import Any

PAGE = 100  # entries of a list that one answer holds
LONGEST = 60_000  # characters of a comment; GitHub takes 65,536
BRANCH = "reviews"  # holds the pictures of reviews on GitHub


class Refused(Exception):
    """What the host did not do, as a sentence."""


class Api:
    """Requests in JSON to one address, with a token in one header."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self.url, self.headers = url.rstrip("/"), headers

    def call(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        """The decoded answer; `body` is sent as JSON, or as it is if it is bytes.

        Raises
        ------
        Refused
            If the host says no or cannot be reached.
        """
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, content, self.headers, method=method)
        if content is not None:
            request.add_header("Content-Type", kind)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # nosec B310 # an address that the host's own API gave
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            answer = error.read(500).decode("utf-8", "replace")
            raise Refused(f"{method} {path} was answered with {error.code}: {answer}") from None
        except OSError as error:
            raise Refused(f"{method} {path} could not be sent: {error}") from None

    def every(self, path: str) -> list[Any]:
        """All entries of a list that comes in pages."""
        found: list[Any] = []
        sign = "&" if "?" in path else "?"
        while True:
            page = self.call("GET", f"{path}{sign}per_page={PAGE}&page={len(found) // PAGE + 1}")
            found += page
            if len(page) < PAGE:
                return found


class GitHub:
    """A repository on GitHub, from within Actions."""

    user = "x-access-token"  # of git over HTTP

    def __init__(self, environment: dict[str, str]) -> None:
        self.token = environment.get("GITHUB_TOKEN", "")
        self.number = environment.get("PULL_REQUEST", "")
        self.repository = environment["GITHUB_REPOSITORY"]
        self.server = environment.get("GITHUB_SERVER_URL", "https://github.com")
        self.remote = f"{self.server}/{self.repository}.git"
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/vnd.github+json"}
        self.api = Api(f"{environment['GITHUB_API_URL']}/repos/{self.repository}", headers)

    def comment(self, marker: str, text: str) -> None:
        """Write the comment that starts with `marker`, or write it anew."""
        for one in self.api.every(f"/issues/{self.number}/comments"):
            if one["body"].startswith(marker):
                self.api.call("PATCH", f"/issues/comments/{one['id']}", {"body": text})
                return
        self.api.call("POST", f"/issues/{self.number}/comments", {"body": text})

    def show(self, pictures: list[Path]) -> dict[str, str]:
        """Put pictures where whoever may read the repository sees them; their addresses by name.

        They are a commit on a branch of their own: GitHub takes no uploads, and nobody else gets them this way.
        """
        files = []
        for one in pictures:
            content = base64.b64encode(one.read_bytes()).decode()
            blob = self.api.call("POST", "/git/blobs", {"content": content, "encoding": "base64"})
            files.append({"path": f"{self.number}/{one.name}", "mode": "100644", "type": "blob", "sha": blob["sha"]})
        for last in (False, False, True):  # another review may write to the branch at the same time
            try:
                commit = self._add(files)
                address = f"{self.server}/{self.repository}/raw/{commit}/{self.number}"
                return {one.name: f"{address}/{one.name}" for one in pictures}
            except Refused:
                if last:
                    raise
                time.sleep(1)
        return {}

    def _add(self, files: list[dict[str, str]]) -> str:
        """Commit files to the branch; the commit."""
        heads = self.api.call("GET", f"/git/matching-refs/heads/{BRANCH}")
        head = next((one["object"]["sha"] for one in heads if one["ref"] == f"refs/heads/{BRANCH}"), None)
        base = {"base_tree": head} if head else {}
        tree = self.api.call("POST", "/git/trees", {**base, "tree": files})
        message = {"message": f"Pictures of the review of #{self.number}", "tree": tree["sha"]}
        commit: str = self.api.call("POST", "/git/commits", {**message, "parents": [head] if head else []})["sha"]
        if head:
            self.api.call("PATCH", f"/git/refs/heads/{BRANCH}", {"sha": commit})
        else:
            self.api.call("POST", "/git/refs", {"ref": f"refs/heads/{BRANCH}", "sha": commit})
        return commit

    def propose(self, branch: str, onto: str, title: str, text: str) -> str:
        """Open a pull request of a branch, or write the open one anew; its address."""
        owner = self.repository.partition("/")[0]
        asked = urllib.parse.urlencode({"state": "open", "head": f"{owner}:{branch}", "base": onto})
        for one in self.api.call("GET", f"/pulls?{asked}"):
            self.api.call("PATCH", f"/pulls/{one['number']}", {"title": title, "body": text})
            return str(one["html_url"])
        made = self.api.call("POST", "/pulls", {"head": branch, "base": onto, "title": title, "body": text})
        return str(made["html_url"])


class GitLab:
    """A project on GitLab, from within its CI."""

    user = "oauth2"

    def __init__(self, environment: dict[str, str]) -> None:
        self.token = environment.get("REVIEW_TOKEN", "")
        self.number = environment.get("CI_MERGE_REQUEST_IID", "")
        self.remote = f"{environment.get('CI_PROJECT_URL', '')}.git"
        url = f"{environment['CI_API_V4_URL']}/projects/{environment['CI_PROJECT_ID']}"
        self.api = Api(url, {"PRIVATE-TOKEN": self.token})

    def comment(self, marker: str, text: str) -> None:
        """Write the note that starts with `marker`, or write it anew."""
        notes = f"/merge_requests/{self.number}/notes"
        for one in self.api.every(notes):
            if one["body"].startswith(marker):
                self.api.call("PUT", f"{notes}/{one['id']}", {"body": text})
                return
        self.api.call("POST", notes, {"body": text})

    def show(self, pictures: list[Path]) -> dict[str, str]:
        """Upload pictures to the project; their addresses by name."""
        return {one.name: self._upload(one) for one in pictures}

    def _upload(self, picture: Path) -> str:
        edge = uuid.uuid4().hex
        head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{picture.name}"\r\n'
        body = f"{head}Content-Type: image/png\r\n\r\n".encode() + picture.read_bytes() + f"\r\n--{edge}--\r\n".encode()
        return str(self.api.call("POST", "/uploads", body, f"multipart/form-data; boundary={edge}")["url"])

    def propose(self, branch: str, onto: str, title: str, text: str) -> str:
        """Open a merge request of a branch, or write the open one anew; its address."""
        asked = urllib.parse.urlencode({"state": "opened", "source_branch": branch, "target_branch": onto})
        for one in self.api.call("GET", f"/merge_requests?{asked}"):
            self.api.call("PUT", f"/merge_requests/{one['iid']}", {"title": title, "description": text})
            return str(one["web_url"])
        branches = {"source_branch": branch, "target_branch": onto, "remove_source_branch": True}
        made = self.api.call("POST", "/merge_requests", {**branches, "title": title, "description": text})
        return str(made["web_url"])


def host() -> GitHub | GitLab | None:
    """The host that the job runs on; None elsewhere, and where it has no token to act with."""
    environment = dict(os.environ)
    found: GitHub | GitLab
    if "GITHUB_API_URL" in environment:
        found = GitHub(environment)
    elif "CI_API_V4_URL" in environment:
        found = GitLab(environment)
    else:
        return None
    return found if found.token else None
