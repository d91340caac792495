#!/usr/bin/env bash
# Deploys what `sam build` has built, tries it, and takes the stack back to the template that it had if the trial fails.
#
#     scripts/release.sh staging      the trial is the Postman collection; docs/pipelines.md lists its settings
#     scripts/release.sh production   the trial only reads: it writes nothing into real data
#
# With CONSOLE_CLIENT_ID it then copies the console to the stack, which must host one (docs/deploy.md).
#
# It needs `make tools`, the AWS CLI and credentials. The exit code is 0 only if the new version is deployed and works.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"

environment=${1:-}
case $environment in
  staging | production) ;;
  *) echo "usage: scripts/release.sh staging|production" >&2; exit 2 ;;
esac

setting() {
  python -c 'import sys, tomllib; print(tomllib.load(open("samconfig.toml", "rb"))[sys.argv[1]]["deploy"]["parameters"][sys.argv[2]])' "$environment" "$1"
}
stack=$(setting stack_name)
AWS_REGION=$(setting region)
export AWS_REGION

stack_exists() {
  local output
  if output=$(aws cloudformation describe-stacks --stack-name "$stack" --query 'Stacks[0].StackStatus' --output text 2>&1); then
    return 0
  fi
  case $output in
    *"does not exist"*) return 1 ;;
  esac
  echo "$output" >&2 # no credentials, or no permission: this says nothing about the stack
  exit 1
}

# The key of the template that the stack has.
present_template() {
  python scripts/stack.py --config-env "$environment" templates | awk '$NF == "present" && !key { key = $3 } END { print key }'
}

before=
if stack_exists; then before=$(present_template); fi

# A deployment that fails is rolled back by CloudFormation itself, and one that raises an alarm by CodeDeploy.
sam deploy --config-env "$environment" --no-confirm-changeset --no-fail-on-empty-changeset --no-progressbar

API_URL=$(aws cloudformation describe-stacks --stack-name "$stack" --query "Stacks[0].Outputs[?OutputKey=='ApiUrl'].OutputValue" --output text)
export API_URL

try_staging() {
  (cd tests/postman && npm ci --no-audit --no-fund --silent && node staged.mjs)
}

# Without a token: 401 from a function means that the gateway, a function and its configuration work.
try_production() {
  local path status
  for path in actors movies; do
    status=$(curl -s --max-time 30 --retry 3 --retry-all-errors -o /dev/null -w '%{http_code}' "$API_URL/$path") || true
    echo "GET /$path without a token: $status"
    [ "$status" = 401 ] || return 1
  done
}

if "try_$environment"; then
  echo "$stack works: $API_URL"
  # After the API: a new console may need a new API.
  if [ -n "${CONSOLE_CLIENT_ID:-}" ]; then python scripts/console.py --config-env "$environment" deploy; fi
  exit 0
fi

echo "The trial of $stack failed." >&2
now=$(present_template)
if [ -z "$before" ]; then
  echo "There is no earlier template to take it back to." >&2
elif [ "$before" = "$now" ]; then
  echo "The deployment has changed nothing, so there is nothing to take back." >&2
else
  python scripts/stack.py --config-env "$environment" rollback --to "$before" >&2
fi
exit 1
