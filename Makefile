# tappal - one non-recursive GNU Makefile.
#
#   make              the programs, in build/
#   make check        everything: installs what is missing, builds, tests with nothing skipped
#   make demo         a message out and back through a private mail site
#   make install      PREFIX, DESTDIR, SYSCONFDIR, LIBEXECDIR; install-mta adds sendmail, mailq, newaliases
#
# Switches: WITH_KEYRING=no, WERROR=1, SANITIZE=address,undefined (built in build/sanitize), CC=clang.
PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc
LIBEXECDIR ?= $(PREFIX)/libexec/tappal
BINDIR     ?= $(PREFIX)/bin
SBINDIR    ?= $(PREFIX)/sbin
MANDIR     ?= $(PREFIX)/share/man
DOCDIR     ?= $(PREFIX)/share/doc/tappal
BUILD      ?= build$(if $(SANITIZE),/sanitize)
# Dependency files name objects as make does: never by an absolute path within the tree.
override BUILD := $(patsubst $(CURDIR)/%,%,$(BUILD))
PKGCONFIG  ?= pkg-config
INSTALL    ?= install
JOBS       ?= $(shell nproc 2>/dev/null || echo 1)
VERSION    := 0.1

WITH_KEYRING ?= $(if $(shell $(PKGCONFIG) --exists libsecret-1 && echo yes),yes,no)

# Layers, lowest first. A layer may include and link only what stands before it; queue and fetch
# do not know each other.
LAYERS := base mail wire conf spool net auth client box queue fetch

WARN   := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
          -Wcast-qual -Wwrite-strings -Wformat=2 -Wvla -Wundef
HARDEN := -fstack-protector-strong -fstack-clash-protection -fPIE $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2)
CFLAGS ?= -O2 -g
SAN    := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -Isrc $(WARN) $(if $(WERROR),-Werror) $(HARDEN) $(SAN) $(CFLAGS) \
             -DTAPPAL_VERSION='"$(VERSION)"' -DSYSCONFDIR='"$(SYSCONFDIR)"' \
             -DLIBEXECDIR='"$(LIBEXECDIR)"' -DBINDIR='"$(BINDIR)"'
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed $(SAN) $(CFLAGS) $(LDFLAGS)

LOCAL_LIBS    = -linih -lnettle
NET_LIBS      = -lgnutls -lgsasl -lidn2 -lz -lresolv $(LOCAL_LIBS)
ifeq ($(WITH_KEYRING),yes)
KEYRING_LIBS   := $(shell $(PKGCONFIG) --libs libsecret-1) -lnettle
KEYRING_CFLAGS := $(shell $(PKGCONFIG) --cflags libsecret-1)
endif

upto_   = $(if $(2),$(firstword $(2)) $(if $(filter $(1),$(firstword $(2))),,$(call upto_,$(1),$(wordlist 2,99,$(2)))))
reverse = $(if $(1),$(call reverse,$(wordlist 2,99,$(1))) $(firstword $(1)))
# The archives that layer $(1) may link, highest first, so that one pass of the linker resolves only downward calls.
archives = $(foreach l,$(call reverse,$(call upto_,$(1),$(LAYERS))),$(BUILD)/$(l).a)

# -- programs: the files of src/cmd that make each, and the highest layer it links --
PROGRAMS := tappal-sendmail tappal-deliver tappal-fetch tappal $(if $(filter yes,$(WITH_KEYRING)),tappal-keyring)
SHARED_CMD          := src/cmd/queue_list.c src/cmd/dispatch.c src/cmd/say.c
tappal-sendmail_CMD := $(wildcard src/cmd/sendmail*.c) $(SHARED_CMD)
tappal-deliver_CMD  := $(wildcard src/cmd/deliver*.c) src/cmd/say.c
tappal-fetch_CMD    := $(wildcard src/cmd/fetch*.c) src/cmd/dispatch.c src/cmd/say.c
tappal-keyring_CMD  := src/cmd/keyring.c
tappal_CMD          := $(filter-out $(tappal-sendmail_CMD) $(tappal-deliver_CMD) $(tappal-fetch_CMD) $(tappal-keyring_CMD),$(wildcard src/cmd/*.c)) $(SHARED_CMD)
tappal-sendmail_TOP := spool
tappal-deliver_TOP  := queue
tappal-fetch_TOP    := fetch
tappal_TOP          := fetch
tappal-keyring_TOP  := base

all: $(PROGRAMS:%=$(BUILD)/%)

define program
$(BUILD)/$(1): $$(patsubst src/%.c,$(BUILD)/%.o,$$($(1)_CMD)) $$(call archives,$$($(1)_TOP))
	$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $$(if $$(filter tappal-sendmail,$(1)),$$(LOCAL_LIBS),$$(if $$(filter tappal-keyring,$(1)),$$(KEYRING_LIBS),$$(NET_LIBS)))
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))
$(BUILD)/cmd/keyring.o: private ALL_CFLAGS += $(KEYRING_CFLAGS)

define layer
$(BUILD)/$(1).a: $$(patsubst src/%.c,$(BUILD)/%.o,$$(wildcard src/$(1)/*.c))
	@rm -f $$@
	ar rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call layer,$(l))))

# Whatever changes how things are compiled makes everything again.
FLAGS = $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(FLAGS)' | cmp -s - $@ || printf '%s\n' '$(FLAGS)' >$@

$(BUILD)/%.o: src/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# -- unit tests: tests/unit/LAYER/NAME_test.c, each a program of its own, linked up to LAYER --
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/*/*_test.c))
CHECK_CFLAGS = $(shell $(PKGCONFIG) --cflags check)
CHECK_LIBS   = $(shell $(PKGCONFIG) --libs check)
$(BUILD)/unit/%.o: tests/unit/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Itests/unit $(CHECK_CFLAGS) -MMD -MP -c -o $@ $<
define unit_test
$(1): $(1).o $(BUILD)/unit/unit.o $$(call archives,$$(patsubst $(BUILD)/unit/%/,%,$$(dir $(1))))
	$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $$(CHECK_LIBS) $$(NET_LIBS)
endef
$(foreach t,$(UNIT_TESTS),$(eval $(call unit_test,$(t))))

# -- fuzz targets: tests/fuzz/NAME_fuzz.c with tests/fuzz/seeds/NAME/; NAME_replay runs the seeds --
FUZZ    := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))
REPLAYS := $(FUZZ:%=$(BUILD)/fuzz/%_replay)
FUZZERS := $(FUZZ:%=$(BUILD)/fuzz/%_fuzz)
$(BUILD)/fuzz/%.o: tests/fuzz/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(REPLAYS): %_replay: %_fuzz.o $(BUILD)/fuzz/replay.o $(call archives,fetch)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(NET_LIBS)
$(FUZZERS): %_fuzz: %_fuzz.o $(call archives,fetch)
	$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(NET_LIBS)
fuzzers: $(FUZZERS)
fuzz:
	$(MAKE) -j$(JOBS) BUILD=build/libfuzzer CC=clang SANITIZE=address,undefined,fuzzer-no-link fuzzers

# -- tests; tests/run says what a test program must look like --
SCRIPTS := $(wildcard tests/script/*.py tests/script/*.sh tests/e2e/*.py tests/e2e/*.sh)
TESTS    = $(UNIT_TESTS) $(REPLAYS) $(SCRIPTS)
RUN      = TAPPAL_NO_SKIP=$(TAPPAL_NO_SKIP) SANITIZE='$(SANITIZE)' CC='$(CC)' tests/run --build $(BUILD) $(if $(TOTALS),--totals $(TOTALS))

unit: $(UNIT_TESTS)
	$(RUN) $^
test: all $(UNIT_TESTS) $(REPLAYS)
	$(RUN) $(TESTS)
test-long: all
	$(RUN) --long $(SCRIPTS)

deps:
	tests/deps
# The packages may bring what this make has already looked for in vain: build with another one.
check:
	tests/deps --unpack
	$(MAKE) -j$(JOBS) all
	$(MAKE) -j$(JOBS) test TAPPAL_NO_SKIP=1
# What takes its time: the walks through every step, lint, valgrind, the other compiler, sanitizers. One after
# the other whatever becomes of the one before.
LONG := 'test-long TAPPAL_NO_SKIP=1' lint valgrind 'all BUILD=build/gcc CC=gcc WERROR=1' \
        'all BUILD=build/clang CC=clang WERROR=1' 'test SANITIZE=address,undefined'
check-long: all
	@bad=; for what in $(LONG); do echo "== make $$what"; $(MAKE) -j$(JOBS) $$what || bad="$$bad; $$what"; done; \
	if [ -n "$$bad" ]; then echo "failed$$bad"; exit 1; fi
$(BUILD)/lint/options: tests/lint/options.c $(call archives,conf) $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(call archives,conf) $(LOCAL_LIBS)
lint: all $(BUILD)/lint/options
	tests/run --build $(BUILD) --show $(if $(TOTALS),--totals $(TOTALS)) tests/lint/lint
MEMCHECK := valgrind -q --leak-check=full --show-leak-kinds=definite,indirect,possible \
            --errors-for-leak-kinds=definite,indirect,possible --error-exitcode=9 --suppressions=tests/valgrind.supp
valgrind: $(UNIT_TESTS)
	$(RUN) --patience 10 --under '$(MEMCHECK)' $(UNIT_TESTS)
# Silent but for warnings: a person looks on.
demo:
	tests/deps
	@echo 'Building the programs in $(BUILD)/, which takes up to a minute'
	@$(MAKE) -s -j$(JOBS) all
	@tests/demo.sh $(BUILD)
bench-send bench-fetch: all
	BUILD=$(BUILD) tests/bench/$(@:bench-%=%)

# -- installing: never sendmail, mailq or newaliases, unless asked by install-mta --
DESK       := tappal tappal-sendmail tappal-fetch
BEHIND     := $(filter-out $(DESK),$(PROGRAMS))
PAGES      := $(wildcard doc/*.[1-8])
MTA_LINKS  := $(SBINDIR)/sendmail $(BINDIR)/mailq $(BINDIR)/newaliases
page_file   = $(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(1)))/$(notdir $(1))

install: all
	$(MAKE) install-built
install-built:
	$(INSTALL) -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBEXECDIR) $(DESTDIR)$(DOCDIR)
	$(INSTALL) -m 755 $(DESK:%=$(BUILD)/%) $(DESTDIR)$(BINDIR)
	$(INSTALL) -m 755 $(BEHIND:%=$(BUILD)/%) $(DESTDIR)$(LIBEXECDIR)
	$(foreach p,$(PAGES),$(INSTALL) -D -m 644 $(p) $(call page_file,$(p)) &&) :
	$(INSTALL) -m 644 $(wildcard README NEWS COPYING doc/INTERNALS) $(DESTDIR)$(DOCDIR)
	$(if $(wildcard examples/*),cp -R examples $(DESTDIR)$(DOCDIR))

install-mta:
	@for f in $(MTA_LINKS:%=$(DESTDIR)%); do \
	    case $$(readlink $$f) in */tappal-sendmail) continue;; esac; \
	    if [ -e $$f ] || [ -L $$f ]; then echo "$$f is there and is not tappal's: it stays as it is, nothing was linked" >&2; exit 1; fi; \
	done
	$(INSTALL) -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(SBINDIR)
	for f in $(MTA_LINKS:%=$(DESTDIR)%); do ln -sfn $(BINDIR)/tappal-sendmail $$f; done

uninstall:
	for f in $(MTA_LINKS:%=$(DESTDIR)%); do case $$(readlink $$f) in */tappal-sendmail) rm -f $$f;; esac; done
	rm -f $(DESK:%=$(DESTDIR)$(BINDIR)/%) $(foreach p,$(PAGES),$(call page_file,$(p)))
	rm -rf $(DESTDIR)$(LIBEXECDIR) $(DESTDIR)$(DOCDIR)

# The same bytes each time from one commit.
dist:
	@mkdir -p $(BUILD)
	git archive --format=tar --prefix=tappal-$(VERSION)/ HEAD | gzip -9n >$(BUILD)/tappal-$(VERSION).tar.gz
	@echo $(BUILD)/tappal-$(VERSION).tar.gz

clean:
	rm -rf $(BUILD)

-include $(shell find $(LAYERS:%=$(BUILD)/%) $(BUILD)/cmd $(BUILD)/unit $(BUILD)/fuzz -name '*.d' 2>/dev/null)
FORCE:
.PHONY: all unit test test-long check check-long lint valgrind fuzz fuzzers deps demo bench-send bench-fetch \
        install install-built install-mta uninstall dist clean FORCE
.SECONDARY:
