.PHONY: help train test test-faults data tb sweep reproduce bench docs clean
.DEFAULT_GOAL := help
PY := .venv/bin/python
DEBIAN := data/debian
# SlipCover 1.1 forgets pytest-xdist's workers if it reports too: that is a command of its own.
COVERAGE := -m slipcover --branch --source fmclust --json --out .coverage.json
COVERED := -m slipcover --merge .coverage.json --out .coverage.json --skip-covered --fail-under 90

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /:/' | awk -F: '{printf "make %-13s%s\n", $$1, $$2}'

train: data  ## environment, data, then the main job on Fashion-MNIST; ARGS="..." adds overrides
	$(PY) -m fmclust.train model=convae cluster=gmm $(ARGS)

test: data  ## environment, data, then lint, types and tests
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) $(if $(ARGS),,$(COVERAGE)) -m pytest -rs -n 2 --dist loadgroup $(ARGS)
	$(if $(ARGS),,$(PY) $(COVERED))

test-faults: data  ## everything in tests/faults: kills, full disks, hostile files; all long tests
	$(PY) -m pytest -n 2 --dist loadgroup -m "long or not long" $(ARGS) tests/faults
	$(PY) -m pytest -n 2 --dist loadgroup -m long $(ARGS) --ignore tests/faults

data: .venv/.installed  ## find or fetch Fashion-MNIST and verify it
	@$(PY) -m fmclust.data || { command -v apt-get >/dev/null && $(MAKE) --no-print-directory debian-data && $(PY) -m fmclust.data; }

# Debian's package of the same files, below data/ and without root, for where only apt gets out.
.PHONY: debian-data
debian-data:
	mkdir -p $(DEBIAN)/lists/partial $(DEBIAN)/cache/archives/partial data/FashionMNIST/raw
	cd $(DEBIAN) && for task in update 'download dataset-fashion-mnist'; do \
		apt-get -qq -o Dir::State::Lists="$$PWD/lists" -o Dir::Cache="$$PWD/cache" \
			-o Debug::NoLocking=1 -o APT::Sandbox::User=root $$task || exit 1; done
	dpkg-deb -x $(DEBIAN)/dataset-fashion-mnist_*.deb $(DEBIAN)/files
	for file in $(DEBIAN)/files/usr/share/datasets/fashion-mnist/*.gz; do \
		gunzip -c "$$file" > data/FashionMNIST/raw/.partial || exit 1; \
		mv data/FashionMNIST/raw/.partial "data/FashionMNIST/raw/$$(basename "$$file" .gz)"; done
	rm -rf $(DEBIAN)

tb: .venv/.installed  ## TensorBoard over outputs/; PORT=... where the next free one won't do
	@$(PY) -m tensorboard.main --logdir outputs $(if $(PORT),--port $(PORT)) || \
		{ echo "TensorBoard ended: if the port is taken, type make tb, which finds a free one." >&2; exit 2; }

sweep: data  ## the paper's numbers of epochs, two seeds each; ARGS="..." adds overrides
	$(PY) -m fmclust.train -m trainer.max_epochs=5,15,45 seed=0,1 'cluster=[kmeans,gmm]' $(ARGS)

reproduce: data  ## the paper's parts over ten seeds beside its numbers (hours; goes on where it was)
	$(PY) -m fmclust.reproduce seeds=10 $(ARGS)

bench: data  ## speed, measured side by side, into benchmarks/RESULTS.md (about an hour)
	$(PY) -m pip install -q -c constraints.txt -e '.[bench]'
	$(PY) -m benchmarks

docs: .venv/.installed  ## the site of docs/, into site/
	$(PY) -m pip install -q -c constraints.txt -e '.[docs]'
	$(PY) docs/diagram.py
	$(PY) docs/tables.py
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict

clean:  ## delete the environment and caches; data/ and outputs/ stay
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage* dist site

# Modules are compiled on all cores; pip would use one. A few are for other versions of Python and
# can't be compiled.
.venv/.installed: pyproject.toml constraints.txt
	python3 -m venv .venv
	$(PY) -m pip install --no-compile -c constraints.txt -e '.[dev]'
	$(PY) -m compileall -qq -j 0 .venv/lib || true
	touch $@
