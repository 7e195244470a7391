variable "project" {
  description = "What everything is named after, with the account's number where a name must be unique in the world."
  type        = string
  default     = "<< (cookiecutter.project_slug | project_slug)[:32].strip('-') >>"

  validation {
    condition     = can(regex("^[a-z0-9]+(-[a-z0-9]+)*$", var.project)) && length(var.project) >= 2 && length(var.project) <= 32
    error_message = "project takes 2 to 32 small letters and digits, with single dashes between them: shop-prices."
  }
}

variable "region" {
  description = "AWS's region, such as eu-central-1."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region takes the name of a region of AWS: eu-central-1."
  }
}

variable "github_repository" {
  description = "The repository on GitHub whose workflows may use the sandbox: owner/name, as GitHub writes it. None by default."
  type        = string
  default     = null

  validation {
    condition     = var.github_repository == null ? true : can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.github_repository))
    error_message = "github_repository takes owner/name."
  }
}

variable "github_environments" {
  description = "Environments of that repository whose jobs may write, beside those of ci_branches."
  type        = list(string)
  default     = ["pipeline"] # in which .github/workflows/cml.yml runs the repository's own pull requests

  validation {
    condition     = alltrue([for name in var.github_environments : can(regex("^[^*?:]+$", name))])
    error_message = "github_environments takes names of environments, without *, ? and colons."
  }
}

variable "github_provider_arn" {
  description = "The account's OIDC provider of GitHub, if it has one already: an account has only one."
  type        = string
  default     = null

  validation {
    condition     = var.github_provider_arn == null ? true : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/", var.github_provider_arn))
    error_message = "github_provider_arn takes the ARN of an OIDC provider: arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com."
  }
}

variable "gitlab_project" {
  description = "The project on GitLab whose pipelines may use the sandbox: group/name. None by default."
  type        = string
  default     = null

  validation {
    condition     = var.gitlab_project == null ? true : can(regex("^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)+$", var.gitlab_project))
    error_message = "gitlab_project takes group/name, perhaps with subgroups between."
  }
}

variable "gitlab_url" {
  description = "The GitLab of that project."
  type        = string
  default     = "https://gitlab.com"

  validation {
    condition     = can(regex("^https://[a-z0-9.-]+(:[0-9]+)?$", var.gitlab_url))
    error_message = "gitlab_url takes https:// and a host, with no slash at its end."
  }
}

variable "gitlab_provider_arn" {
  description = "The account's OIDC provider of that GitLab, if it has one already: an account has only one."
  type        = string
  default     = null

  validation {
    condition     = var.gitlab_provider_arn == null ? true : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/", var.gitlab_provider_arn))
    error_message = "gitlab_provider_arn takes the ARN of an OIDC provider: arn:aws:iam::123456789012:oidc-provider/gitlab.com."
  }
}

variable "ci_branches" {
  description = "Branches whose jobs may write. Jobs of all others may only read, but for those in github_environments."
  type        = list(string)
  default     = ["main"]

  validation {
    condition     = length(var.ci_branches) > 0 && alltrue([for name in var.ci_branches : can(regex("^[A-Za-z0-9][A-Za-z0-9._/-]*$", name))])
    error_message = "ci_branches takes the names of branches, at least one and none with *: each is named."
  }
}

variable "keep_versions_days" {
  description = "For how many days the bucket keeps what was deleted or overwritten in it."
  type        = number
  default     = 30

  validation {
    condition     = var.keep_versions_days >= 1 && floor(var.keep_versions_days) == var.keep_versions_days
    error_message = "keep_versions_days takes a whole number of days, 1 or more."
  }
}

variable "keep_images" {
  description = "How many images the registry keeps; older ones go."
  type        = number
  default     = 20

  validation {
    condition     = var.keep_images >= 1 && floor(var.keep_images) == var.keep_images
    error_message = "keep_images takes a whole number, 1 or more."
  }
}

variable "budget_email" {
  description = "Who is told when the account's costs come near the budget. There is no budget without it."
  type        = string
  default     = null

  validation {
    condition     = var.budget_email == null ? true : can(regex("^[^@ ]+@[^@ ]+$", var.budget_email))
    error_message = "budget_email takes one address: you@example.org."
  }
}

variable "budget_usd" {
  description = "What the account may cost in a month, in US dollars. The alarm tells; it stops nothing."
  type        = number
  default     = 20

  validation {
    condition     = var.budget_usd > 0
    error_message = "budget_usd takes an amount above 0."
  }
}

variable "state_in_s3" {
  description = "Whether Terraform's state lies in a bucket of its own, with a lock, instead of in this folder."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Further tags for everything."
  type        = map(string)
  default     = {}
}
