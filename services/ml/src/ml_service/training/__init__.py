"""Training of forecasts and clusters; only a worker imports it, and only when there is something to train."""
