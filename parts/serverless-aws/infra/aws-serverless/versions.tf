terraform {
  required_version = ">= 1.10.0" # the first that locks a state in S3 without another service

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = merge(var.tags, { project = var.project, managed-by = "terraform" })
  }
}
