# A bucket that keeps what it held before, that nobody outside reads, and that wants TLS.

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_18:Logs of access would need a bucket and costs of their own; CloudTrail can be switched on beside this
  #checkov:skip=CKV_AWS_144:What DVC keeps can be made again from data and code, so a copy in a second region is not worth its price
  #checkov:skip=CKV_AWS_145:Encryption with S3's own key costs nothing, and needs no key to be shared with the roles
  #checkov:skip=CKV2_AWS_62:Nothing here acts on events of the bucket

  bucket = var.name # with what is in it, it cannot be destroyed
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket = aws_s3_bucket.this.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyOverTLS"
      Effect    = "Deny"
      Principal = "*"
      Action    = "S3:*" # AWS reads it like s3:*; an emulator that does not know the condition would deny everything
      Resource  = ["arn:${var.partition}:s3:::${var.name}", "arn:${var.partition}:s3:::${var.name}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  count = var.keep_versions_days == null ? 0 : 1

  bucket = aws_s3_bucket.this.id

  rule {
    id     = "what-was-deleted"
    status = "Enabled"
    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.keep_versions_days
    }

    expiration {
      expired_object_delete_marker = true
    }
  }

  rule {
    id     = "uploads-that-broke-off"
    status = "Enabled"
    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}
