# Octroi's commands. `make help` lists them; the scripts behind them are in stack/.
SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

.PHONY: help up down status logs reset test test-clients sabotage bench bench-peers lint fmt schema types

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## Install what is missing, build, start everything in the background, show a demo
	@stack/up.sh
	@stack/show.sh

down: ## Stop everything; the data stays
	@stack/down.sh

status: ## Show what runs
	@stack/status.sh

logs: ## Follow all logs
	@stack/logs.sh

reset: ## Stop everything and delete the local data and keys
	@stack/reset.sh

test: ## Run every test, in a stack of its own
	@stack/test.sh

test-clients: ## Run every client that people have, and compare the books (nightly: installs 2.5 GB into the cache)
	@stack/test_stack.sh tests/clients/suite/run.sh all

sabotage: ## Take each defence away and see that its test turns red
	@stack/test_cluster.sh tests/sabotage/run.sh

bench: ## Measure, side by side with the reference of each figure
	@stack/bench.sh

bench-peers: ## Measure other gateways on the same upstream
	@stack/bench.sh peers

lint: ## Check formatting, lints, licences and advisories
	@stack/lint.sh

fmt: ## Format Rust, TypeScript and SQL
	@stack/fmt.sh

schema: ## Write the migrated schema, every right and the register of personal data to tests/ and docs/
	@stack/schema.sh

types: ## Write the TypeScript types of what front ends may ask to supabase/types/
	@stack/types.sh
