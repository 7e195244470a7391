# What you would edit, with the values of an example; variables.tf describes all of them. Then: make sandbox-up

# region            = "eu-central-1"     # needed
# github_repository = "owner/name"       # or gitlab_project = "group/name": whose CI may use the sandbox
# budget_email      = "you@example.org"  # who is told about costs
# budget_usd        = 20
# state_in_s3       = true               # when more than one person works on the sandbox
