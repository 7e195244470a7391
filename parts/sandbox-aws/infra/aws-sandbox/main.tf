# Everything that DVC, CI and remote runs need of AWS. README.md says how it is made and unmade.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account = data.aws_caller_identity.current.account_id
  gitlab  = trimprefix(var.gitlab_url, "https://")
  runner  = "${var.project}-runner"
}

module "data" {
  source = "./modules/bucket"

  name               = "${var.project}-dvc-${local.account}"
  partition          = data.aws_partition.current.partition
  keep_versions_days = var.keep_versions_days
}

module "images" {
  source = "./modules/images"

  name        = var.project
  keep_images = var.keep_images
}

module "github" {
  source = "./modules/ci"
  count  = var.github_repository == null ? 0 : 1

  name         = "${var.project}-github"
  issuer       = "token.actions.githubusercontent.com"
  audience     = "sts.amazonaws.com"
  provider_arn = var.github_provider_arn
  writers = concat(
    [for branch in var.ci_branches : "repo:${var.github_repository}:ref:refs/heads/${branch}"],
    [for name in var.github_environments : "repo:${var.github_repository}:environment:${name}"],
  )
  readers      = "repo:${var.github_repository}:*"
  write_policy = local.ci_write_policy
  read_policy  = local.ci_read_policy
}

module "gitlab" {
  source = "./modules/ci"
  count  = var.gitlab_project == null ? 0 : 1

  name         = "${var.project}-gitlab"
  issuer       = local.gitlab
  audience     = var.gitlab_url
  provider_arn = var.gitlab_provider_arn
  writers      = [for branch in var.ci_branches : "project_path:${var.gitlab_project}:ref_type:branch:ref:${branch}"]
  readers      = "project_path:${var.gitlab_project}:*"
  write_policy = local.ci_write_policy
  read_policy  = local.ci_read_policy
}

module "runner" {
  source = "./modules/runner"

  name   = local.runner
  policy = local.runner_policy
}

module "budget" {
  source = "./modules/budget"
  count  = var.budget_email == null ? 0 : 1

  name  = var.project
  usd   = var.budget_usd
  email = var.budget_email
}

# It holds nothing but the state, which scripts/sandbox.py takes home before this is destroyed.
module "state" {
  source = "./modules/bucket"
  count  = var.state_in_s3 ? 1 : 0

  name      = "${var.project}-state-${local.account}"
  partition = data.aws_partition.current.partition
}
