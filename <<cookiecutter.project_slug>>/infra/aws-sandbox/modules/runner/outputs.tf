output "names" {
  description = "The role's ARN and the instance profile's name."
  value       = { role = aws_iam_role.this.arn, instance_profile = aws_iam_instance_profile.this.name }
}
