# `make sandbox-test` runs these without an account: the provider is a mock.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::data" }
  }

  mock_resource "aws_ecr_repository" {
    defaults = { arn = "arn:aws:ecr:eu-central-1:123456789012:repository/images" }
  }

  mock_resource "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::123456789012:oidc-provider/made" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/made" }
  }
}

variables {
  project = "shop"
  region  = "eu-central-1"
}

run "only_what_is_asked_for" {
  assert {
    condition     = output.dvc_remote == "s3://shop-dvc-123456789012/dvc"
    error_message = "The remote is named after the project and the account."
  }

  assert {
    condition     = output.github == null && output.gitlab == null && output.budget == null && output.state_bucket == null
    error_message = "What was not asked for is not there."
  }
}

run "everything" {
  variables {
    github_repository   = "ada/shop"
    github_environments = ["prod"]
    gitlab_project      = "ada/shops/shop"
    budget_email        = "ada@example.org"
    state_in_s3         = true
  }

  assert {
    condition     = output.state_bucket == "shop-state-123456789012" && output.budget == "shop"
    error_message = "The state has a bucket, and the costs have a budget."
  }

  assert {
    condition     = !can(regex("Delete|\"s3:\\*\"|\"\\*:|\"ecr:\\*\"", "${local.ci_write_policy}${local.runner_policy}"))
    error_message = "No role may delete, or do all that a service knows."
  }

  assert {
    condition     = !can(regex("Put|Upload", local.ci_read_policy)) && !can(regex("PutImage", local.runner_policy))
    error_message = "The role that reads writes nothing, and machines push no images."
  }

  assert {
    condition     = alltrue([for one in jsondecode(local.ci_write_policy).Statement : one.Resource != "*" || one.Action == "ecr:GetAuthorizationToken"])
    error_message = "Everything but the login names its resource."
  }
}

run "a_github_role_is_for_one_repository" {
  module {
    source = "./modules/ci"
  }

  variables {
    name         = "shop-github"
    issuer       = "token.actions.githubusercontent.com"
    audience     = "sts.amazonaws.com"
    writers      = ["repo:ada/shop:ref:refs/heads/main"]
    readers      = "repo:ada/shop:*"
    write_policy = "{}"
    read_policy  = "{}"
  }

  assert {
    condition = jsondecode(aws_iam_role.write.assume_role_policy).Statement[0].Condition.StringEquals == {
      "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
      "token.actions.githubusercontent.com:sub" = ["repo:ada/shop:ref:refs/heads/main"]
    }
    error_message = "The role that writes compares audience and subject as they are."
  }

  assert {
    condition     = jsondecode(aws_iam_role.read.assume_role_policy).Statement[0].Condition.StringLike["token.actions.githubusercontent.com:sub"] == "repo:ada/shop:*"
    error_message = "The role that reads is for this repository alone."
  }
}

run "a_provider_that_is_there_is_taken" {
  module {
    source = "./modules/ci"
  }

  variables {
    name         = "shop-github"
    issuer       = "token.actions.githubusercontent.com"
    audience     = "sts.amazonaws.com"
    provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
    writers      = ["repo:ada/shop:ref:refs/heads/main"]
    readers      = "repo:ada/shop:*"
    write_policy = "{}"
    read_policy  = "{}"
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.this) == 0
    error_message = "An account has only one."
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    project             = "Shop Prices"
    region              = "Frankfurt"
    github_repository   = "shop"
    github_environments = ["*"]
    github_provider_arn = "token.actions.githubusercontent.com"
    gitlab_project      = "shop"
    gitlab_url          = "gitlab.com"
    gitlab_provider_arn = "gitlab.com"
    ci_branches         = ["*"]
    keep_versions_days  = 0
    keep_images         = 0
    budget_email        = "ada"
    budget_usd          = 0
  }

  expect_failures = [
    var.project,
    var.region,
    var.github_repository,
    var.github_environments,
    var.github_provider_arn,
    var.gitlab_project,
    var.gitlab_url,
    var.gitlab_provider_arn,
    var.ci_branches,
    var.keep_versions_days,
    var.keep_images,
    var.budget_email,
    var.budget_usd,
  ]
}
