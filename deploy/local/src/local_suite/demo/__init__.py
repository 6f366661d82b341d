"""The demo: made-up posts, metrics, insurance files and purchases of three companies, loaded through the API."""
