# How requests come in: by a function URL, or by an HTTP API.

resource "aws_lambda_function_url" "this" {
  count = var.front == "url" ? 1 : 0

  function_name      = aws_lambda_function.this.function_name
  qualifier          = aws_lambda_alias.live.name
  authorization_type = "AWS_IAM" # an open one needs two permissions since October 2025, and this provider can write one
}

resource "aws_apigatewayv2_api" "this" {
  count = var.front == "http_api" ? 1 : 0

  name          = local.name
  description   = "Predictions of ${var.project}"
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_integration" "this" {
  count = var.front == "http_api" ? 1 : 0

  api_id                 = aws_apigatewayv2_api.this[0].id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_alias.live.invoke_arn
  payload_format_version = "2.0"
  timeout_milliseconds   = min(var.timeout_seconds, 30) * 1000
}

resource "aws_apigatewayv2_route" "this" {
  #checkov:skip=CKV_AWS_309:With access = "key" the service asks for the key, as it does anywhere else

  count = var.front == "http_api" ? 1 : 0

  api_id             = aws_apigatewayv2_api.this[0].id
  route_key          = "$default"
  target             = "integrations/${aws_apigatewayv2_integration.this[0].id}"
  authorization_type = var.access == "iam" ? "AWS_IAM" : "NONE"
}

resource "aws_cloudwatch_log_group" "front" {
  #checkov:skip=CKV_AWS_158:Logs hold no data of requests, and are encrypted with the key of CloudWatch
  #checkov:skip=CKV_AWS_338:How long logs are kept is for the owner to say, in log_days

  count = var.front == "http_api" ? 1 : 0

  name              = "/aws/apigateway/${local.name}"
  retention_in_days = var.log_days
}

resource "aws_apigatewayv2_stage" "this" {
  count = var.front == "http_api" ? 1 : 0

  api_id      = aws_apigatewayv2_api.this[0].id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    throttling_burst_limit = var.burst
    throttling_rate_limit  = var.requests_per_second
  }

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.front[0].arn
    format = jsonencode({
      time   = "$context.requestTime"
      id     = "$context.requestId"
      route  = "$context.routeKey"
      status = "$context.status"
      ms     = "$context.responseLatency"
      error  = "$context.integrationErrorMessage"
    })
  }
}

resource "aws_lambda_permission" "front" {
  count = var.front == "http_api" ? 1 : 0

  statement_id  = "http-api"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  qualifier     = aws_lambda_alias.live.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this[0].execution_arn}/*"
}
