# `make help` lists what can be made. GNU make 3.81 (macOS) is enough; nothing but Go is needed for `build` and `test`.

GO    ?= go
BENCH ?= .

# Generators of the protobuf code; `make proto` installs them into bin/tools.
BUF                := v1.75.0
PROTOC_GEN_GO      := v1.36.12
PROTOC_GEN_GO_GRPC := v1.6.2
GRPCIO_TOOLS       := 1.85.1

# All is pure Go, and no C compiler is needed; only the race detector asks for one. On Linux the binary is linked to glibc, by which it
# opens NVIDIA's libraries.
export CGO_ENABLED := 0

TOOLS   := $(CURDIR)/bin/tools
PLUGINS  = $(patsubst plugins/%/main.go,%,$(wildcard plugins/*/main.go))
# Third-party plugins, each a module of its own.
EXAMPLES = $(dir $(wildcard docs/examples/plugins/*/go.mod))
# The revision is stamped into binaries where git can tell it; a source archive builds as well.
VCS      = $(shell git rev-parse --verify -q HEAD >/dev/null 2>&1 && echo true || echo false)
BUILD    = $(GO) build -trimpath -buildvcs=$(VCS) -ldflags '-s -w'

.PHONY: help setup build static test fmt vet staticcheck race chaos python proto proto-python generate bench bench-peer gpu-check demo clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: setup ## Build bin/sslctl and the shipped plugins in bin/plugins
	$(BUILD) -o bin/sslctl ./cmd/sslctl
	@set -e; for p in $(PLUGINS); do \
		echo "$(BUILD) -o bin/plugins/sslctl-method-$$p ./plugins/$$p"; \
		$(BUILD) -o bin/plugins/sslctl-method-$$p ./plugins/$$p; \
	done

static: setup ## Build bin/sslctl-static: linked to nothing, for systems without glibc; without CUDA
	$(BUILD) -tags nocuda -o bin/sslctl-static ./cmd/sslctl

test: fmt vet staticcheck ## Check everything: format, vet, staticcheck, laws of the rooms, all tests
	python=$$(.ci/python) && nvrtc=$$(.ci/cuda "$$python") && nvml=$$(.ci/nvml) && SDK_PYTHON="$$python" SSLCTL_NVRTC="$$nvrtc" SSLCTL_CUDA_HEADERS="$$nvml" $(GO) test ./...
	@set -e; for d in $(EXAMPLES); do ( cd $$d && $(GO) vet ./... && $(GO) test ./... ); done

python: setup ## Test the Python SDK and its example (make test does too)
	python=$$(.ci/python) && SDK_PYTHON="$$python" $(GO) test -count=1 ./sdk/python

fmt: setup
	@bad=$$("$$($(GO) env GOROOT)/bin/gofmt" -l $$(find . -name '*.go' -not -path './.*' -not -path './bin/*')) && [ -z "$$bad" ] || \
		{ echo "gofmt these:" >&2; echo "$$bad" >&2; exit 1; }

# The others hold the code without CUDA, and without assembly and Linux, to compile.
vet: setup
	$(GO) vet ./...
	$(GO) vet -tags nocuda ./...
	GOOS=darwin GOARCH=arm64 $(GO) vet ./...

staticcheck: setup
	$(GO) tool staticcheck ./...

race: setup ## Run all tests under the race detector (needs a C compiler)
	@command -v "$$($(GO) env CC)" >/dev/null 2>&1 || { \
		echo "make race: no C compiler, which the race detector needs: install gcc (Debian) or run xcode-select --install (macOS)" >&2; exit 1; }
	CGO_ENABLED=1 $(GO) test -race -timeout 40m ./...

chaos: setup ## Let plugins misbehave in every known way, N times each (default 100): about half an hour
	$(GO) test -count 1 -timeout 2h -run 'Misbehav|Chaos|Killed|Children|NothingIsLeft' ./core/host ./core/experiment -chaos $(or $(N),100)

proto: setup ## Generate Go from sdk/wire's protobuf files
	GOBIN=$(TOOLS) $(GO) install github.com/bufbuild/buf/cmd/buf@$(BUF)
	GOBIN=$(TOOLS) $(GO) install google.golang.org/protobuf/cmd/protoc-gen-go@$(PROTOC_GEN_GO)
	GOBIN=$(TOOLS) $(GO) install google.golang.org/grpc/cmd/protoc-gen-go-grpc@$(PROTOC_GEN_GO_GRPC)
	cd sdk/wire && PATH="$(TOOLS):$$PATH" buf lint && PATH="$(TOOLS):$$PATH" buf generate

proto-python: ## Generate Python from sdk/wire's protobuf files, with grpcio-tools in a virtual environment under bin
	@[ -x bin/tools/python/bin/python ] || python3 -m venv bin/tools/python
	bin/tools/python/bin/pip install --quiet --disable-pip-version-check grpcio-tools==$(GRPCIO_TOOLS)
	PYTHON="$(CURDIR)/bin/tools/python/bin/python" sdk/python/generate

generate: proto proto-python ## Generate all generated code: protobuf and the assembly of the kernels
	$(GO) generate ./core/...

bench: setup ## Run the benchmarks; BENCH=Gemm runs those that match
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem ./...

# Where PyTorch for the race is: PEER_PYTHON, or a virtual environment outside the tree, made once.
PEER_VENV   = $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/sslctl/peer-venv
PEER_PYTHON ?= $(PEER_VENV)/bin/python
RACE        ?=

bench-peer: build ## Race the training step against PyTorch's: half an hour; RACE='--net r18 --rounds 3' narrows it
	@if [ '$(PEER_PYTHON)' = '$(PEER_VENV)/bin/python' ] && ! '$(PEER_PYTHON)' -c 'import torch' 2>/dev/null; then \
		python3 -m venv '$(PEER_VENV)' && '$(PEER_VENV)/bin/pip' install -q torch numpy || \
		{ echo "make bench-peer: no PyTorch: install python3 with venv (Debian: python3-venv), or name one by PEER_PYTHON=" >&2; exit 1; }; \
	fi
	SSLCTL_PEER_PYTHON='$(PEER_PYTHON)' $(GO) test -count=1 -run PeerIsTheSameNetwork ./core/bench
	bin/sslctl bench peer --python '$(PEER_PYTHON)' $(RACE)

# What runs on a GPU: the device's contract and training steps, PyTorch's among them; plans of NVIDIA's libraries; the bindings of these.
GPU_TESTS = ./core/engine/cuda/gpucheck ./core/model ./core/engine/cuda/kernels ./core/engine/cuda/views ./core/engine/cuda/library ./core/internal/cuda/cudnn ./core/internal/cuda/cublaslt

gpu-check: setup ## Build bin/gpu-check, a folder that checks and times a GPU without Go: copy it there and start ./run
	@mkdir -p bin/gpu-check
	$(BUILD) -o bin/gpu-check/sslctl ./cmd/sslctl
	@set -e; for p in $(GPU_TESTS); do \
		echo "$(GO) test -c -o bin/gpu-check/$$(basename $$p).test $$p"; \
		$(GO) test -c -trimpath -ldflags '-s -w' -o bin/gpu-check/$$(basename $$p).test $$p; \
	done
	cp core/engine/cuda/gpucheck/run bin/gpu-check/run
	rm -rf bin/gpu-check/testdata && cp -r core/model/testdata bin/gpu-check/testdata

demo: build ## Fetch Fashion-MNIST and train VICReg on it: about three minutes on two cores
	@if [ ! -d /usr/share/datasets/fashion-mnist ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
		apt-get install -qq -y dataset-fashion-mnist || { apt-get update -qq && apt-get install -qq -y dataset-fashion-mnist; } || \
		echo "make demo: no Debian package of Fashion-MNIST; it is downloaded instead" >&2; \
	fi
	bin/sslctl data fetch fashion-mnist
	bin/sslctl run --method vicreg --data fashion-mnist --precision bf16 --epochs 5

clean: ## Remove what was built; runs and data stay
	rm -rf bin

# What the other targets need: a Go that can build this module, and the module's dependencies.
setup:
	@GO='$(GO)' sh .ci/setup
