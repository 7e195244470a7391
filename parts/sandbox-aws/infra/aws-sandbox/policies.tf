# What the roles may do: what is needed to pull and push, and nothing else. Nobody here may delete data or images. A machine
# may look for itself and end itself, as SkyPilot has it do when its run is over.
locals {
  prefix = "dvc" # DVC's part of the bucket

  read_data = [
    {
      Sid      = "FindData"
      Effect   = "Allow"
      Action   = ["s3:GetBucketLocation", "s3:ListBucket"]
      Resource = module.data.arn
    },
    {
      Sid      = "ReadData"
      Effect   = "Allow"
      Action   = "s3:GetObject"
      Resource = "${module.data.arn}/${local.prefix}/*"
    },
  ]

  write_data = [
    {
      Sid      = "WriteData"
      Effect   = "Allow"
      Action   = ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject"]
      Resource = "${module.data.arn}/${local.prefix}/*"
    },
  ]

  pull_images = [
    {
      Sid      = "LogIn"
      Effect   = "Allow"
      Action   = "ecr:GetAuthorizationToken"
      Resource = "*" # this action knows no resource
    },
    {
      Sid      = "PullImages"
      Effect   = "Allow"
      Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      Resource = module.images.arn
    },
  ]

  push_images = [
    {
      Sid      = "PushImages"
      Effect   = "Allow"
      Action   = ["ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"]
      Resource = module.images.arn
    },
  ]

  end_machines = [
    {
      Sid      = "FindMachines"
      Effect   = "Allow"
      Action   = ["ec2:DescribeInstances", "ec2:DescribeSecurityGroups", "ec2:DescribeVpcs"]
      Resource = "*" # these actions know no resource
    },
    {
      Sid       = "EndMachinesOfThisRole"
      Effect    = "Allow"
      Action    = "ec2:TerminateInstances"
      Resource  = "arn:${data.aws_partition.current.partition}:ec2:*:${local.account}:instance/*"
      Condition = { StringEquals = { "aws:ResourceTag/role" = local.runner } } # a tag that make remote gives them
    },
  ]

  ci_read_policy  = jsonencode({ Version = "2012-10-17", Statement = concat(local.read_data, local.pull_images) })
  ci_write_policy = jsonencode({ Version = "2012-10-17", Statement = concat(local.read_data, local.write_data, local.pull_images, local.push_images) })
  runner_policy   = jsonencode({ Version = "2012-10-17", Statement = concat(local.read_data, local.write_data, local.pull_images, local.end_machines) })
}
