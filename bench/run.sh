#!/bin/sh
# Runs every benchmark, each beside its named alternative, against suites of its own in temporary homes.
set -eu
cd "$(dirname "$0")/.."
home=
suite=

stop() {
    if [ -n "$suite" ]; then
        kill "$suite" 2>/dev/null || true
        wait "$suite" 2>/dev/null || true
        rm -rf "$home"
        suite=
    fi
}
trap stop EXIT INT TERM

# Starts a suite with the settings given, without the demo, and registers somebody: url, token.
start() {
    stop
    home=$(mktemp -d)
    port=$(.venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    url="http://127.0.0.1:$port"
    export ATALAYA_HOME="$home" ATALAYA_PORT="$port" DEMO=0
    env "$@" .venv/bin/python -m local_suite up >"$home/up.log" 2>&1 &
    suite=$!
    token=$(.venv/bin/python bench/wait_and_register.py "$url")
}

start RATE_LIMIT_PER_MINUTE=0 RATE_LIMIT_PER_HOUR=0 RATE_LIMIT_PER_DAY=0 \
    LOGIN_FAILURES_BEFORE_DELAY=0 SOURCE_FAILURES_BEFORE_DELAY=0 REGISTRATIONS_BEFORE_DELAY=0
echo "== Log-ins beside raw argon2id, and at three times that load"
.venv/bin/python bench/login_load.py --url "$url"
echo "== Refreshes and log-ins, eight to one"
.venv/bin/python bench/grants_load.py --url "$url"
echo "== A token checked and a row read, beside FastAPI on the same PostgreSQL"
.venv/bin/python bench/read_load.py --url "$url" --token "$token"
echo "== REST through the gateway with a token, beside FastAPI and bare gRPC"
.venv/bin/python bench/gateway_echo.py --url "$url" --token "$token"
echo "== A million posts through the gateway, beside a bare COPY and Delta write, and the peer that PEERS names"
.venv/bin/python bench/import_posts.py --url "$url" ${PEERS:+--peers "$PEERS"}
# PEERS names the folder of the programs that reports are measured against.
if [ -n "${PEERS:-}" ]; then
    echo "== Insurance reports, beside FastAPI with pandas and beside plain DuckDB"
    .venv/bin/python bench/insurance_reports.py --url "$url" --token "$token" --peers "$PEERS"
    echo "== RFM customers looked up, beside FastAPI over an indexed DuckDB table"
    .venv/bin/python bench/rfm_lookup.py --url "$url" --token "$token" --peers "$PEERS"
fi
start RATE_LIMIT_PER_MINUTE=1200 RATE_LIMIT_PER_HOUR=0 RATE_LIMIT_PER_DAY=0
echo "== A tenant at its limit, alone and beside one at ten times its limit"
.venv/bin/python bench/fairness_load.py --url "$url" --limit 1200
stop
echo "== Counting calls in Redis and in memory, beside not counting"
.venv/bin/python bench/limits_cost.py
echo "== Follower forecasts, beside no change and drift"
.venv/bin/python bench/forecast_holdout.py
echo "== Sentiment, beside a linear SVM"
.venv/bin/python bench/sentiment_quality.py
echo "== A million rows of MariaDB and PostgreSQL into the lake, beside pymysql to CSV and COPY"
.venv/bin/python bench/source_runs.py
