# `make` alone tells what there is to make.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

CARGO ?= cargo
FUNCTIONS := $(patsubst functions/%/Cargo.toml,%,$(wildcard functions/*/Cargo.toml))
# Where template.yaml looks for the functions.
LAMBDA_DIR := target/lambda
# Runs a command beside an emulator of its own.
EMULATOR := $(or $(CARGO_TARGET_DIR),target)/debug/emulator
# For which processor `make build-functions` builds; the template's parameter Architecture must say the same.
ARCH ?= x86_64
# What `make run` gives to `prodrome up`, such as ARGS='--kubeconfig ~/.kube/config'.
ARGS ?=
# Where tests/cluster keeps a real kube-apiserver, if anywhere: the tests that need one skip without it.
KUBEBUILDER_ASSETS ?= $(shell [ ! -x tests/cluster/assets ] || tests/cluster/assets 2>/dev/null)
export KUBEBUILDER_ASSETS

.PHONY: help run test build build-functions build-command lint lint-rust lint-dependencies lint-template bench bench-engine bench-instructions bench-rivals differential cluster-tools python-pins

help: ## Tell what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## See it: a recorded cluster going wrong, on this machine alone (ARGS='…' goes to prodrome up)
	$(CARGO) run --quiet -p prodrome-cli -- up $(ARGS)

test: ## Run every test, beside an emulator of their own
	@$(CARGO) build --quiet -p prodrome-emulator
	$(EMULATOR) run -- $(CARGO) test --workspace

build: build-functions build-command ## Build all of it, optimised

build-functions: ## Build the functions for Lambda (ARCH=arm64 for the other processor)
	@venv=$$(infra/python/venv.sh build); export PATH="$$venv/bin:$$PATH"; \
	$(CARGO) lambda build --release --lambda-dir $(LAMBDA_DIR) \
	    --target $(if $(filter arm64,$(ARCH)),aarch64,x86_64)-unknown-linux-gnu.2.34 $(FUNCTIONS:%=--bin %)
	@for function in $(FUNCTIONS); do \
	    rm -rf $(LAMBDA_DIR)/$$function/rules; \
	    cp -R rules $(LAMBDA_DIR)/$$function/rules; \
	done
	infra/check-glibc.sh $(FUNCTIONS:%=$(LAMBDA_DIR)/%/bootstrap)

build-command: ## Build the command prodrome for this machine
	$(CARGO) build --release -p prodrome-cli

lint: lint-rust lint-dependencies lint-template ## Check format, code, dependencies, template

lint-rust: ## Check the format and the code of all crates
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --quiet -- -D warnings

lint-dependencies: ## Check licences, sources and duplicates of the dependencies (deny.toml)
	@infra/check-dependencies.sh

lint-template: ## Check template.yaml
	@"$$(infra/python/venv.sh lint)/bin/cfn-lint" template.yaml && echo "template.yaml: no complaints"

bench: ## Measure (ratios and counts; nothing fails by being slow)
	@$(CARGO) build --quiet -p prodrome-emulator
	$(EMULATOR) run -- $(CARGO) bench --workspace --benches

bench-engine: ## Measure the pass over an object's bytes, into tests/report/engine.md
	@mkdir -p tests/report
	$(CARGO) bench --quiet -p prodrome-rules --bench engine -- --report $(CURDIR)/tests/report/engine.md
	@CARGO=$(CARGO) shared/rules/benches/instructions.sh | sed 's/^/\nCounted by callgrind, 130 rules a kind, generated objects: /' \
	    | tee -a tests/report/engine.md

bench-instructions: ## Count the instructions a byte of an object takes; fails above the limit (needs valgrind)
	@CARGO=$(CARGO) shared/rules/benches/instructions.sh 6.0

bench-rivals: ## Measure the same rules in CEL and Rego, into tests/report/engine-rivals.md (compiles both: minutes)
	@mkdir -p tests/report; cd tests/bench-rivals && $(CARGO) run --quiet --release --target-dir $(or $(CARGO_TARGET_DIR),$(CURDIR)/target) \
	    | tee ../report/engine-rivals.md

differential: ## Compare the engine with the tree on a million rules and objects by chance
	ENGINE_EVALUATIONS=1000000 $(CARGO) test -p prodrome-rules --test it -- engine --nocapture

cluster-tools: ## Get a real kube-apiserver, etcd and kubectl for the watcher's tests (some ten minutes, once)
	@if [ -x tests/cluster/tools ]; then tests/cluster/tools; else echo "tests/cluster/tools is not there; nothing to do"; fi

python-pins: ## Pin the Python packages anew, with hashes, after a change of infra/python/*.in (needs uv)
	@cd infra/python && for list in requirements lint build; do \
	    uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-emit-index-url \
	        --custom-compile-command "make python-pins" $$list.in -o $$list.txt; \
	done
