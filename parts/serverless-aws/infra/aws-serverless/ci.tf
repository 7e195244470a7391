# The role with which CI releases a model: it pushes an image, makes a version of the function and moves its aliases. It can
# change nothing else, and delete nothing.

locals {
  issuer       = "token.actions.githubusercontent.com"
  github       = var.github_repository != null
  provider_arn = "arn:${local.partition}:iam::${local.account}:oidc-provider/${local.issuer}"
}

resource "aws_iam_openid_connect_provider" "github" {
  count = local.github && var.make_github_provider ? 1 : 0

  url            = "https://${local.issuer}"
  client_id_list = ["sts.amazonaws.com"]
}

resource "aws_iam_role" "release" {
  #checkov:skip=CKV_AWS_393:The subject is one repository and one environment, variables that checkov cannot read

  count = local.github ? 1 : 0

  name        = "${local.name}-release"
  description = "CI that releases the model"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = local.provider_arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = { StringEquals = {
        "${local.issuer}:aud" = "sts.amazonaws.com"
        "${local.issuer}:sub" = "repo:${var.github_repository}:environment:${var.github_environment}"
      } }
    }]
  })

  depends_on = [aws_iam_openid_connect_provider.github]
}

resource "aws_iam_role_policy" "release" {
  count = local.github ? 1 : 0

  name = "release"
  role = aws_iam_role.release[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "LogIn"
        Effect   = "Allow"
        Action   = "ecr:GetAuthorizationToken"
        Resource = "*" # this action knows no resource
      },
      {
        Sid    = "PushImages"
        Effect = "Allow"
        Action = [
          "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages",
          "ecr:GetDownloadUrlForLayer", "ecr:GetRepositoryPolicy", "ecr:InitiateLayerUpload", "ecr:PutImage",
          "ecr:UploadLayerPart",
        ]
        Resource = module.images.arn
      },
      {
        Sid    = "Release"
        Effect = "Allow"
        Action = [
          "lambda:CreateAlias", "lambda:GetAlias", "lambda:GetFunction", "lambda:GetFunctionConfiguration",
          "lambda:ListAliases", "lambda:PublishVersion", "lambda:UpdateAlias", "lambda:UpdateFunctionCode",
        ]
        Resource = [aws_lambda_function.this.arn, "${aws_lambda_function.this.arn}:*"]
      },
    ]
  })
}
