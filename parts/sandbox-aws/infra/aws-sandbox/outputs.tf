# `make sandbox-up` hands these on; `terraform output -json` gives them to anything else.

output "account" {
  description = "The account's number."
  value       = local.account
}

output "region" {
  description = "The region."
  value       = var.region
}

output "bucket" {
  description = "The bucket's name."
  value       = module.data.name
}

output "dvc_remote" {
  description = "The address of DVC's remote."
  value       = "s3://${module.data.name}/${local.prefix}"
}

output "registry" {
  description = "The registry's name in ECR."
  value       = module.images.name
}

output "image" {
  description = "The address of the registry, to which a colon and a tag are added."
  value       = module.images.url
}

output "github" {
  description = "The repository on GitHub and the roles of its workflows: one that may write, and one that may read."
  value       = one([for one in module.github : merge(one.roles, { repository = var.github_repository })])
}

output "gitlab" {
  description = "The project on GitLab and the roles of its pipelines: one that may write, and one that may read."
  value       = one([for one in module.gitlab : merge(one.roles, { repository = var.gitlab_project })])
}

output "runner" {
  description = "The ARNs of the role of machines that runs are sent to, and of the instance profile that gives it to them."
  value       = module.runner.arns
}

output "budget" {
  description = "The budget's name, if there is one."
  value       = one(module.budget[*].name)
}

output "state_bucket" {
  description = "The bucket of Terraform's state, if there is one."
  value       = one(module.state[*].name)
}
