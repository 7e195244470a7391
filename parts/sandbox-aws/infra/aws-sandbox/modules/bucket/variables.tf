variable "name" {
  description = "The bucket's name, unique in the world."
  type        = string
}

variable "partition" {
  description = "AWS's partition, the second part of each ARN."
  type        = string
}

variable "keep_versions_days" {
  description = "For how many days what was deleted or overwritten is kept; forever by default."
  type        = number
  default     = null
}
