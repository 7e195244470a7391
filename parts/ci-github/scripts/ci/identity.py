"""Write the job's own token to .cache/identity, for which the cloud gives access: no key is stored anywhere.

GitHub gives it to a job with the permission `id-token: write`, GitLab as the variable IDENTITY_TOKEN, for which
.gitlab-ci.yml asks. The clouds' own libraries exchange it; AWS's look for AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN.
"""

import json
import os
import sys
import urllib.parse
import urllib.request
from pathlib import Path

PLACE = Path(".cache/identity")
AUDIENCE = "sts.amazonaws.com"


def main() -> None:
    """Write the file, for the owner alone to read."""
    token = os.environ.get("IDENTITY_TOKEN") or of_github()
    if not token:
        print("this job has no identity to show to a cloud")
        return
    PLACE.parent.mkdir(parents=True, exist_ok=True)
    PLACE.touch(mode=0o600)
    PLACE.write_text(token, encoding="utf-8")
    print(f"the job's token: {PLACE}")


def of_github() -> str:
    """The token that GitHub gives to this job, or nothing."""
    url = os.environ.get("ACTIONS_ID_TOKEN_REQUEST_URL")
    if not url:
        return ""
    audience = urllib.parse.quote(os.environ.get("IDENTITY_AUDIENCE") or AUDIENCE)
    headers = {"Authorization": f"Bearer {os.environ['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"}
    request = urllib.request.Request(f"{url}&audience={audience}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # nosec B310 # an address that the host's own API gave
            return str(json.load(answer)["value"])
    except OSError as error:
        sys.exit(f"GitHub gave no token to this job: {error}")


if __name__ == "__main__":
    main()
