# The identity with which CI releases a model: it pushes an image and changes the settings of the function app. Jobs in one
# environment of the repository take it with their own token (OIDC), so no key is stored.

resource "azurerm_user_assigned_identity" "release" {
  count = var.github_repository != null ? 1 : 0

  name                = "${local.name}-release"
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
  tags                = local.tags
}

resource "azurerm_federated_identity_credential" "release" {
  count = var.github_repository != null ? 1 : 0

  name                = "github"
  resource_group_name = azurerm_resource_group.this.name
  parent_id           = azurerm_user_assigned_identity.release[0].id
  issuer              = "https://token.actions.githubusercontent.com"
  audience            = ["api://AzureADTokenExchange"]
  subject             = "repo:${var.github_repository}:environment:${var.github_environment}"
}

resource "azurerm_role_assignment" "push" {
  count = var.github_repository != null ? 1 : 0

  scope                = azurerm_container_registry.this.id
  role_definition_name = "AcrPush"
  principal_id         = azurerm_user_assigned_identity.release[0].principal_id
}

resource "azurerm_role_assignment" "release" {
  count = var.github_repository != null ? 1 : 0

  scope                = azurerm_linux_function_app.this.id
  role_definition_name = "Website Contributor"
  principal_id         = azurerm_user_assigned_identity.release[0].principal_id
}
