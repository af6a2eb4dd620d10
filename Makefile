.DEFAULT_GOAL := help
.PHONY: help build image test lint bench demo cluster cluster-real clean

GOFUMPT     := mvdan.cc/gofumpt@v0.12.0
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
VERSION     := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
IMAGE       := lxsweep:$(VERSION)
PLATFORMS   := linux/amd64,linux/arm64

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

build: ## build bin/lxsweep
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-X main.version=$(VERSION)' -o bin/lxsweep ./cmd/lxsweep

image: ## build bin/lxsweep-image.tar, for containerd, kind and Docker (IMAGE=name:tag, PLATFORMS=linux/amd64,...)
	go run ./cmd/internal/image -version '$(VERSION)' -name '$(IMAGE)' -platforms '$(PLATFORMS)' -o bin/lxsweep-image.tar

test: ## run every test under the race detector (needs a C compiler)
	CGO_ENABLED=1 go test -race -timeout 30m ./...

lint: ## check formatting, vet and staticcheck
	@files=$$(git ls-files '*.go') && \
	unformatted=$$(go run $(GOFUMPT) -l $${files:?no Go file is tracked}) && \
	if [ -n "$$unformatted" ]; then echo "$$unformatted"; echo 'mend with: go run $(GOFUMPT) -w .'; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...

bench: ## run the benchmarks
	go test -run '^$$' -bench . -benchmem ./...

demo: build ## train the quickstart's sweeps and show which experiment won
	bin/lxsweep apply --auto-approve examples/quickstart/grid.hcl
	cd examples/quickstart && ../../bin/lxsweep results

cluster: ## run a Kubernetes with simulated nodes, until Ctrl-C
	go run ./runner/kubernetes/kubetest/cluster

cluster-real: ## run a Kubernetes with one node that has containers, until Ctrl-C (needs root)
	go run ./runner/kubernetes/kubetest/cluster -real

clean: ## remove what build and the examples made
	rm -rf bin examples/*/.lxsweep
