# Logs of the function app, and an alarm when requests fail.

resource "azurerm_log_analytics_workspace" "this" {
  name                = local.name
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
  sku                 = "PerGB2018"
  retention_in_days   = var.log_days
  tags                = local.tags
}

resource "azurerm_application_insights" "this" {
  name                = local.name
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
  workspace_id        = azurerm_log_analytics_workspace.this.id
  application_type    = "web"
  retention_in_days   = 90
  tags                = local.tags
}

resource "azurerm_monitor_action_group" "this" {
  count = var.alarm_email != null ? 1 : 0

  name                = local.name
  resource_group_name = azurerm_resource_group.this.name
  short_name          = substr(local.short, 0, 12)
  tags                = local.tags

  email_receiver {
    name          = "owner"
    email_address = var.alarm_email
  }
}

resource "azurerm_monitor_metric_alert" "errors" {
  name                = "${local.name}-errors"
  resource_group_name = azurerm_resource_group.this.name
  scopes              = [azurerm_linux_function_app.this.id]
  description         = "Requests for predictions fail"
  frequency           = "PT5M"
  window_size         = "PT5M"
  tags                = local.tags

  criteria {
    metric_namespace = "Microsoft.Web/sites"
    metric_name      = "Http5xx"
    aggregation      = "Total"
    operator         = "GreaterThanOrEqual"
    threshold        = var.alarm_count
  }

  dynamic "action" {
    for_each = azurerm_monitor_action_group.this[*].id
    content {
      action_group_id = action.value
    }
  }
}
