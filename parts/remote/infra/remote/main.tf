# One run elsewhere by TPI, the Terraform provider `iterative`: `make remote` copies this file for each job, writes the
# job's variables beside it, and calls terraform. Edit it for what your cloud needs besides, such as tags.
terraform {
  required_providers {
    iterative = {
      source = "iterative/iterative"
    }
  }
}

variable "cloud" {
  type = string
}

variable "region" {
  type = string
}

variable "machine" {
  description = "TPI's name of a size (s, m, l, xl, m+t4, ...) or the cloud's name of a machine."
  type        = string
}

variable "image" {
  description = "The machine's image, which is no container's: TPI knows ubuntu and nvidia."
  type        = string
}

variable "disk_size" {
  description = "In GB."
  type        = number
}

variable "spot" {
  type = bool
}

variable "timeout" {
  description = "In seconds; TPI counts anew for each machine."
  type        = number
}

variable "permission_set" {
  description = "What the machine may do: on AWS the ARN of an instance profile; null for nothing."
  type        = string
}

variable "environment" {
  description = "Names of variables; an empty value makes TPI take what the environment here says."
  type        = list(string)
}

variable "workdir" {
  description = "The folder that goes there; the job writes into its folder output."
  type        = string
}

resource "iterative_task" "job" {
  cloud          = var.cloud
  region         = var.region
  machine        = var.machine
  image          = var.image
  disk_size      = var.disk_size
  spot           = var.spot ? 0 : -1
  timeout        = var.timeout
  parallelism    = 1
  permission_set = var.permission_set
  environment    = { for name in var.environment : name => "" }
  script         = file("${var.workdir}/job.sh")

  storage {
    workdir = var.workdir
    output  = "output"
  }
}

output "status" {
  value = iterative_task.job.status
}

output "logs" {
  value = try(join("\n", iterative_task.job.logs), "")
}
