# `make deploy-aws-check` runs these without an account: the provider is a mock.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_resource "aws_ecr_repository" {
    defaults = { arn = "arn:aws:ecr:eu-central-1:123456789012:repository/shop-serve" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:shop-serve" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/made" }
  }

  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:eu-central-1:123456789012:function:shop-serve", version = "$LATEST" }
  }

  mock_resource "aws_lambda_alias" {
    defaults = { arn = "arn:aws:lambda:eu-central-1:123456789012:function:shop-serve:live" }
  }

  mock_resource "aws_lambda_function_url" {
    defaults = { function_url = "https://a.lambda-url.example/" }
  }

  mock_resource "aws_apigatewayv2_api" {
    defaults = {
      api_endpoint  = "https://a.execute-api.example"
      execution_arn = "arn:aws:execute-api:eu-central-1:123456789012:a"
    }
  }

  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-central-1:123456789012:alarms" }
  }
}

variables {
  project = "shop"
  region  = "eu-central-1"
  image   = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop-serve:serve-1"
}

run "a_function_url_is_for_those_whom_iam_lets" {
  assert {
    condition     = output.url == "https://a.lambda-url.example" && aws_lambda_function_url.this[0].authorization_type == "AWS_IAM"
    error_message = "The function URL asks IAM."
  }

  assert {
    condition     = aws_lambda_function_url.this[0].qualifier == "live"
    error_message = "It leads to the version that is live."
  }

  assert {
    condition     = output.release_role == null && length(aws_sns_topic.alarms) == 0 && length(aws_apigatewayv2_api.this) == 0
    error_message = "What was not asked for is not there."
  }

  assert {
    condition     = alltrue([for one in jsondecode(aws_iam_role_policy.this.policy).Statement : one.Resource != "*"])
    error_message = "The function may write its own logs, and nothing else."
  }
}

run "an_http_api_with_a_key" {
  variables {
    front             = "http_api"
    access            = "key"
    api_key           = "a-secret-of-some-length" # pragma: allowlist secret
    github_repository = "ada/shop"
    alarm_email       = "ada@example.org"
  }

  assert {
    condition     = output.url == "https://a.execute-api.example" && length(aws_lambda_function_url.this) == 0
    error_message = "There is one way in."
  }

  assert {
    condition     = nonsensitive(aws_lambda_function.this.environment[0].variables["API_KEY"]) == "a-secret-of-some-length"
    error_message = "The service asks for the key."
  }

  assert {
    condition     = !can(regex("Delete|UpdateFunctionConfiguration|\"lambda:\\*\"|\"ecr:\\*\"", aws_iam_role_policy.release[0].policy))
    error_message = "CI may delete and configure nothing."
  }

  assert {
    condition     = alltrue([for one in aws_cloudwatch_metric_alarm.this : one.alarm_actions == toset(["arn:aws:sns:eu-central-1:123456789012:alarms"])])
    error_message = "Somebody is told of each alarm."
  }
}

run "an_open_function_url_is_refused" {
  command = plan

  variables {
    access  = "key"
    api_key = "a-secret-of-some-length" # pragma: allowlist secret
  }

  expect_failures = [var.access]
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    project             = "Shop Prices"
    region              = "Frankfurt"
    architecture        = "riscv"
    front               = "door"
    memory_mb           = 128
    timeout_seconds     = 1
    concurrency         = 0
    requests_per_second = 0
    burst               = 0
    log_days            = 2
    keep_images         = 1
    alarm_email         = "ada"
    alarm_count         = 0
    github_repository   = "shop"
    github_environment  = "*"
  }

  expect_failures = [
    var.project,
    var.region,
    var.architecture,
    var.front,
    var.memory_mb,
    var.timeout_seconds,
    var.concurrency,
    var.requests_per_second,
    var.burst,
    var.log_days,
    var.keep_images,
    var.alarm_email,
    var.alarm_count,
    var.github_repository,
    var.github_environment,
  ]
}

run "a_short_key_is_refused" {
  command = plan

  variables {
    front   = "http_api"
    access  = "key"
    api_key = "short" # pragma: allowlist secret
  }

  expect_failures = [var.api_key]
}
