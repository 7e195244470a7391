variable "name" {
  description = "The registry's name."
  type        = string
}

variable "keep_images" {
  description = "How many images are kept."
  type        = number
}
