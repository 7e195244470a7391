variable "project" {
  description = "What everything is named after."
  type        = string
  default     = "<< (cookiecutter.project_slug | project_slug)[:32].strip('-') >>"

  validation {
    condition     = can(regex("^[a-z0-9]+(-[a-z0-9]+)*$", var.project)) && length(var.project) >= 2 && length(var.project) <= 32
    error_message = "project takes 2 to 32 small letters and digits, with single dashes between them: shop-prices."
  }
}

variable "subscription_id" {
  description = "The subscription of Azure in which everything is made."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", var.subscription_id))
    error_message = "subscription_id takes a number such as az account show prints: 00000000-0000-0000-0000-000000000000."
  }
}

variable "location" {
  description = "Azure's region, such as westeurope."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+[0-9]?$", var.location))
    error_message = "location takes the short name of a region of Azure: westeurope."
  }
}

variable "image_tag" {
  description = "The tag of the image with which the function app is made; make deploy-azure gives it. Releases change it."
  type        = string
  default     = "named-by-make-deploy-azure"
}

variable "model_version" {
  description = "The version of the model with which the function app is made; make deploy-azure gives it. Releases change it."
  type        = string
  default     = "none"
}

variable "sku" {
  description = "The plan that runs the container: EP1 to EP3 (Premium, which scales), or B1 to B3 (one machine)."
  type        = string
  default     = "EP1"

  validation {
    condition     = can(regex("^(EP|B)[1-3]$", var.sku))
    error_message = "sku takes EP1, EP2, EP3, B1, B2 or B3."
  }
}

variable "most_instances" {
  description = "How many machines a Premium plan may run at the same time."
  type        = number
  default     = 2

  validation {
    condition     = var.most_instances >= 1 && var.most_instances <= 20 && floor(var.most_instances) == var.most_instances
    error_message = "most_instances takes a whole number from 1 to 20."
  }
}

variable "access" {
  description = "Who may ask: function for those who send a key of the function app, service for those who send api_key."
  type        = string
  default     = "function"

  validation {
    condition     = contains(["function", "service"], var.access)
    error_message = "access takes function or service."
  }
}

variable "api_key" {
  description = "The key that requests bring in X-API-Key where access is service. Give it as TF_VAR_api_key; the state holds it."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = var.access != "service" ? true : can(regex("^[!-~]{20,256}$", var.api_key))
    error_message = "access = \"service\" needs an api_key of 20 to 256 printable ASCII characters without spaces."
  }
}

variable "log_days" {
  description = "For how many days logs are kept."
  type        = number
  default     = 30

  validation {
    condition     = var.log_days >= 30 && var.log_days <= 730 && floor(var.log_days) == var.log_days
    error_message = "log_days takes a whole number from 30 to 730."
  }
}

variable "alarm_email" {
  description = "Who is told when requests fail. None by default."
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
  default     = "serverless-azure" # in which .github/workflows/deploy-azure.yml runs

  validation {
    condition     = can(regex("^[^*?:]+$", var.github_environment))
    error_message = "github_environment takes the name of an environment, without *, ? and colons."
  }
}

variable "tags" {
  description = "Further tags for everything."
  type        = map(string)
  default     = {}
}
