# hostingpi: plain, non-recursive, objects out of tree in build/VARIANT/.
# User flags (CFLAGS, CPPFLAGS, LDFLAGS) are appended, never replaced. V=1 shows the commands.

PREFIX     ?= /usr/local
SBINDIR    ?= $(PREFIX)/sbin
BINDIR     ?= $(PREFIX)/bin
MANDIR     ?= $(PREFIX)/share/man
SYSCONFDIR ?= /etc
UNITDIR    ?= /lib/systemd/system
UDEVDIR    ?= /lib/udev/rules.d
PKG_CONFIG ?= pkg-config
CC         ?= cc
# From the file that `make dist` put into the tarball, whatever repository that lies in; from git; a clone without
# tags has the number that comes next and its commit.
VERSION    := $(patsubst v%,%,$(shell cat VERSION 2>/dev/null || git describe --tags --dirty 2>/dev/null || \
	echo $$(sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)-dev$$(git describe --always --dirty 2>/dev/null | sed 's/^/+/')))

VARIANT    ?= plain
BUILD      := build/$(VARIANT)
Q          := $(if $(V),,@)
say         = @printf '  %-7s %s\n' '$(1)' '$(2)'

WARNINGS   := -Wall -Wextra -Wconversion -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wformat=2 -Wvla -Wundef
WERROR     ?= $(if $(CI),-Werror,)
HARDENING  := -fstack-protector-strong -D_FORTIFY_SOURCE=2
OPT        := -O2 -g $(HARDENING)
ifeq ($(VARIANT),san)
OPT        := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
endif
ifeq ($(VARIANT),fuzz)
CC         := clang
OPT        := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all
endif

LIBS_DAEMON := libuv libmosquitto openssl inih libcjson
base_cflags  = -std=c17 $(OPT) $(WARNINGS) $(WERROR) -fPIE
base_cpp     = -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 -I. -MMD -MP
pkg_cflags  := $(shell $(PKG_CONFIG) --cflags $(LIBS_DAEMON) 2>/dev/null)
pkg_libs    := $(shell $(PKG_CONFIG) --libs $(LIBS_DAEMON) 2>/dev/null) -lsensors -lhttp_parser
compile      = $(CC) $(base_cflags) $(base_cpp) $(pkg_cflags) $(CPPFLAGS) $(CFLAGS)
link         = $(CC) $(OPT) -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(CFLAGS) $(LDFLAGS)

# The posting program has libraries of its own: the daemon must never link these.
LIBS_POST  := libcurl oauth libcjson inih
post_cflags := $(shell $(PKG_CONFIG) --cflags $(LIBS_POST) 2>/dev/null)
post_libs  := $(shell $(PKG_CONFIG) --libs $(LIBS_POST) 2>/dev/null) -lunistring -lresolv
POST_SRC   := $(filter-out notifiers/post/main.c,$(wildcard notifiers/post/*.c))

# The two tables (collectors/collectors.c, notifiers/notifiers.c) are the feature switch: everything
# else goes into an archive, and a module without a row in its table is not linked.
MODULE_SRC := $(filter-out collectors/collectors.c notifiers/notifiers.c notifiers/commands.c,$(wildcard collectors/*.c notifiers/*.c))

AGENT_SRC  := $(filter-out agent/main.c,$(wildcard agent/*.c))
LIB_SRC    := $(AGENT_SRC) $(MODULE_SRC)
TABLE_SRC  := collectors/collectors.c notifiers/notifiers.c
# hostingpictl has a table of its own: the commands that talk to the broker.
CTL_SRC    := $(wildcard agent/ctl/*.c) notifiers/commands.c
UNIT_SRC   := $(wildcard tests/unit/test-*.c)
UNIT_AUX   := $(filter-out $(UNIT_SRC),$(wildcard tests/unit/*.c))
FUZZ_SRC   := $(wildcard tests/fuzz/fuzz-*.c)
SIM_SRC    := $(wildcard tests/sim/*.c)

POST_BIN   := $(patsubst tests/post/%.c,$(BUILD)/post/%,$(wildcard tests/post/*.c))

obj         = $(patsubst %.c,$(BUILD)/%.o,$(1))
LIB         = $(BUILD)/libhostingpi.a
LIB_POST    = $(BUILD)/libhostingpi-post.a
UNIT_BIN    = $(UNIT_SRC:tests/unit/%.c=$(BUILD)/tests/%)
FUZZ_BIN    = $(FUZZ_SRC:tests/fuzz/%.c=$(BUILD)/fuzz/%)

.PHONY: all
all: $(BUILD)/hostingpid $(BUILD)/hostingpictl $(BUILD)/hostingpi-post ## build the programs
	@:

$(BUILD)/%.o: %.c Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(compile) -c -o $@ $<

# Rewritten only when the version is another one, so that only this object is built anew.
$(BUILD)/version: FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' >$@

.PHONY: FORCE
$(BUILD)/agent/version.o: $(BUILD)/version
$(BUILD)/agent/version.o: base_cpp += -DHOSTINGPI_VERSION='"$(VERSION)"'

$(LIB): $(call obj,$(LIB_SRC))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(LIB_POST): $(call obj,$(POST_SRC))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/hostingpid: $(call obj,agent/main.c $(TABLE_SRC)) $(LIB)
	$(call say,LINK,$@)
	$(Q)$(link) -o $@ $^ $(pkg_libs) -pthread

$(BUILD)/hostingpi-post: $(call obj,notifiers/post/main.c) $(LIB_POST) $(LIB)
	$(call say,LINK,$@)
	$(Q)$(link) -o $@ $^ $(post_libs)

$(BUILD)/hostingpictl: $(call obj,$(CTL_SRC)) $(LIB)
	$(call say,LINK,$@)
	$(Q)$(link) -o $@ $^ $(pkg_libs) -pthread

$(BUILD)/tests/%: $(BUILD)/tests/unit/%.o $(call obj,$(UNIT_AUX)) $(LIB)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(link) -o $@ $^ $(pkg_libs) -lcmocka -pthread

$(BUILD)/post/%: $(BUILD)/tests/post/%.o $(LIB_POST) $(LIB)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(link) -o $@ $^ $(post_libs)

$(BUILD)/post/drive: $(BUILD)/tests/post/drive.o $(LIB)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(link) -o $@ $^ $(pkg_libs)

# Of two rules that fit, make takes the one with the shorter stem.
$(BUILD)/tests/test-post-%: $(BUILD)/tests/unit/test-post-%.o $(LIB_POST) $(LIB)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(link) -o $@ $^ $(post_libs) -lcmocka

$(BUILD)/fuzz/fuzz-post-%: $(BUILD)/tests/fuzz/fuzz-post-%.o $(LIB_POST) $(LIB)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(link) -fsanitize=fuzzer -o $@ $^ $(post_libs)

$(BUILD)/fuzz/%: $(BUILD)/tests/fuzz/%.o $(LIB)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(link) -fsanitize=fuzzer -o $@ $^ $(pkg_libs) -pthread

$(BUILD)/sim/hostingpi-sim: $(call obj,$(SIM_SRC) $(TABLE_SRC)) $(LIB)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(link) -o $@ $^ $(pkg_libs) -lm -pthread

# What is announced to Home Assistant, for the lab: the tables are linked, so it tells of every reading.
$(BUILD)/lab/discovery: $(call obj,tests/lab/discovery.c $(TABLE_SRC)) $(LIB)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(link) -o $@ $^ $(pkg_libs) -pthread

# The status page of scenes that never were, for the lab and for its pictures.
$(BUILD)/lab/page: $(call obj,tests/lab/page.c) $(LIB)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(link) -o $@ $^ $(pkg_libs) -pthread

# The model's tables and pictures are tested without the model.
$(BUILD)/tests/test-sim-report: $(call obj,$(addprefix tests/sim/,report.c stats.c svg.c quantity.c plot.c plot_overview.c))
$(BUILD)/tests/test-sim-report: pkg_libs += -lm

-include $(shell find $(BUILD) -name '*.d' -type f 2>/dev/null)

# Objects of test programs are no by-products: keep them.
.SECONDARY:

PYTHON       ?= /usr/bin/python3
FUZZ_SECONDS ?= 60
# Strict: everything that a sanitizer can find ends the test program.
SAN_ENV := ASAN_OPTIONS=strict_string_checks=1:detect_stack_use_after_return=1:check_initialization_order=1:strict_init_order=1:detect_leaks=1 \
	UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
# A fresh build uses all processors unless the caller said how many.
submake = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

.PHONY: deps deps-test goldens screenshots leads sim sim-short run check check-san check-lab check-mqtt check-node-red check-post-random
.PHONY: check-vm check-vm-long check-vm-faults check-vm-lvs check-guest check-boot vm-programs fuzz fuzz-programs test lint format
.PHONY: bench bench-loop bench-storm bench-web bench-fleet bench-stall bench-payload bench-post bench-junk bench-programs
.PHONY: soak check-ports install uninstall dist deb check-deb clean help

deps: ## install with apt what building needs (deps-test: what the demonstration and the tests need)
	@sh tests/deps.sh build

deps-test:
	@sh tests/deps.sh build run test vm

run: ## the demonstration: broker, balancer, web server and agent on loopback (ONCE=1: by script)
	@sh tests/deps.sh build run
	+@$(submake) all
	@exec env HOSTINGPI_BUILD=$(BUILD) $(PYTHON) -B tests/demo/run.py

check: all $(UNIT_BIN) ## unit and scenario tests (T=name for one, WRAP=program around each)
	@HOSTINGPI_BUILD=$(BUILD) T='$(T)' WRAP='$(WRAP)' sh tests/check.sh $(if $(filter san,$(VARIANT)),check-san,check) $(sort $(UNIT_BIN))

check-san: ## the same with address and undefined-behaviour sanitizers, and 6 s of each fuzz target
	+@$(SAN_ENV) $(submake) VARIANT=san check
	+@$(if $(T),,$(submake) FUZZ_SECONDS=6 fuzz)

check-lab: all $(BUILD)/sim/hostingpi-sim $(BUILD)/lab/discovery $(BUILD)/lab/page $(BUILD)/bench/fleet $(BUILD)/bench/fleet_watch $(POST_BIN) ## with real broker, balancer and web servers (T=name for one, PYTEST=options)
	@exec env HOSTINGPI_BUILD=$(BUILD) sh tests/check-lab.sh $(PYTHON) $(if $(T),-k '$(T)') $(PYTEST)

# Cross-compiled by the script, in folders of their own; a compiler is chosen there.
check-ports: ## the unit tests as arm64, armhf, armv6 or i386 programs under qemu-user (ARCH=, T=test, SHORT=1: a selection)
	@sh tests/deps.sh ports
	@env -u MAKEFLAGS -u MFLAGS -u MAKEOVERRIDES T='$(T)' SHORT='$(SHORT)' SUITE='$(SUITE)' sh tests/ports/check.sh $(if $(filter command line environment,$(origin ARCH)),$(ARCH),arm64)

check-node-red: all ## dashboard/node-red in a real Node-RED, where there is one (NODE_RED=program)
	@exec env HOSTINGPI_BUILD=$(BUILD) NODE_RED='$(NODE_RED)' $(PYTHON) -B tests/lab/check_node_red.py

check-mqtt: all ## MQTT with real faults of broker, network, names and certificates (a quarter of an hour; T=fault, QUICK=1, JSON=file)
	@sh tests/deps.sh build run test
	@exec env HOSTINGPI_BUILD=$(BUILD) $(PYTHON) -B tests/mqtt/run.py $(if $(T),--only '$(T)') $(if $(QUICK),--short) $(if $(JSON),--json '$(JSON)')

RUNS ?= 1000

check-post-random: all $(POST_BIN) ## messages through the outbox amid random faults, and each one's fate (two minutes; RUNS=n)
	@exec env HOSTINGPI_BUILD=$(BUILD) $(PYTHON) -B tests/post/faulty.py $(RUNS) --fates $(BUILD)/post/fates

screenshots: $(BUILD)/lab/page $(BUILD)/hostingpictl ## pictures of the status page and of hostingpictl watch in build/screenshots (DOCS=1: those of the README, too)
	@env HOSTINGPI_BUILD=$(BUILD) PYTHONPATH=tests/lab $(PYTHON) -B tests/lab/page_pictures.py build/screenshots $(if $(DOCS),docs)
	@env HOSTINGPI_BUILD=$(BUILD) $(PYTHON) -B tests/lab/terminal_picture.py $(if $(DOCS),docs,build/screenshots)/watch.svg

goldens: all ## write anew what hostingpid says about the boards in tests/roots, and show what changed
	@env HOSTINGPI_BUILD=$(BUILD) PYTHONPATH=tests/lab $(PYTHON) -B tests/lab/goldens.py

# Seeds 1 to 190 were seen while the law was tuned; what is reported comes from others.
SIM_SEEDS ?= 191-220
sim_run    = $(BUILD)/sim/hostingpi-sim --jobs $(shell nproc) $(if $(T),$(wildcard tests/sim/scenarios/*$(T)*.scn),$(wildcard tests/sim/scenarios/*.scn))

sim: $(BUILD)/sim/hostingpi-sim ## the law against others in the closed-loop model: table, CSV, plots (T=scenario, SIM_SEEDS=A-B)
	@mkdir -p $(BUILD)/sim/plots
	@$(sim_run) --seeds $(SIM_SEEDS) --csv $(BUILD)/sim/runs.csv --plots $(BUILD)/sim/plots
	@echo "runs: $(BUILD)/sim/runs.csv, pictures: $(BUILD)/sim/plots"

sim-short: $(BUILD)/sim/hostingpi-sim ## the same with three seeds and the laws that matter
	@$(sim_run) --seeds 191-193 --law none --law static --law reference --law ours --law oracle

leads: all ## how early the agent would have spoken on the recorded machines
	@$(PYTHON) -B tests/traces/leads.py $(BUILD)/hostingpid

fuzz: ## every parser of outside input, FUZZ_SECONDS each (default 60; T=name for one)
	+@$(submake) VARIANT=fuzz fuzz-programs
	@FUZZ_SECONDS=$(FUZZ_SECONDS) T='$(T)' sh tests/fuzz.sh $(sort $(FUZZ_SRC:tests/fuzz/%.c=build/fuzz/fuzz/%))

fuzz-programs: $(FUZZ_BIN)

# The cheap stages come first. Every stage runs, whatever became of the one before; the summary comes last.
STAGES := lint check check-san check-lab check-vm

test: ## everything that must hold before a change goes in; installs what is missing
	@sh tests/deps.sh build run test vm
	@rm -rf build/summary && mkdir -p build/summary
	+@broken=; for stage in $(STAGES); do \
		began=$$(date +%s); $(submake) CI=1 $$stage || broken="$$broken $$stage"; \
		echo "$$stage: took $$(($$(date +%s) - began)) s" >>build/summary/times; \
	done; cat build/summary/*; \
	if [ "$$broken" ]; then echo "test: FAILED:$$broken"; exit 1; else echo "test: PASSED"; fi

bench: ## footprint and latency against other programs here (QUICK=1: short form, JSON=file)
	@sh tests/deps.sh build run bench
	+@$(submake) all bench-programs
	@exec env HOSTINGPI_BUILD=$(BUILD) $(PYTHON) -B tests/bench/run.py $(if $(QUICK),--quick) $(if $(JSON),--json '$(JSON)')

bench-loop: ## how long a change of memory takes to become a weight in HAProxy (QUICK=1, JSON=file)
	@sh tests/deps.sh build run
	+@$(submake) all bench-programs
	@exec env HOSTINGPI_BUILD=$(BUILD) $(PYTHON) -B tests/bench/run.py --only D $(if $(QUICK),--quick) $(if $(JSON),--json '$(JSON)')

bench-storm: ## what 100,000 kernel lines in a second cost and lose (KMSG=1, as root: in the real /dev/kmsg as well; JSON=file)
	@sh tests/deps.sh build run
	+@$(submake) all bench-programs
	@exec env HOSTINGPI_BUILD=$(BUILD) KMSG='$(KMSG)' $(PYTHON) -B tests/bench/run.py --only E $(if $(JSON),--json '$(JSON)')

bench-web: ## the request rate of real web servers against that of wrk, logs rotated meanwhile (QUICK=1, JSON=file)
	@sh tests/deps.sh build run bench
	+@$(submake) all
	@exec env HOSTINGPI_BUILD=$(BUILD) $(PYTHON) -B tests/bench/web_rate.py $(if $(QUICK),--quick) $(if $(JSON),--json '$(JSON)')

bench-fleet: ## 10, 100 and 1,000 agents on one broker, which then goes away (QUICK=1, JSON=file)
	@sh tests/deps.sh build run
	+@$(submake) all bench-programs
	@exec env HOSTINGPI_BUILD=$(BUILD) $(PYTHON) -B tests/bench/run.py --only F $(if $(QUICK),--quick) $(if $(JSON),--json '$(JSON)')

bench-stall: ## processor time while the broker is in trouble, against calm, ten minutes (QUICK=1: 30 s, JSON=file)
	@sh tests/deps.sh build run bench
	+@$(submake) all bench-programs
	@exec env HOSTINGPI_BUILD=$(BUILD) $(PYTHON) -B tests/bench/run.py --only G $(if $(QUICK),--quick) $(if $(JSON),--json '$(JSON)')

bench-payload: ## bytes and packets of a sample against collectd and the formats of Telegraf (QUICK=1, JSON=file)
	@sh tests/deps.sh build run bench
	+@$(submake) all bench-programs
	@exec env HOSTINGPI_BUILD=$(BUILD) $(PYTHON) -B tests/bench/run.py --only H $(if $(QUICK),--quick) $(if $(JSON),--json '$(JSON)')

bench-junk: ## 10,000 junk connections at both ports while two HAProxys poll, a minute (as root; QUICK=1, JSON=file)
	@sh tests/deps.sh build run
	+@$(submake) all
	@exec env HOSTINGPI_BUILD=$(BUILD) $(PYTHON) -B tests/bench/junk.py $(if $(QUICK),--quick) $(if $(JSON),--json '$(JSON)')

bench-post: ## what a post costs: memory of the agent and of the poster, time (QUICK=1, JSON=file)
	@sh tests/deps.sh build run test
	+@$(submake) all
	@exec env HOSTINGPI_BUILD=$(BUILD) $(PYTHON) -B tests/bench/post.py $(if $(QUICK),--quick) $(if $(JSON),--json '$(JSON)')

SOAK_HOURS ?= 2

soak: all ## everything on, for hours, while one thing after another goes wrong (as root; SOAK_HOURS=0.05, SEED=, JSON=file)
	@sh tests/deps.sh build run test
	@exec env HOSTINGPI_BUILD=$(BUILD) $(PYTHON) -B tests/soak/run.py --hours $(SOAK_HOURS) $(if $(SEED),--seed '$(SEED)') $(if $(JSON),--json '$(JSON)') $(if $(PRELOAD),--preload '$(PRELOAD)')

bench-programs: $(BUILD)/bench/bare $(BUILD)/bench/idle $(BUILD)/bench/fleet $(BUILD)/bench/fleet_watch

$(BUILD)/bench/bare: $(BUILD)/tests/bench/bare.o
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(link) -o $@ $^

$(BUILD)/bench/idle: $(BUILD)/tests/bench/idle.o
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(link) -o $@ $^ $(pkg_libs)

$(BUILD)/bench/fleet: $(call obj,tests/bench/fleet.c tests/bench/fleet_agent.c) $(LIB)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(link) -o $@ $^ $(pkg_libs) -pthread

$(BUILD)/bench/fleet_watch: $(BUILD)/tests/bench/fleet_watch.o
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(link) -o $@ $^

# The guest's own programs are static; tests/vm/image.py calls this with the cross-compiler.
VM_BIN := $(patsubst tests/vm/%.c,$(BUILD)/vm/%,$(wildcard tests/vm/*.c))

check-vm: ## a real kernel in QEMU: web server without and with the agent, then two faults of its SD card (four minutes)
	@sh tests/deps.sh build run vm || true
	@$(PYTHON) -B tests/vm/run.py $(VM); memory=$$?; [ $$memory -le 1 ] || exit $$memory; \
	$(if $(VM),exit,$(PYTHON) -B tests/vm/faults.py --short && exit) $$memory

check-vm-long: ## the memory half of it with many runs of all arms and statistics (70 minutes; goes on where it was ended)
	@sh tests/deps.sh build run vm
	@exec $(PYTHON) -B tests/vm/run.py --long $(VM)

check-vm-faults: ## all faults of its SD card: what was told outside, and when (three minutes; T=arm for one)
	@sh tests/deps.sh build run vm
	@exec $(PYTHON) -B tests/vm/faults.py $(if $(T),--arms '$(T)') $(VM)

check-guest: ## the arm64 packages on a full Debian with systemd in QEMU, seen from outside (as root; SHORT=1, DEBS=folder, T=check)
	@sh tests/deps.sh build run vm deb
	+@$(if $(DEBS),,$(submake) deb ARCH=arm64)
	@exec $(PYTHON) -B tests/guest/check_guest.py $(if $(SHORT),--short) $(if $(DEBS),--debs '$(DEBS)') $(if $(T),--only '$(T)')

check-boot: all ## the unit under a real systemd as process 1, in namespaces (as root; two to three minutes; LONG=1, DEBS=folder, T=check)
	@sh tests/deps.sh run boot
	@exec $(PYTHON) -B tests/boot/check_boot.py --build $(BUILD) $(if $(LONG),--long) $(if $(DEBS),--debs '$(DEBS)') $(if $(T),--only '$(T)')

check-vm-lvs: ## real keepalived moves real LVS weights in QEMU (two minutes; not part of make test)
	@sh tests/deps.sh build run vm
	@exec $(PYTHON) -B tests/vm/lvs.py

vm-programs: $(VM_BIN)

$(BUILD)/vm/%: $(BUILD)/tests/vm/%.o
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(OPT) -static $(CFLAGS) $(LDFLAGS) -o $@ $<

lint: ## layout, borders between the parts, sizes, scripts, manual pages
	@sh tests/lint.sh

format: ## lay out all C files (clang-format)
	@clang-format -i $(shell find agent collectors notifiers tests -name '*.[ch]')

# Copies files, nothing else: no service is enabled, no user is made (README says how). A
# configuration that is there already stays.
COMPDIR      ?= $(PREFIX)/share/bash-completion/completions
SYSUSERSDIR  ?= /usr/lib/sysusers.d
TMPFILESDIR  ?= /usr/lib/tmpfiles.d
MAN_PAGES    := $(wildcard man/*.[1-9])
ZSHCOMPDIR   ?= $(PREFIX)/share/zsh/site-functions
COMPLETIONS  := hostingpid hostingpictl hostingpi-post
man_target    = $(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(1)))/$(notdir $(1))
CONFIG        = $(DESTDIR)$(SYSCONFDIR)/hostingpi/hostingpi.conf
# README and what it links to. The pictures in docs/ are for those who have not installed it yet.
DOCDIR       ?= $(PREFIX)/share/doc/hostingpi
# Modes as they are: scripts stay executable.
DOCS         := README.md CHANGELOG.md $(wildcard docs/*.md) $(shell find examples dashboard -type f | LC_ALL=C sort)

install: all ## copy programs, manual pages, unit, udev rule, completion, documents, examples, dashboards and sample configuration (DESTDIR, PREFIX)
	$(call say,INSTALL,$(DESTDIR)$(PREFIX) $(DESTDIR)$(UNITDIR) $(CONFIG))
	$(Q)install -D -m 755 $(BUILD)/hostingpid $(DESTDIR)$(SBINDIR)/hostingpid
	$(Q)install -D -m 755 $(BUILD)/hostingpictl $(DESTDIR)$(BINDIR)/hostingpictl
	$(Q)install -D -m 755 $(BUILD)/hostingpi-post $(DESTDIR)$(SBINDIR)/hostingpi-post
	$(Q)$(foreach page,$(MAN_PAGES),install -D -m 644 $(page) $(call man_target,$(page)) && ):
	$(Q)install -d $(DESTDIR)$(UNITDIR)
	$(Q)sed 's|@SBINDIR@|$(SBINDIR)|g;s|@BINDIR@|$(BINDIR)|g' systemd/hostingpid.service >$(DESTDIR)$(UNITDIR)/hostingpid.service
	$(Q)chmod 644 $(DESTDIR)$(UNITDIR)/hostingpid.service
	$(Q)install -D -m 644 systemd/hostingpi.sysusers $(DESTDIR)$(SYSUSERSDIR)/hostingpi.conf
	$(Q)install -D -m 644 systemd/hostingpi.tmpfiles $(DESTDIR)$(TMPFILESDIR)/hostingpi.conf
	$(Q)install -D -m 644 systemd/60-hostingpi.rules $(DESTDIR)$(UDEVDIR)/60-hostingpi.rules
	$(Q)$(foreach name,$(COMPLETIONS),install -D -m 644 completion/$(name).bash $(DESTDIR)$(COMPDIR)/$(name) && ):
	$(Q)$(foreach name,$(COMPLETIONS),install -D -m 644 completion/_$(name) $(DESTDIR)$(ZSHCOMPDIR)/_$(name) && ):
	$(Q)$(foreach file,$(DOCS),install -D -m $(if $(shell test -x $(file) && echo yes),755,644) $(file) $(DESTDIR)$(DOCDIR)/$(file) && ):
	$(Q)install -d $(CONFIG).d
	$(Q)test -e $(CONFIG) || install -D -m 644 systemd/hostingpi.conf $(CONFIG)
	$(Q)$(if $(DESTDIR),:,echo "Next: docs/install.md, From source (user, udev rule, systemctl enable --now hostingpid)")

uninstall: ## remove what install copied; a configuration that was changed stays
	$(call say,UNINSTALL,$(DESTDIR)$(PREFIX) $(DESTDIR)$(UNITDIR) $(CONFIG))
	$(Q)rm -f $(DESTDIR)$(SBINDIR)/hostingpid $(DESTDIR)$(SBINDIR)/hostingpi-post $(DESTDIR)$(BINDIR)/hostingpictl
	$(Q)rm -f $(foreach page,$(MAN_PAGES),$(call man_target,$(page)))
	$(Q)rm -f $(DESTDIR)$(UNITDIR)/hostingpid.service $(DESTDIR)$(SYSUSERSDIR)/hostingpi.conf
	$(Q)rm -f $(DESTDIR)$(TMPFILESDIR)/hostingpi.conf $(DESTDIR)$(UDEVDIR)/60-hostingpi.rules
	$(Q)rm -f $(COMPLETIONS:%=$(DESTDIR)$(COMPDIR)/%) $(COMPLETIONS:%=$(DESTDIR)$(ZSHCOMPDIR)/_%)
	$(Q)rm -rf $(addprefix $(DESTDIR)$(DOCDIR)/,README.md CHANGELOG.md docs examples dashboard)
	$(Q)rmdir --ignore-fail-on-non-empty $(DESTDIR)$(DOCDIR) 2>/dev/null || true
	$(Q)rmdir --ignore-fail-on-non-empty $(CONFIG).d 2>/dev/null || true
	$(Q)if cmp -s systemd/hostingpi.conf $(CONFIG); then rm $(CONFIG) && rmdir --ignore-fail-on-non-empty $(dir $(CONFIG)); elif test -e $(CONFIG); then echo "$(CONFIG) was changed and stays"; fi

dist: ## pack the source: build/dist/hostingpi-VERSION.tar.xz
	@sh tests/deb/dist.sh '$(VERSION)'

ARCH  ?= $(shell dpkg --print-architecture)
SUITE ?= bookworm

deb: ## Debian packages in build/deb/SUITE-ARCH, built in a clean root (ARCH=arm64, SUITE=trixie, TWICE=1: and compare)
	@TWICE='$(TWICE)' sh tests/deb/build.sh $(ARCH) $(SUITE)

check-deb: ## install, upgrade, remove and purge the packages in a scratch root (as root; ARCH=, SUITE=, SHORT=1: without unit tests, man and zsh)
	@SHORT='$(SHORT)' sh tests/deb/check.sh $(ARCH) $(SUITE)

clean: ## remove everything that was built
	@rm -rf build

# What is in no group is shown as well, before the benchmarks.
HELP_USE   := all deps run install uninstall deb dist clean help
HELP_CI    := test lint format check check-san check-lab check-vm fuzz goldens

help: ## this list
	@awk -F ':.*## ' -v use='$(HELP_USE)' -v ci='$(HELP_CI)' ' \
		function line(name) { printf "  %-17s %s\n", name, text[name]; delete text[name] } \
		function group(title, list,    names, count, i) { \
			print title; count = split(list, names, " "); \
			for (i = 1; i <= count; i++) if (names[i] in text) line(names[i]) } \
		/^[a-z-]+:.*## / { \
			text[$$1] = $$2; \
			if ($$1 ~ /^bench/) measures = measures " " $$1; else others = others " " $$1 } \
		END { \
			group("To use it:", use); \
			group("To change it (make test runs what CI runs):", ci); \
			group("Slow or special:", others); \
			group("To measure:", measures) }' $(firstword $(MAKEFILE_LIST))
	@echo "Variables: PREFIX DESTDIR CFLAGS CPPFLAGS LDFLAGS CI=1 (warnings are errors) V=1 (show commands)"
