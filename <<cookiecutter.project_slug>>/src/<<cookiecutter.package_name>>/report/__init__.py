"""The report on a run: charts of the predictions, and the page that holds them."""
