output "arns" {
  description = "The role's ARN and that of the instance profile which gives it to machines."
  value       = { role = aws_iam_role.this.arn, instance_profile = aws_iam_instance_profile.this.arn }
}
