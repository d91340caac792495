#!/usr/bin/env bash
# Holds a local stack in memory to docs/openapi.yaml as each role, every phase of schemathesis; it starts and stops the stacks itself.
#
#     EXAMPLES=200 SEED=1 ROLES="producer nobody" scripts/schemathesis.sh [options of `schemathesis run`]
#
# SEED is 1 unless it says otherwise; an empty one has schemathesis take another each time.
set -euo pipefail
cd "$(dirname "$0")/.."

api=13100 identity=13101 console=13102 dynamodb=18100
examples=${EXAMPLES:-200} seed=${SEED-1} roles=${ROLES:-producer director assistant nobody}
contract=${CONTRACT:-http://127.0.0.1:$identity/openapi.yaml}
welcome=$(mktemp)
stack=
trap 'stop; rm -f "$welcome"' EXIT

start() {
  target/debug/local --in-memory --port $api --identity-port $identity --console-port $console --dynamodb-port $dynamodb >"$welcome" &
  stack=$!
  until grep -q 'Ctrl-C stops it' "$welcome"; do
    kill -0 $stack 2>/dev/null || exit 1 # it has said why it did not start
    sleep 0.1
  done
}

stop() {
  [ -z "$stack" ] || { kill "$stack" && wait "$stack"; } 2>/dev/null || true
  stack=
}

token() {
  target/debug/local token "$1" --identity-port $identity
}

# Adds the actors and the movies 1 to 40: what the ids of tests/schemathesis/schemathesis.toml are of.
fill() {
  local authorization
  authorization="authorization: Bearer $(token producer)"
  for _ in {1..40}; do
    curl -sf -o /dev/null -H "$authorization" -d '{"name": "Ida Example", "age": 34, "gender": "female"}' http://127.0.0.1:$api/actors \
      -H 'content-type: application/json' --next -sf -o /dev/null -H "$authorization" -d '{"title": "An Example"}' \
      -H 'content-type: application/json' http://127.0.0.1:$api/movies
  done
}

export SCHEMATHESIS_HOOKS=hooks PYTHONPATH=tests/schemathesis PYTHONDONTWRITEBYTECODE=1
passed=0
for role in $roles; do
  echo "-- as $role"
  start
  fill
  schemathesis --config-file tests/schemathesis/schemathesis.toml run "$contract" --url http://127.0.0.1:$api \
    --header "Authorization: Bearer $(token "$role")" --max-examples "$examples" ${seed:+--seed "$seed"} "$@"
  stop
  passed=$((passed + 1))
done
echo "$passed passed, 0 failed"
