# The model as a function app. README.md says how it is made, changed and unmade.

locals {
  name = "${var.project}-serve"
  # Names of registries, storage accounts and function apps are taken once in all of Azure.
  suffix = substr(sha256("${var.subscription_id}/${var.project}"), 0, 6)
  short  = substr(replace(var.project, "-", ""), 0, 16)
  tags   = merge(var.tags, { project = var.project, managed-by = "terraform" })
}

resource "azurerm_resource_group" "this" {
  name     = local.name
  location = var.location
  tags     = local.tags
}

resource "azurerm_container_registry" "this" {
  #checkov:skip=CKV_AZURE_139:The Basic registry has no network rules, and nobody reads it without a role
  #checkov:skip=CKV_AZURE_163:Scans are those of Microsoft Defender, which is billed for a whole subscription
  #checkov:skip=CKV_AZURE_164:Trust in signed images needs a Premium registry, and is going away
  #checkov:skip=CKV_AZURE_165:One region serves, and copies in others need a Premium registry
  #checkov:skip=CKV_AZURE_166:Quarantine of images needs a Premium registry and a scanner
  #checkov:skip=CKV_AZURE_167:Removing untagged images by itself needs a Premium registry
  #checkov:skip=CKV_AZURE_233:Copies in several zones need a Premium registry
  #checkov:skip=CKV_AZURE_237:Data endpoints of its own need a Premium registry

  name                = "${local.short}${local.suffix}"
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
  sku                 = "Basic"
  admin_enabled       = false
  tags                = local.tags
}

# What the function app is, to the registry and to the storage account; no password is stored.
resource "azurerm_user_assigned_identity" "this" {
  name                = local.name
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
  tags                = local.tags
}

resource "azurerm_role_assignment" "pull" {
  scope                = azurerm_container_registry.this.id
  role_definition_name = "AcrPull"
  principal_id         = azurerm_user_assigned_identity.this.principal_id
}

resource "azurerm_role_assignment" "storage" {
  scope                = azurerm_storage_account.this.id
  role_definition_name = "Storage Blob Data Owner"
  principal_id         = azurerm_user_assigned_identity.this.principal_id
}

# The host of functions keeps its keys and locks here.
resource "azurerm_storage_account" "this" {
  #checkov:skip=CKV_AZURE_33:Nothing is written into queues, so there is nothing of them to log
  #checkov:skip=CKV_AZURE_59:The function app reaches it without a network of its own, by its identity alone
  #checkov:skip=CKV_AZURE_206:It holds keys and locks of one function app, which another one would make anew
  #checkov:skip=CKV2_AZURE_1:It is encrypted with the keys of Azure
  #checkov:skip=CKV2_AZURE_33:A private endpoint needs a network, and a plan that joins it
  #checkov:skip=CKV2_AZURE_41:No signatures are given out, because keys are switched off

  name                            = "${local.short}${local.suffix}"
  resource_group_name             = azurerm_resource_group.this.name
  location                        = azurerm_resource_group.this.location
  account_tier                    = "Standard"
  account_replication_type        = "LRS"
  min_tls_version                 = "TLS1_2"
  shared_access_key_enabled       = false
  default_to_oauth_authentication = true
  allow_nested_items_to_be_public = false
  local_user_enabled              = false
  tags                            = local.tags

  blob_properties {
    delete_retention_policy {
      days = 7
    }
  }
}

resource "azurerm_service_plan" "this" {
  #checkov:skip=CKV_AZURE_211:Which plan is paid for is for the owner to say, in sku
  #checkov:skip=CKV_AZURE_212:One machine at least runs in either plan; how many at most says most_instances
  #checkov:skip=CKV_AZURE_225:Machines in several zones are three times the price, for the owner to ask for

  name                         = local.name
  resource_group_name          = azurerm_resource_group.this.name
  location                     = azurerm_resource_group.this.location
  os_type                      = "Linux"
  sku_name                     = var.sku
  maximum_elastic_worker_count = startswith(var.sku, "EP") ? var.most_instances : null
  tags                         = local.tags
}

resource "azurerm_linux_function_app" "this" {
  #checkov:skip=CKV_AZURE_221:It answers requests from everywhere, of those who have a key

  name                          = "${local.name}-${local.suffix}"
  resource_group_name           = azurerm_resource_group.this.name
  location                      = azurerm_resource_group.this.location
  service_plan_id               = azurerm_service_plan.this.id
  storage_account_name          = azurerm_storage_account.this.name
  storage_uses_managed_identity = true
  https_only                    = true
  functions_extension_version   = "~4"
  tags                          = local.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.this.id]
  }

  site_config {
    always_on                                     = !startswith(var.sku, "EP")
    app_scale_limit                               = startswith(var.sku, "EP") ? var.most_instances : null
    application_insights_connection_string        = azurerm_application_insights.this.connection_string
    container_registry_use_managed_identity       = true
    container_registry_managed_identity_client_id = azurerm_user_assigned_identity.this.client_id
    ftps_state                                    = "Disabled"
    http2_enabled                                 = true
    minimum_tls_version                           = "1.2"

    application_stack {
      docker {
        registry_url = "https://${azurerm_container_registry.this.login_server}"
        image_name   = "serve"
        image_tag    = var.image_tag
      }
    }
  }

  app_settings = merge(
    {
      AzureWebJobsStorage__clientId       = azurerm_user_assigned_identity.this.client_id
      AzureWebJobsStorage__credential     = "managedidentity"
      FUNCTIONS_WORKER_RUNTIME            = "python"
      MODEL_VERSION                       = var.model_version
      SERVE_ACCESS                        = var.access
      WEBSITES_ENABLE_APP_SERVICE_STORAGE = "false"
      WEBSITES_PORT                       = "8080"
    },
    var.access == "service" ? { API_KEY = var.api_key } : {}, # pragma: allowlist secret
  )

  # A release sets them, from here or from CI (scripts/serverless_azure.py).
  lifecycle {
    ignore_changes = [app_settings["MODEL_VERSION"], site_config[0].application_stack[0].docker[0].image_tag]
  }

  depends_on = [azurerm_role_assignment.pull, azurerm_role_assignment.storage]
}
