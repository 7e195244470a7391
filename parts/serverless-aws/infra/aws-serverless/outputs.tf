# `make deploy-aws` reads these; `terraform output -json` gives them to anything else.

output "account" {
  description = "The account's number."
  value       = local.account
}

output "region" {
  description = "The region."
  value       = var.region
}

output "function" {
  description = "The function's name."
  value       = local.name
}

output "registry" {
  description = "The address of the registry, to which a colon and a tag are added."
  value       = module.images.url
}

output "url" {
  description = "Where the service is."
  value = trimsuffix(
    var.front == "url" ? one(aws_lambda_function_url.this[*].function_url) : one(aws_apigatewayv2_api.this[*].api_endpoint),
    "/",
  )
}

output "access" {
  description = "Who may ask the service: iam for those whom IAM lets, key for those who have the key."
  value       = var.access
}

output "callers_policy" {
  description = "What a user or a role needs in a policy to ask the service, as JSON; null where a key is asked for."
  value = var.access == "key" ? null : jsonencode({
    Version = "2012-10-17"
    Statement = var.front == "http_api" ? [{
      Effect   = "Allow"
      Action   = ["execute-api:Invoke"]
      Resource = "${aws_apigatewayv2_api.this[0].execution_arn}/*"
      }] : [{
      Effect   = "Allow"
      Action   = ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"]
      Resource = aws_lambda_alias.live.arn
    }]
  })
}

output "release_role" {
  description = "The ARN of the role with which CI releases a model, if there is one."
  value       = one(aws_iam_role.release[*].arn)
}

output "github_repository" {
  description = "The repository on GitHub whose jobs may take that role."
  value       = var.github_repository
}
