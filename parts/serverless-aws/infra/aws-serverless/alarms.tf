# Somebody is told when requests fail or are turned away. Without alarm_email the alarms are there to be looked at.

resource "aws_sns_topic" "alarms" {
  #checkov:skip=CKV_AWS_26:A message holds the name of an alarm; alarms cannot write to a topic with the key of SNS

  count = var.alarm_email == null ? 0 : 1

  name = "${local.name}-alarms"
}

resource "aws_sns_topic_subscription" "alarms" {
  count = var.alarm_email == null ? 0 : 1

  topic_arn = aws_sns_topic.alarms[0].arn
  protocol  = "email"
  endpoint  = var.alarm_email
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = { errors = "Errors", throttles = "Throttles" }

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = "The function that serves ${var.project} has ${each.key}"
  namespace           = "AWS/Lambda"
  metric_name         = each.value
  dimensions          = { FunctionName = aws_lambda_function.this.function_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = var.alarm_count
  treat_missing_data  = "notBreaching" # no requests, no trouble
  alarm_actions       = aws_sns_topic.alarms[*].arn
  ok_actions          = aws_sns_topic.alarms[*].arn
}
