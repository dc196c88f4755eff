# `make` alone tells what there is to make.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

CARGO ?= cargo
FUNCTIONS := $(patsubst functions/%/Cargo.toml,%,$(wildcard functions/*/Cargo.toml)) \
    $(patsubst functions/plugins/%/Cargo.toml,plugin-%,$(wildcard functions/plugins/*/Cargo.toml))
# Where template.yaml looks for the functions.
LAMBDA_DIR := target/lambda
# Where infra/watcher/Containerfile looks for the watcher.
CONTAINER_DIR := target/container
# Where programs are built.
TARGET := $(or $(CARGO_TARGET_DIR),target)
# Runs a command beside an emulator of its own.
EMULATOR := $(TARGET)/debug/emulator
# For which processor `make build-functions` builds; the template's parameter Architecture must say the same.
ARCH ?= x86_64
# Linked for the glibc of provided.al2023, which any newer one runs.
BUILD_FOR = $(if $(filter arm64,$(ARCH)),aarch64,x86_64)-unknown-linux-gnu.2.34
# What `make run` gives to `prodrome up`, such as ARGS='--kubeconfig ~/.kube/config'.
ARGS ?=
# A folder of suites (cases of other projects) that `make report` judges as well.
SUITES ?=
# A folder of scenarios (faults of other projects, recorded), likewise.
SCENARIOS ?=
# Where `make cluster-tools` has put a real kube-apiserver, if it has: the tests that want one skip without it.
KUBEBUILDER_ASSETS ?= $(shell tests/cluster/assets 2>/dev/null)
export KUBEBUILDER_ASSETS

.PHONY: help run test fuzz build build-function build-functions build-watcher build-command check-glibc lint lint-rust lint-dependencies lint-template load failover report schedule sbom bench bench-diagnosis bench-engine bench-instructions bench-memory bench-outage bench-real bench-rivals bench-watcher differential cluster-tools cluster-nodes e2e-cluster sample-events sim sim-mutants rules-page python-pins

help: ## Tell what there is to make
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-19s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## See it: a recorded cluster going wrong, on this machine alone (ARGS='…' goes to prodrome up)
	@$(CARGO) build -p prodrome-cli
	@$(CARGO) run --quiet -p prodrome-cli -- up $(ARGS)

test: ## Run every test, beside an emulator of their own
	@$(CARGO) build --quiet -p prodrome-emulator
	$(EMULATOR) run -- $(CARGO) test --workspace

build: build-functions build-watcher build-command ## Build all of it, optimised

build-functions: ## Build the functions for Lambda (ARCH=arm64 for the other processor)
	@venv=$$(infra/python/venv.sh build); export PATH="$$venv/bin:$$PATH"; \
	$(CARGO) lambda build --release --lambda-dir $(LAMBDA_DIR) --target $(BUILD_FOR) $(FUNCTIONS:%=--bin %)
	@for function in $(FUNCTIONS); do \
	    rm -rf $(LAMBDA_DIR)/$$function/rules; \
	    cp -R rules $(LAMBDA_DIR)/$$function/rules; \
	done
	infra/check-glibc.sh $(FUNCTIONS:%=$(LAMBDA_DIR)/%/bootstrap)

build-function: ## Build one function for Lambda (FUNCTION=plugin-NAME), as `prodrome plugin deploy` does
	@venv=$$(infra/python/venv.sh build); export PATH="$$venv/bin:$$PATH"; \
	$(CARGO) lambda build --release --lambda-dir $(LAMBDA_DIR) --target $(BUILD_FOR) --bin $(FUNCTION)
	infra/check-glibc.sh $(LAMBDA_DIR)/$(FUNCTION)/bootstrap

build-watcher: ## Build the watcher for its image (infra/watcher/Containerfile; ARCH=arm64 for the other processor)
	@venv=$$(infra/python/venv.sh build); export PATH="$$venv/bin:$$PATH"; \
	$(CARGO) lambda build --release --lambda-dir $(CONTAINER_DIR)/built --target $(BUILD_FOR) \
	    -p prodrome-watcher --bin watcher
	@install $(CONTAINER_DIR)/built/watcher/bootstrap $(CONTAINER_DIR)/watcher && rm -rf $(CONTAINER_DIR)/built
	infra/check-glibc.sh $(CONTAINER_DIR)/watcher

build-command: ## Build the command prodrome for this machine
	$(CARGO) build --release -p prodrome-cli

check-glibc: ## Check that a function needs no newer glibc than Lambda has (built as it is deployed, but not optimised)
	@venv=$$(infra/python/venv.sh build); export PATH="$$venv/bin:$$PATH"; \
	$(CARGO) lambda build --quiet --lambda-dir $(TARGET)/lambda-check --target x86_64-unknown-linux-gnu.2.34 --bin evaluate
	infra/check-glibc.sh $(TARGET)/lambda-check/evaluate/bootstrap

lint: lint-rust lint-dependencies lint-template ## Check format, code, dependencies, template

lint-rust: ## Check the format and the code of all crates
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --quiet -- -D warnings
	@# A workspace of its own that takes sources of the watcher in: a change there breaks it unseen.
	cd tests/bench-watcher && $(CARGO) check --quiet --locked --target-dir $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)

lint-dependencies: ## Check licences, sources and duplicates of the dependencies (deny.toml)
	@infra/check-dependencies.sh

lint-template: ## Check template.yaml
	@venv=$$(infra/python/venv.sh lint); "$$venv/bin/cfn-lint" template.yaml && echo "template.yaml: no complaints"

sbom: ## Write a bill of materials (CycloneDX) for each program into target/sbom, and check it
	@infra/sbom.sh $(TARGET)/sbom

load: ## Run the deployed pipeline under load and faults and count, into tests/report/load.md (LOAD_SECONDS=600, LOAD_RATE, LOAD_BACKLOG, LOAD_SEED, LOAD_PROFILE=release, LOAD_REPORT=FILE)
	@$(CARGO) build --quiet --profile $(or $(LOAD_PROFILE),dev) -p prodrome-load
	$(TARGET)/$(if $(filter release,$(LOAD_PROFILE)),release,debug)/load --report $(or $(LOAD_REPORT),tests/report/load.md) \
	    --seconds $(or $(LOAD_SECONDS),60) --rate $(or $(LOAD_RATE),1000) \
	    --backlog $(or $(LOAD_BACKLOG),1000000) --seed $(or $(LOAD_SEED),1)

schedule: ## Run the watcher through trouble by chance before a real API server, into tests/report/schedule.md (RUNS=100 PODS=20000 FROM=… MINUTES=…; needs cluster-tools)
	SCHEDULE_REPORT=$(CURDIR)/tests/report/schedule.md SCHEDULE_MINUTES=$(MINUTES) SCHEDULE_RUNS=$(or $(RUNS),5) SCHEDULE_PODS=$(or $(PODS),2000) SCHEDULE_FROM=$(or $(FROM),0) \
	    $(CARGO) test -p prodrome-watcher --test it -- --nocapture real::schedule

failover: ## End the watcher that leads again and again, and measure until another does, into tests/report/failover.md (RUNS=20; needs cluster-tools)
	FAILOVER_REPORT=$(CURDIR)/tests/report/failover.md FAILOVER_RUNS=$(or $(RUNS),20) \
	    $(CARGO) test -p prodrome-watcher --test it -- --nocapture real::leading::however_often

report: ## Replay every recording and write tests/REPORT.md anew (SUITES=DIR judges suites as well, SCENARIOS=DIR scenarios)
	@$(CARGO) build --quiet -p prodrome-cli -p prodrome-report
	$(TARGET)/debug/report $(TARGET)/debug/prodrome $(SUITES:%=--suites %) $(SCENARIOS:%=--scenarios %)

bench: ## Measure the optimised programs (nothing fails by being slow), and renew that section of tests/REPORT.md
	@$(CARGO) build --quiet --release -p prodrome-cli -p prodrome-watcher \
	    $(patsubst %,-p prodrome-%,$(filter-out plugin-%,$(FUNCTIONS)) plugin-crash-loop) -p prodrome-bench
	$(TARGET)/release/bench $(TARGET)/release

bench-diagnosis: ## Measure diagnoses on the emulator, into tests/report/diagnosis.md (some minutes)
	@$(CARGO) build --quiet --release -p prodrome-cli $(patsubst %,-p prodrome-%,$(filter plugin-%,$(FUNCTIONS))) -p prodrome-bench
	$(TARGET)/release/bench-diagnosis $(TARGET)/release --new-plugin

bench-engine: ## Measure the pass over an object's bytes, into tests/report/engine.md
	@mkdir -p tests/report
	$(CARGO) bench --quiet -p prodrome-rules --bench engine -- --report $(CURDIR)/tests/report/engine.md
	@for counted in '6.0 generated' '7.5 recorded'; do \
	    CARGO=$(CARGO) shared/rules/benches/instructions.sh $$counted \
	        | sed "s/^/\nCounted by callgrind, 130 rules a kind, $${counted#* } objects: /" | tee -a tests/report/engine.md; \
	done

bench-instructions: ## Count the instructions a byte of an object takes; fails above the limit (needs valgrind)
	@CARGO=$(CARGO) shared/rules/benches/instructions.sh 6.0 generated
	@CARGO=$(CARGO) shared/rules/benches/instructions.sh 7.5 recorded

bench-rivals: ## Measure the same rules in CEL and Rego, into tests/report/engine-rivals.md (compiles both: minutes)
	@mkdir -p tests/report; cd tests/bench-rivals && $(CARGO) run --quiet --release --target-dir $(or $(CARGO_TARGET_DIR),$(CURDIR)/target) \
	    | tee ../report/engine-rivals.md

bench-watcher: ## Measure a line of a watch to the pack beside kube's DynamicObject, into tests/report/engine-watcher.md (compiles it: minutes)
	@mkdir -p tests/report; cd tests/bench-watcher && $(CARGO) run --quiet --release --target-dir $(or $(CARGO_TARGET_DIR),$(CURDIR)/target) \
	    | tee ../report/engine-watcher.md

bench-memory: ## Measure the watcher's memory beside kube's reflector and client-go's informer, into tests/report/watcher-memory.md (half an hour, 12 GB; OBJECTS='20000 100000')
	@$(CARGO) build --quiet --release -p prodrome-watcher --bin watcher
	@$(CARGO) build --quiet -p prodrome-bench --bin bench-load --bin bench-memory
	@cd tests/bench-memory && $(CARGO) build --quiet --locked --release --target-dir $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)
	@mkdir -p tests/report; informer=$$(tests/bench-memory/tools) || informer=; \
	$(TARGET)/debug/bench-memory $(TARGET)/release/watcher $(TARGET)/release/reflector "$$informer" $(or $(OBJECTS),20000 100000)

bench-outage: ## Measure the watcher's memory while the queue is down, into tests/report/watcher-outage.md
	@$(CARGO) build --quiet --release -p prodrome-watcher --bin watcher
	PRODROME_TEST_WATCHER=$(abspath $(TARGET))/release/watcher OUTAGE_REPORT=$(CURDIR)/tests/report/watcher-outage.md \
	    $(CARGO) test -p prodrome-watcher --test it -- --ignored --nocapture memory::a_kind

bench-real: ## Measure the watcher's memory before a real API server with all kinds, into tests/report/watcher-real.md (needs cluster-tools)
	@$(CARGO) build --quiet --release -p prodrome-watcher --bin watcher
	PRODROME_TEST_WATCHER=$(abspath $(TARGET))/release/watcher REAL_REPORT=$(CURDIR)/tests/report/watcher-real.md \
	    $(CARGO) test -p prodrome-watcher --test it -- --ignored --nocapture memory::real

differential: ## Compare the engine with the tree on a million rules and objects by chance
	ENGINE_EVALUATIONS=1000000 $(CARGO) test -p prodrome-rules --test it -- engine --nocapture

fuzz: ## Fuzz what reads bytes of others, guided by coverage (SECONDS=60 for each target, ONLY='pack rules'; needs nightly Rust and cargo-fuzz)
	@tests/fuzz/run $(or $(SECONDS),60) $(abspath $(TARGET))/fuzz $(ONLY)

sim: ## Run the whole pipeline under faults, by seeds (SEEDS=100000 runs as many, FROM=… begins elsewhere, SIM_REPORT=tests/report/sim-seeds.md adds a line there)
	@$(CARGO) run --quiet -p prodrome-sim --bin sim -- --seeds $(or $(SEEDS),1000) --from $(or $(FROM),0) $(SIM_REPORT:%=--report %)

sim-mutants: ## Show that the simulation can fail: deliberate bugs in a copy, into tests/report/sim.md (compiles a copy once)
	@$(CARGO) build --quiet -p prodrome-sim --bin sim-mutants
	CARGO=$(CARGO) $(TARGET)/debug/sim-mutants --scratch $(TARGET)/sim-mutants --report tests/report/sim.md

cluster-tools: ## Get a real kube-apiserver, etcd and kubectl for the tests that want them (needs Go; some minutes, once)
	@tests/cluster/tools

cluster-nodes: cluster-tools ## Get what real nodes are made of (kubelet, containerd, …; needs Go and Debian's packages; some minutes, once)
	@tests/cluster/nodes >/dev/null

e2e-cluster: cluster-nodes ## Live through real faults on real nodes, into tests/report/cluster.md (needs root; a quarter of an hour; ONLY='crash-loop …', RECORD=DIR keeps a recording and replays it)
	@$(CARGO) build --quiet -p prodrome-emulator -p prodrome-watcher -p prodrome-e2e-cluster $(if $(RECORD),-p prodrome-cli)
	@$(EMULATOR) run -- true # its Python is had from outside, and the run has no way there
	@KUBEBUILDER_ASSETS=$$(tests/cluster/assets) $(TARGET)/debug/e2e-cluster --watcher $(TARGET)/debug/watcher \
	    --parts $$(tests/cluster/nodes) $(if $(RECORD),--prodrome $(TARGET)/debug/prodrome --record $(RECORD)) \
	    $(if $(ONLY),$(ONLY),--report tests/report/cluster.md)

sample-events: ## Write the sample events of events/ anew
	@$(CARGO) run --quiet -p prodrome-e2e --bin sample-events

rules-page: ## Write the page that lists the shipped rules anew (docs/rules.md)
	@page=$$($(CARGO) run --quiet -p prodrome-rules --example page rules) && printf '%s\n' "$$page" > docs/rules.md

python-pins: ## Pin the Python packages anew, with hashes, after a change of infra/python/*.in (needs uv)
	@cd infra/python && for list in requirements lint build; do \
	    uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-emit-index-url \
	        --custom-compile-command "make python-pins" $$list.in -o $$list.txt; \
	done
