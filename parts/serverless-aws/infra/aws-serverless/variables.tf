variable "project" {
  description = "What everything is named after."
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

variable "image" {
  description = "The image with which the function is made; make deploy-aws pushes and names it. Releases change it afterwards."
  type        = string
  default     = "named:by-make-deploy-aws" # a function cannot be made with it, and one that is there keeps its own
}

variable "architecture" {
  description = "The processor for which the image is built: x86_64 or arm64."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture takes x86_64 or arm64."
  }
}

variable "front" {
  description = "How requests come in: url for a function URL, http_api for an HTTP API of API Gateway."
  type        = string
  default     = "url"

  validation {
    condition     = contains(["url", "http_api"], var.front)
    error_message = "front takes url or http_api."
  }
}

variable "access" {
  description = "Who may ask: iam for those whom IAM lets (requests are signed), key for those who send the key of api_key."
  type        = string
  default     = "iam"

  validation {
    condition     = var.access == "iam" || (var.access == "key" && var.front == "http_api")
    error_message = "access takes iam or, with front = \"http_api\", key."
  }
}

variable "api_key" {
  description = "The key that requests bring in X-API-Key where access is key. Give it as TF_VAR_api_key; the state holds it."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = var.access != "key" ? true : can(regex("^[!-~]{20,256}$", var.api_key))
    error_message = "access = \"key\" needs an api_key of 20 to 256 printable ASCII characters without spaces."
  }
}

variable "memory_mb" {
  description = "The function's memory in MB. It gets processor time in proportion: 1769 MB are one processor."
  type        = number
  default     = 1769

  validation {
    condition     = var.memory_mb >= 512 && var.memory_mb <= 10240 && floor(var.memory_mb) == var.memory_mb
    error_message = "memory_mb takes a whole number from 512 to 10240."
  }
}

variable "timeout_seconds" {
  description = "After how many seconds a request is given up. An HTTP API waits for 30 at most."
  type        = number
  default     = 30

  validation {
    condition     = var.timeout_seconds >= 3 && var.timeout_seconds <= 900 && floor(var.timeout_seconds) == var.timeout_seconds
    error_message = "timeout_seconds takes a whole number from 3 to 900."
  }
}

variable "concurrency" {
  description = "How many requests may be answered at the same time; more are turned away. -1 is for as many as the account may."
  type        = number
  default     = 10

  validation {
    condition     = (var.concurrency == -1 || var.concurrency >= 1) && floor(var.concurrency) == var.concurrency
    error_message = "concurrency takes a whole number above 0, or -1."
  }
}

variable "requests_per_second" {
  description = "How many requests a second an HTTP API lets through."
  type        = number
  default     = 50

  validation {
    condition     = var.requests_per_second > 0
    error_message = "requests_per_second takes a number above 0."
  }
}

variable "burst" {
  description = "How many requests at once an HTTP API lets through."
  type        = number
  default     = 20

  validation {
    condition     = var.burst >= 1 && floor(var.burst) == var.burst
    error_message = "burst takes a whole number above 0."
  }
}

variable "log_days" {
  description = "For how many days logs are kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_days)
    error_message = "log_days takes what CloudWatch offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365 or more."
  }
}

variable "keep_images" {
  description = "How many images the registry keeps; older ones go. A version of the function whose image is gone cannot start."
  type        = number
  default     = 50

  validation {
    condition     = var.keep_images >= 2 && floor(var.keep_images) == var.keep_images
    error_message = "keep_images takes a whole number, 2 or more."
  }
}

variable "alarm_email" {
  description = "Who is told when requests fail or are turned away. None by default."
  type        = string
  default     = null

  validation {
    condition     = var.alarm_email == null ? true : can(regex("^[^@ ]+@[^@ ]+$", var.alarm_email))
    error_message = "alarm_email takes one address: you@example.org."
  }
}

variable "alarm_count" {
  description = "How many of them in five minutes are an alarm."
  type        = number
  default     = 5

  validation {
    condition     = var.alarm_count >= 1 && floor(var.alarm_count) == var.alarm_count
    error_message = "alarm_count takes a whole number above 0."
  }
}

variable "github_repository" {
  description = "The repository on GitHub whose jobs may release a model: owner/name, as GitHub writes it. None by default."
  type        = string
  default     = null

  validation {
    condition     = var.github_repository == null ? true : can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.github_repository))
    error_message = "github_repository takes owner/name."
  }
}

variable "github_environment" {
  description = "The environment of that repository in which these jobs run; its rules say who may start them."
  type        = string
  default     = "serverless-aws" # in which .github/workflows/deploy-aws.yml runs

  validation {
    condition     = can(regex("^[^*?:]+$", var.github_environment))
    error_message = "github_environment takes the name of an environment, without *, ? and colons."
  }
}

variable "make_github_provider" {
  description = "Whether to make the account's OIDC provider of GitHub; false where it has one, as with a sandbox for GitHub."
  type        = bool
  default     = true
}

variable "tags" {
  description = "Further tags for everything."
  type        = map(string)
  default     = {}
}
