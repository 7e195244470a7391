output "name" {
  description = "The registry's name."
  value       = aws_ecr_repository.this.name
}

output "arn" {
  description = "The registry's ARN."
  value       = aws_ecr_repository.this.arn
}

output "url" {
  description = "The registry's address."
  value       = aws_ecr_repository.this.repository_url
}
