# What you would edit, with the values of an example; variables.tf describes all of them. Then: make deploy-aws

# region               = "eu-central-1"     # needed
# front                = "http_api"         # or "url", the default
# concurrency          = 10
# alarm_email          = "you@example.org"  # who is told when requests fail
# github_repository    = "owner/name"       # whose CI may release a model
# make_github_provider = false              # where the account has GitHub's OIDC provider already
