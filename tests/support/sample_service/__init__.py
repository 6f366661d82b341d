"""A service with one table and one worker, for tests of what the runtime gives every service."""
