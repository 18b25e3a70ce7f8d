# The front door for people: each target is one line here and one script or CMake call behind it.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PRESET ?= release
BUILD := build/$(PRESET)
JOBS ?= $(shell nproc)

help: ## Show this list
	@printf 'Usage: make <target>\n\n'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## Start everything on this machine: NATS, the four services, three sample clusters, a recorded upstream (LIVE=1: the real ones)
	@scripts/run

run-agent: build ## Run one collector: AGENT_IDENTIFIER=..., CLUSTER_FILES=DIR or KUBECONFIG=FILE, and NATS_URL=... or CONTROLPLANE_URL=...
	@scripts/run-agent

cross-build: ## Build for arm64 in a container, into build/arm64 (TEST=1: also run the tests in qemu)
	@scripts/cross-build $(if $(TEST),--test)

up: ## Start the control plane with docker compose, and wait until it is healthy (knobs: deploy/compose/.env)
	@scripts/install-deps docker
	@scripts/up

down: ## End what make up started (VOLUMES=1: and forget what it stored)
	@scripts/down

test: ## Install what is missing, build, run every test
	@scripts/install-deps build test
	@scripts/build $(PRESET)
	@scripts/test $(PRESET)

bench: ## Measure, print the figures beside the goals, write build/bench.json
	@scripts/install-deps build test
	@scripts/build release
	@scripts/bench

build: ## Install what is missing and build into build/release/bin
	@scripts/install-deps build
	@scripts/build $(PRESET)

fmt: ## Format the C code
	@scripts/install-deps lint
	@git ls-files -z '*.c' '*.h' | xargs -0 clang-format -i

lint: ## Check format, layers, headers, names
	@scripts/install-deps build lint
	@scripts/build $(PRESET)
	@scripts/lint $(PRESET)

manifests: ## Check the CustomResourceDefinition against the code
	@scripts/install-deps build
	@scripts/build $(PRESET)
	@scripts/manifests $(PRESET)

install: ## Install the CustomResourceDefinition into the current cluster
	@scripts/crd install

uninstall: ## Remove the CustomResourceDefinition and all VersionTrackers from the current cluster (CONFIRM=1 when there are some)
	@scripts/crd uninstall

docker-build: ## Build the images of the four services (IMAGE_PREFIX=registry/team/, IMAGE_TAG=...)
	@scripts/install-deps docker
	@scripts/docker-build

helm-package: ## Package the Helm chart into build/helm, a Helm repository
	@scripts/helm-package

clean: ## Remove what was built and what a run left
	@rm -rf build .run

generate: ## (Go system's target) Nothing is generated in C: says so
	@echo "generate: nothing to generate; the C code has no generated parts"

vet: lint ## (Go system's target) The same as lint

.PHONY: help run run-agent cross-build up down test bench build fmt lint manifests install uninstall docker-build helm-package clean generate vet
