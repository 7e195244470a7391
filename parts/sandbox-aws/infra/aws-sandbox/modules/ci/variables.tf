variable "name" {
  description = "What the roles' names begin with."
  type        = string
}

variable "issuer" {
  description = "Who signs the tokens: a host, without https://."
  type        = string
}

variable "audience" {
  description = "Whom the tokens are for."
  type        = string
}

variable "provider_arn" {
  description = "The account's OIDC provider of this issuer, if it has one; otherwise it is made."
  type        = string
  default     = null
}

variable "writers" {
  description = "The subjects of tokens that may take the role that writes; each is compared as a whole."
  type        = list(string)
}

variable "readers" {
  description = "The subjects of tokens that may take the role that reads: one pattern."
  type        = string
}

variable "write_policy" {
  description = "What the role that writes may do, as JSON."
  type        = string
}

variable "read_policy" {
  description = "What the role that reads may do, as JSON."
  type        = string
}
