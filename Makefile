# tappal - one non-recursive GNU Makefile.
PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc
LIBEXECDIR ?= $(PREFIX)/libexec/tappal
BINDIR     ?= $(PREFIX)/bin
BUILD      ?= build
PKGCONFIG  ?= pkg-config
VERSION    := 0.1

# Layers, lowest first. A layer may include and link only what stands before it; queue and fetch
# do not know each other.
LAYERS := base mail wire conf spool net auth client box queue fetch

WARN   := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
          -Wcast-qual -Wwrite-strings -Wformat=2 -Wvla -Wundef
HARDEN := -fstack-protector-strong -fPIE $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2)
CFLAGS ?= -O2 -g
SAN    := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer)
ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -Isrc $(WARN) $(if $(WERROR),-Werror) $(HARDEN) $(SAN) $(CFLAGS) \
             -DTAPPAL_VERSION='"$(VERSION)"' -DSYSCONFDIR='"$(SYSCONFDIR)"' \
             -DLIBEXECDIR='"$(LIBEXECDIR)"' -DBINDIR='"$(BINDIR)"'
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now $(SAN) $(LDFLAGS)

LOCAL_LIBS    = -linih -lnettle
NET_LIBS      = -lgnutls -lgsasl -lidn2 -lz -lresolv $(LOCAL_LIBS)
KEYRING_LIBS   = $(shell $(PKGCONFIG) --libs libsecret-1) -lnettle
KEYRING_CFLAGS = $(shell $(PKGCONFIG) --cflags libsecret-1)

upto_   = $(if $(2),$(firstword $(2)) $(if $(filter $(1),$(firstword $(2))),,$(call upto_,$(1),$(wordlist 2,99,$(2)))))
reverse = $(if $(1),$(call reverse,$(wordlist 2,99,$(1))) $(firstword $(1)))
# The archives that layer $(1) may link, highest first, so that one pass of the linker resolves only downward calls.
archives = $(foreach l,$(call reverse,$(call upto_,$(1),$(LAYERS))),$(BUILD)/$(l).a)

# -- programs: the files of src/cmd that make each, and the highest layer it links --
PROGRAMS := tappal-sendmail tappal-deliver tappal-fetch tappal tappal-keyring
tappal-sendmail_CMD := $(wildcard src/cmd/sendmail*.c) src/cmd/say.c
tappal-deliver_CMD  := $(wildcard src/cmd/deliver*.c) src/cmd/say.c
tappal-fetch_CMD    := $(wildcard src/cmd/fetch*.c) src/cmd/say.c
tappal-keyring_CMD  := src/cmd/keyring.c
tappal_CMD          := $(filter-out $(foreach p,$(filter-out tappal,$(PROGRAMS)),$($(p)_CMD)),$(wildcard src/cmd/*.c)) src/cmd/say.c
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
$(BUILD)/cmd/keyring.o: ALL_CFLAGS += $(KEYRING_CFLAGS)

define layer
$(BUILD)/$(1).a: $$(patsubst src/%.c,$(BUILD)/%.o,$$(wildcard src/$(1)/*.c))
	@rm -f $$@
	ar rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call layer,$(l))))

$(BUILD)/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# -- unit tests: tests/unit/LAYER/NAME_test.c, each a program of its own, linked up to LAYER --
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/*/*_test.c))
$(BUILD)/unit/%.o: tests/unit/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Itests/unit $(shell $(PKGCONFIG) --cflags check) -MMD -MP -c -o $@ $<
define unit_test
$(1): $(1).o $(BUILD)/unit/unit.o $$(call archives,$$(patsubst $(BUILD)/unit/%/,%,$$(dir $(1))))
	$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $$(shell $$(PKGCONFIG) --libs check) $$(NET_LIBS)
endef
$(foreach t,$(UNIT_TESTS),$(eval $(call unit_test,$(t))))
unit: $(UNIT_TESTS)
	@set -e; for t in $^; do $$t; done

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
.PHONY: all unit clean
.SECONDARY:
