output "roles" {
  description = "The ARNs of both roles."
  value       = { write = aws_iam_role.write.arn, read = aws_iam_role.read.arn }
}
