# SPDX-License-Identifier: GPL-2.0-or-later
#
# The commands of this repository, for users, packagers and developers.  Only a
# front: the work is done by scripts/, which can be run by themselves as well.
#
# Values that a user gives reach the scripts through the environment and are
# never pasted into a shell line, so that spaces and quotes in them are safe.

LINE ?= 10.0
BUILD ?= build
PREFIX ?= /usr/local

export LINE BUILD PREFIX DESTDIR QEMU_SRC QEMU_TARBALL
export PYTHON CONFIGURE_FLAGS FIRMWARE_PATH JOBS MIN_FREE_MB
export MODEL MACHINE ACCEL FORMAT SMP FEATURE FUZZ FUZZ_SECONDS PART WITHOUT
# Empty is not the same as not given: it leaves out what the build remembers.
ifneq ($(origin CPU_TABLES),undefined)
export CPU_TABLES
endif

# What a user may set on the command line of make
variables := LINE BUILD PREFIX DESTDIR QEMU_SRC QEMU_TARBALL PYTHON CONFIGURE_FLAGS \
    FIRMWARE_PATH JOBS MIN_FREE_MB MODEL MACHINE ACCEL FORMAT SMP FEATURE CPU_TABLES FUZZ \
    FUZZ_SECONDS PART WITHOUT CHECK_SEED CHECK_RANDOM CHECK_HOST CHECK_DRAW CHECK_END
unknown := $(filter-out $(variables) MAKE MAKEFLAGS SHELL .SHELLFLAGS,$(foreach name,$(.VARIABLES),\
    $(if $(filter command override,$(word 1,$(origin $(name)))),$(name))))
quoted := '$(subst ','\'',$(firstword $(unknown)))'
# Below another make, it is that one's that was told.
ifeq ($(MAKELEVEL)$(if $(unknown),+),0+)
$(error $(shell scripts/near-variable $(quoted) $(variables)))
endif

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
# One recipe's lines run in order, and the scripts lock the build directory;
# ninja takes the processors itself.
.NOTPARALLEL:
.PHONY: all run dump golden history check check-all check-full lines-report lint release-models \
    layers fuzz dist install export clean distclean help line

all:
	@scripts/bootstrap build
	@scripts/qemu-tree prepare
	@scripts/qemu-build build
	@echo "ready: $$BUILD/$$LINE/qemu-system-x86_64"

# A wrong FORMAT is reported before anything is built: --help comes after it.
# Python may not be installed yet.
check_format = [ -z "$$FORMAT" ] || [ ! -x /usr/bin/python3 ] || \
    PYTHONDONTWRITEBYTECODE=1 scripts/$(1) --format "$$FORMAT" --help >/dev/null

# stdout is for the answer (FORMAT=json), so the build speaks on stderr.  That
# a CPU does not run here is an answer, and no error of make's.
run:
	@$(call check_format,x86-cpu-removed)
	@$(MAKE) --no-print-directory all >&2
	@set -- --exit-zero; \
	for arg in MODEL MACHINE ACCEL FORMAT SMP; do \
	    eval "value=\$$$$arg"; \
	    [ -z "$$value" ] || set -- "$$@" "--$$(echo $$arg | tr A-Z a-z)" "$$value"; \
	done; \
	PYTHONPATH="$$BUILD/qemu-$$LINE/python$${PYTHONPATH:+:$$PYTHONPATH}" \
	    exec scripts/x86-cpu-removed --qemu "$$BUILD/$$LINE/qemu-system-x86_64" "$$@"

dump:
	@$(call check_format,x86-cpu-dump)
	@$(MAKE) --no-print-directory all >&2
	@set -- --cpu "$${MODEL:-Skylake-Server-v4}"; \
	for arg in MACHINE ACCEL FORMAT; do \
	    eval "value=\$$$$arg"; \
	    [ -z "$$value" ] || set -- "$$@" "--$$(echo $$arg | tr A-Z a-z)" "$$value"; \
	done; \
	PYTHONPATH="$$BUILD/qemu-$$LINE/python$${PYTHONPATH:+:$$PYTHONPATH}" \
	    exec scripts/x86-cpu-model-dump --qemu "$$BUILD/$$LINE/qemu-system-x86_64" "$$@"

# The only way to renew the golden data.
golden: all
	@tables=$$(scripts/qemu-tree site-tables) || exit; \
	PYTHONPATH="$$BUILD/qemu-$$LINE/python$${PYTHONPATH:+:$$PYTHONPATH}" \
	    exec scripts/x86-cpu-golden write --line "$$LINE" \
	    $${tables:+--cpu-tables "$$tables"} \
	    --qemu "$$BUILD/$$LINE/qemu-system-x86_64"

# From the file of all CPU models, which the build writes.  The build also makes
# the program, so the format is checked by a script that has the same formats.
history:
	@$(call check_format,x86-cpu-removed)
	@$(MAKE) --no-print-directory all >&2
	@set --; \
	for arg in MODEL FEATURE ACCEL FORMAT; do \
	    eval "value=\$$$$arg"; \
	    [ -z "$$value" ] || set -- "$$@" "--$$(echo $$arg | tr A-Z a-z)" "$$value"; \
	done; \
	exec scripts/x86-cpu history --models "$$BUILD/$$LINE/qemu-cpu-models.json" "$$@"

check: all
	@scripts/bootstrap check
	@scripts/check --line "$$LINE"

# Every line: all builds first, for tests that compare lines.
lines := $(sort $(notdir $(patsubst %/base,%,$(wildcard patches/*/base))))
check-all:
	@for line in $(lines); do $(MAKE) --no-print-directory LINE="$$line" all || exit; done
	@scripts/bootstrap check
	@scripts/check $(lines:%=--line %)

# PART=name runs one part again; without it, those that have not passed on this
# checkout.  A wrong name is told before anything is built.
check-full: line
	@scripts/bootstrap check
	@scripts/check --line "$$LINE" --full --part "$$PART" --list-parts >/dev/null
	@scripts/bootstrap fuzz
	@scripts/bootstrap full
	@$(MAKE) --no-print-directory all
	@scripts/check --line "$$LINE" --full --part "$$PART"

# Compares the builds of both lines.
lines-report:
	@for line in $(lines); do $(MAKE) --no-print-directory LINE="$$line" all || exit; done
	@scripts/bootstrap check
	@build=$$(realpath "$$BUILD") && guest=$$build/11.1/tests/guest && \
	make -s -C tests/guest OUT="$$guest" && \
	GUEST_BUILD="$$guest" PYTHONPATH="$$build/qemu-10.0/python$${PYTHONPATH:+:$$PYTHONPATH}" \
	    exec scripts/lines-report

lint: line
	@scripts/bootstrap check
	@scripts/qemu-tree prepare
	@scripts/lint --line "$$LINE"

# From now on they never change: commit what it writes.
release-models: line
	@scripts/bootstrap build
	@scripts/qemu-tree prepare
	@scripts/release-models

# From now on they never change, and later lines have their CPUs: commit what it
# writes.
layers: all
	@tables=$$(scripts/qemu-tree site-tables) || exit; \
	set -- --directory target-i386-ext/tables/machines; \
	[ -z "$$tables" ] || set -- --site --directory "$$tables/machines"; \
	PYTHONPATH="$$BUILD/qemu-$$LINE/python$${PYTHONPATH:+:$$PYTHONPATH}" \
	    exec scripts/machine-layers --line "$$LINE" \
	    --qemu "$$BUILD/$$LINE/qemu-system-x86_64" "$$@"

# Takes the kinds that scripts/fuzz --help names, else all of them.
fuzz: all
	@scripts/bootstrap fuzz
	@scripts/fuzz $$FUZZ

dist: line
	@scripts/bootstrap build
	@scripts/qemu-tree prepare
	@scripts/dist

install: all
	@scripts/bootstrap install
	@scripts/qemu-build install

# Commits made in build/qemu-LINE become patches/LINE/.
export: line
	@scripts/qemu-tree export

clean: line
	@scripts/qemu-build clean

# Of every line, and only what was made here: BUILD may hold other things.
distclean: line
	@for base in patches/*/base; do \
	    line=$${base#patches/}; line=$${line%/base}; \
	    scripts/qemu-tree --line "$$line" wipe && scripts/qemu-build --line "$$line" clean || exit; \
	done
	@case $$BUILD in /*) ;; *) BUILD=./$$BUILD ;; esac; unset CDPATH; \
	cd "$$BUILD" && rm -rf apt check-full cross download fresh fuzz log lock tool
	@rmdir "$$BUILD" 2>/dev/null || :
	@rm -rf dist

line:
	@scripts/qemu-tree line

help:
	@echo 'make              install what is needed, get QEMU, patch it, build it'
	@echo 'make run          what a CPU model would be here, what is removed, and why'
	@echo '                  [MODEL=] [MACHINE=] [ACCEL=kvm|tcg] [SMP=] [FORMAT=json]'
	@echo 'make dump         write a CPU down completely, for -cpu, -readconfig, libvirt'
	@echo '                  [MODEL=] [MACHINE=] [ACCEL=kvm|tcg] [FORMAT=table|cpu|json|...]'
	@echo 'make history      was a feature ever in a CPU model, and on which machine types'
	@echo '                  [MODEL=] [FEATURE=] [ACCEL=tcg|kvm-intel|kvm-amd] [FORMAT=json]'
	@echo 'make golden       renew the golden data, and say what changed'
	@echo 'make check        lints and tests'
	@echo 'make check-all    the same for every release line'
	@echo 'make check-full   also the exhaustive tests, in parts that have not passed yet [PART=]'
	@echo 'make lines-report   what guests see differently on 10.0 and 11.1, a document'
	@echo 'make lint         only the lints'
	@echo 'make layers       record what machine types set on CPUs, and lock it'
	@echo 'make release-models   release the versions of CPU models in tables: fix them'
	@echo 'make fuzz         fuzz QEMU with sanitizers and the table generator, for'
	@echo '                  FUZZ_SECONDS=600, and tests [FUZZ="qmp cpu ..."]'
	@echo 'make dist         the series for a package of QEMU, in dist/'
	@echo '                  [WITHOUT=performance]'
	@echo 'make install      PREFIX=/usr/local DESTDIR='
	@echo 'make export       commits in the tree (see scripts/qemu-tree help) to patches/'
	@echo 'make clean        remove the objects; make distclean: everything that was made'
	@echo
	@echo 'LINE=10.0         the QEMU release line'
	@echo 'BUILD=build       the build directory'
	@echo 'CPU_TABLES=dir    CPU models of your own, see docs/cpu-model-tables.rst; the build'
	@echo '                  remembers it, CPU_TABLES= leaves them out again'
	@echo 'QEMU_SRC=dir, QEMU_TARBALL=file   your own QEMU source'
	@echo 'CONFIGURE_FLAGS=, PYTHON=, FIRMWARE_PATH=, JOBS=   see scripts/qemu-build help'
