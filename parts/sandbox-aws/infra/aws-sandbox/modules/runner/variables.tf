variable "name" {
  description = "The name of the role and of the instance profile."
  type        = string
}

variable "policy" {
  description = "What the role may do, as JSON."
  type        = string
}
