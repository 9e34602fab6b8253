# The project's front door. Each target says what it does while it does it.
.DEFAULT_GOAL := help
.PHONY: help setup build demo test mutation-check reproducible sbom cluster-test kill-test bench \
  lint format install package clean
PREFIX ?= /usr/local
# One job per core of a small machine; a build needs about 1 GB each.
export CMAKE_BUILD_PARALLEL_LEVEL ?= $(shell nproc)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 17

setup: ## packages, .venv and the CDK command line (Debian 12; asks before it uses sudo)
	@scripts/setup

build: ## the optimised program, build/release/bin/aphex, and what it deploys with a pipeline
	@scripts/setup --for run
	@scripts/build release aphex aphex_provider_zip

demo: build ## a signed push takes a real CDK application through all, on a local AWS
	@scripts/demo

test: ## every test there is; the last line is the sum
	@scripts/setup
	@scripts/test

cluster-test: ## stages as pods on a Kubernetes node (as root), or on KUBECONFIG=… IMAGE=…
	@scripts/setup
	@scripts/cluster-test \
	  $(if $(filter command,$(origin KUBECONFIG)),--kubeconfig "$(KUBECONFIG)") \
	  $(if $(IMAGE),--image "$(IMAGE)") $(if $(ADDRESS),--address "$(ADDRESS)") \
	  $(if $(ARGO_VERSION),--argo-version "$(ARGO_VERSION)") \
	  $(if $(FILTER),--filter "$(FILTER)")

kill-test: build ## KILLS=200 kills of the server and its runs, under load; what came of it
	@scripts/setup --only python,node
	@scripts/kill-test $(KILLS)

mutation-check: ## breaks each of the design's properties, and shows that its test fails
	@scripts/setup --only apt
	@scripts/mutation-check

reproducible: ## builds program and package twice in different places, and compares them
	@scripts/setup --only apt
	@scripts/reproducible

sbom: build ## build/release/aphex.cdx.json and licenses.txt: what a release is made of
	@scripts/sbom

bench: build ## speeds, side by side with other programs (REPORT=1: into docs/benchmarks.md)
	@scripts/build release all
	@scripts/bench $(if $(REPORT),--report)

lint: ## clang-format, clang-tidy on what changed (ALL=1: on everything), shellcheck
	@scripts/setup --only apt
	@scripts/lint $(if $(ALL),--all)

format: ## clang-format over the sources, in place
	@git ls-files -co --exclude-standard '*.cpp' '*.hpp' | xargs -r clang-format -i

install: build ## program, libraries and headers below PREFIX (/usr/local)
	@scripts/build release aphex_installed
	cmake --install build/release --prefix $(PREFIX)

package: build ## build/release/aphex_*.deb
	@scripts/build release aphex_installed
	cd build/release && cpack -G DEB

clean: ## everything that was built or downloaded here
	rm -rf build .venv .demo node_modules
