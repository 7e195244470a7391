# `make deploy-azure` reads these; `terraform output -json` gives them to anything else.

output "subscription" {
  description = "The subscription's number."
  value       = var.subscription_id
}

output "location" {
  description = "The region."
  value       = var.location
}

output "group" {
  description = "The resource group."
  value       = azurerm_resource_group.this.name
}

output "function" {
  description = "The function app's name."
  value       = azurerm_linux_function_app.this.name
}

output "registry" {
  description = "The registry's name."
  value       = azurerm_container_registry.this.name
}

output "image" {
  description = "The address of the images, to which a colon and a tag are added."
  value       = "${azurerm_container_registry.this.login_server}/serve"
}

output "url" {
  description = "Where the service is."
  value       = "https://${azurerm_linux_function_app.this.default_hostname}"
}

output "access" {
  description = "Who may ask the service: function for those who have a key of the function app, service for those who have api_key."
  value       = var.access
}

output "release_client" {
  description = "The client ID of the identity with which CI releases a model, if there is one."
  value       = one(azurerm_user_assigned_identity.release[*].client_id)
}

output "tenant" {
  description = "The tenant of that identity."
  value       = azurerm_user_assigned_identity.this.tenant_id
}

output "github_repository" {
  description = "The repository on GitHub whose jobs may take it."
  value       = var.github_repository
}
