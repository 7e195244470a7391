"""Published models: copied to a storage as versions, and predicting from there."""
