#!/bin/sh
# Runs every benchmark, each beside its named alternative. Starts a suite of its own in a temporary home.
set -eu
cd "$(dirname "$0")/.."
home=$(mktemp -d)
port=$(.venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export ATALAYA_HOME="$home" ATALAYA_PORT="$port" DEMO=0
.venv/bin/python -m local_suite up >"$home/up.log" 2>&1 &
suite=$!
trap 'kill $suite 2>/dev/null; wait $suite 2>/dev/null; rm -rf "$home"' EXIT INT TERM
.venv/bin/python bench/wait_and_register.py "http://127.0.0.1:$port" >"$home/token"
token=$(cat "$home/token")
echo "== REST through the gateway with a token, beside FastAPI and bare gRPC"
.venv/bin/python bench/gateway_echo.py --url "http://127.0.0.1:$port" --token "$token"
echo "== A million posts through the gateway, beside a bare COPY"
.venv/bin/python bench/import_posts.py --url "http://127.0.0.1:$port" --token "$token"
echo "== Follower forecasts, beside no change and drift"
.venv/bin/python bench/forecast_holdout.py
echo "== Sentiment, beside a linear SVM"
.venv/bin/python bench/sentiment_quality.py
