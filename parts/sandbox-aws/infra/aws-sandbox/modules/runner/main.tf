# What a machine in EC2 may do that a run is sent to.

resource "aws_iam_role" "this" {
  name        = var.name
  description = "Machines that runs are sent to"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name   = "run"
  role   = aws_iam_role.this.name
  policy = var.policy
}

resource "aws_iam_instance_profile" "this" {
  name = var.name
  role = aws_iam_role.this.name
}
