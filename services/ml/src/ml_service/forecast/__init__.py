"""What training and serving of forecasts share: series, features, paths and intervals, on numpy alone."""
