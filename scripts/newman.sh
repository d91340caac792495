#!/usr/bin/env bash
# Runs the Postman collection, twice, against a local stack in memory that it starts and stops itself.
set -euo pipefail
cd "$(dirname "$0")/.."

api=13000 identity=13001 console=13002 dynamodb=18000
welcome=$(mktemp)
target/debug/local --in-memory --port $api --identity-port $identity --console-port $console --dynamodb-port $dynamodb >"$welcome" &
stack=$!
trap 'kill $stack 2>/dev/null || true; wait $stack 2>/dev/null || true; rm -f "$welcome"' EXIT

until grep -q 'Ctrl-C stops it' "$welcome"; do
  kill -0 $stack 2>/dev/null || exit 1 # it has said why it did not start
  sleep 0.1
done

cd tests/postman
npm ci --no-audit --no-fund --silent
for _ in first second; do # it must leave nothing behind that a second run stumbles over
  npm test --silent -- --env-var base_url=http://127.0.0.1:$api --env-var identity_url=http://127.0.0.1:$identity \
    >newman.log 2>&1 || { cat newman.log; exit 1; }
  echo "$(grep -c '✓' newman.log) passed, 0 failed"
done
