# The model as a function. README.md says how it is made, changed and unmade.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  name      = "${var.project}-serve"
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
}

# The same kind of registry as that of the sandbox, whose module this is; a registry of its own, because its images live
# as long as versions of the function run in them.
module "images" {
  source = "../aws-sandbox/modules/images"

  name        = local.name
  keep_images = var.keep_images
}

resource "aws_ecr_repository_policy" "this" {
  repository = module.images.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "LambdaReadsImages"
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      Condition = {
        StringLike = { "aws:sourceArn" = "arn:${local.partition}:lambda:${var.region}:${local.account}:function:${local.name}" }
      }
    }]
  })
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_158:Logs hold no data of requests, and are encrypted with the key of CloudWatch
  #checkov:skip=CKV_AWS_338:How long logs are kept is for the owner to say, in log_days

  name              = "/aws/lambda/${local.name}"
  retention_in_days = var.log_days
}

resource "aws_iam_role" "this" {
  name        = local.name
  description = "The function that serves the model"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

# The model is in the image, so the function needs nothing else of AWS.
resource "aws_iam_role_policy" "this" {
  name = "logs"
  role = aws_iam_role.this.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "WriteLogs"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "${aws_cloudwatch_log_group.this.arn}:*"
    }]
  })
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50:Tracing is billed, and one function that calls nothing has no trace to show
  #checkov:skip=CKV_AWS_116:A dead letter queue is for events without a caller; here somebody waits for each answer
  #checkov:skip=CKV_AWS_117:The function calls nothing, so it needs no network of the account
  #checkov:skip=CKV_AWS_173:The key of requests is encrypted with the key of Lambda, as every variable is
  #checkov:skip=CKV_AWS_272:Lambda knows no signatures of images; the registry gives a tag once

  function_name                  = local.name
  description                    = "Predictions of ${var.project}"
  role                           = aws_iam_role.this.arn
  package_type                   = "Image"
  image_uri                      = var.image
  architectures                  = [var.architecture]
  memory_size                    = var.memory_mb
  timeout                        = var.timeout_seconds
  reserved_concurrent_executions = var.concurrency

  dynamic "environment" {
    for_each = var.access == "key" ? [1] : []
    content {
      variables = { API_KEY = var.api_key } # pragma: allowlist secret
    }
  }

  # A release sets it, from here or from CI (scripts/serverless_aws.py).
  lifecycle {
    ignore_changes = [image_uri]
  }

  depends_on = [aws_cloudwatch_log_group.this, aws_ecr_repository_policy.this, aws_iam_role_policy.this]
}

# The version that answers. A release moves it, and a rollback moves it back; each version of the model that was released
# has an alias of its own as well, which scripts/serverless_aws.py makes.
resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "The version that answers requests"
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version

  lifecycle {
    ignore_changes = [function_version]
  }
}
