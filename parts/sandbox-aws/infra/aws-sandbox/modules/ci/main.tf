# Two roles that jobs of CI take with the token that their host signs for them: no key is stored anywhere.

resource "aws_iam_openid_connect_provider" "this" {
  count = var.provider_arn == null ? 1 : 0

  url            = "https://${var.issuer}"
  client_id_list = [var.audience]
}

locals {
  provider_arn = var.provider_arn == null ? one(aws_iam_openid_connect_provider.this[*].arn) : var.provider_arn
}

resource "aws_iam_role" "write" {
  name        = "${var.name}-write"
  description = "CI on the branches and in the environments that may write"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = local.provider_arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = { StringEquals = { "${var.issuer}:aud" = var.audience, "${var.issuer}:sub" = var.writers } }
    }]
  })
}

resource "aws_iam_role_policy" "write" {
  name   = "write"
  role   = aws_iam_role.write.name
  policy = var.write_policy
}

resource "aws_iam_role" "read" {
  name        = "${var.name}-read"
  description = "CI on any branch, and for pull requests"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = local.provider_arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        StringEquals = { "${var.issuer}:aud" = var.audience }
        StringLike   = { "${var.issuer}:sub" = var.readers }
      }
    }]
  })
}

resource "aws_iam_role_policy" "read" {
  name   = "read"
  role   = aws_iam_role.read.name
  policy = var.read_policy
}
