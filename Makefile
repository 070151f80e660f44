SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GOLANGCI_VERSION := v2.15.0
GOLANGCI := bin/golangci-lint-$(GOLANGCI_VERSION)
PKG ?= ./...
FUZZTIME ?= 5s
SOAK ?= 10m
BENCH ?= .
LEFT_OUT := $(CURDIR)/bin/left-out.txt
# Packages whose golden or generated files are written anew by their tests' -update flag.
GENERATED := ./config ./api ./channels/email ./dispatcher ./events ./templates

.PHONY: help
help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: build
build: ## bin/elshi
	go build -trimpath -o bin/elshi ./cmd/elshi

.PHONY: run
run: build ## everything in one process with demo data: SQLite, an in-process Redis, an inbox that catches mail and SMS
	bin/elshi serve --demo

.PHONY: test
test: ## vet and all tests with the race detector; says at the end what was left out
	@mkdir -p bin; : > $(LEFT_OUT)
	go vet $(PKG)
	@status=0; \
	TESTKIT_LEFT_OUT=$(LEFT_OUT) go test -race -shuffle=on -timeout 20m $(PKG) || status=$$?; \
	if [ -s $(LEFT_OUT) ]; then \
		echo "left out, because a peer is not installed:"; sort $(LEFT_OUT) | uniq -c; \
	else \
		echo "left out: nothing"; \
	fi; \
	exit $$status

.PHONY: lint
lint: $(GOLANGCI) ## style, direction of imports, formatting
	$(GOLANGCI) config verify
	$(GOLANGCI) run $(PKG)
	$(GOLANGCI) fmt --diff

# The prebuilt linter is not downloaded: a module from the proxy is checked against the checksum database.
$(GOLANGCI):
	@mkdir -p bin
	GOBIN=$(CURDIR)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv bin/golangci-lint $@

.PHONY: fmt
fmt: $(GOLANGCI) ## format as lint wants it
	$(GOLANGCI) fmt

.PHONY: generate
generate: ## write what is generated anew (tests fail while it is not current)
	go test $(GENERATED) -count=1 -update

.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME
	@go test -list '^Fuzz' $(PKG) \
		| awk '/^Fuzz/ {names[++n] = $$1} /^ok/ {for (i = 1; i <= n; i++) print $$2, names[i]; n = 0}' \
		| while read -r package target; do \
			echo "fuzz $$package $$target for $(FUZZTIME)"; \
			go test "$$package" -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME); \
		done

.PHONY: soak
soak: ## the long tests for SOAK each
	TESTKIT_SOAK=$(SOAK) go test -race -count=1 -timeout 0 -v -run '^TestSoak' $(PKG)

.PHONY: bench
bench: ## all benchmarks, one package after the other; docs/performance.md says how its figures were made
	go test -run '^$$' -bench '$(BENCH)' -benchmem -timeout 0 -p 1 $(PKG)

.PHONY: clean
clean: ## take out what was built and what make run stored
	rm -rf bin dist data
