# What you would edit, with the values of an example; variables.tf describes all of them. Then: make deploy-azure

# subscription_id   = "00000000-0000-0000-0000-000000000000" # needed: az account show --query id
# location          = "westeurope"                           # needed
# sku               = "B1"                                   # or "EP1", the default, which scales
# alarm_email       = "you@example.org"                      # who is told when requests fail
# github_repository = "owner/name"                           # whose CI may release a model
