variable "name" {
  description = "The budget's name."
  type        = string
}

variable "usd" {
  description = "What may be spent in a month, in US dollars."
  type        = number
}

variable "email" {
  description = "Who is told."
  type        = string
}
