"""Runs the migrations on the connection of `migrate`."""

from service_runtime.migrations import run_environment

run_environment()
