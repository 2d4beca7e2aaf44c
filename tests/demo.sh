#!/bin/sh
# demo - a message out and back through a private mail site on loopback: sets an account up, pipes a message
# into tappal-sendmail, fetches it with tappal-fetch, shows it, and takes everything down again.
# The person's own configuration, mail, keyring and queue are not touched.
set -eu
cd "$(dirname "$0")/.."
build=$(cd "${1:-build}" && pwd)
folder=$(mktemp -d /tmp/tappal-demo-XXXXXX)
finish() {
    tests/site/site down "$folder/site" || :
    rm -rf "$folder"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

bold='' plain=''
if [ -t 1 ]; then
    bold=$(printf '\033[1m') plain=$(printf '\033[0m')
fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
show() { # the command as a person would type it, then what it does
    printf '$'
    for word in "$@"; do
        case $word in
        *' '*) printf " '%s'" "$word" ;;
        *) printf ' %s' "$word" ;;
        esac
    done
    printf '\n'
    "$@"
}

say "A private mail site: Dovecot for IMAP, POP3 and submission, on loopback"
tests/site/site up "$folder/site" >/dev/null
# shellcheck source=/dev/null
. "$folder/site/env"
echo "IMAP on port $SITE_IMAPS_PORT, submission on port $SITE_SUBMISSIONS_PORT, user $SITE_USER"

mkdir "$folder/home" "$folder/run"
chmod 700 "$folder/run"
unset DBUS_SESSION_BUS_ADDRESS XDG_CONFIG_DIRS
export HOME="$folder/home" XDG_RUNTIME_DIR="$folder/run" XDG_STATE_HOME="$folder/home/.local/state"
export XDG_CONFIG_HOME="$folder/home/.config" XDG_DATA_HOME="$folder/home/.local/share" XDG_CACHE_HOME="$folder/home/.cache"
export PATH="$build:$PATH" TAPPAL_LIBEXEC="$build"

say "An account"
printf '%s\n' "$SITE_PASSWORD" | show tappal account add "$SITE_USER" --name demo --full-name "Ada Lovelace" \
    --smtp "$SITE_HOST:$SITE_SUBMISSIONS_PORT" --imap "$SITE_HOST:$SITE_IMAPS_PORT" --tls implicit --tls-ca "$SITE_CA" \
    --maildir "$HOME/Mail" --password-from "file secrets/demo" --password-from-stdin --no-test --yes

say "A message out"
show tappal-sendmail -t <<MESSAGE
To: $SITE_USER
Subject: The post goes both ways

Hello Ada,
this letter went through tappal-sendmail and came back by tappal-fetch.
MESSAGE

say "And in"
show tappal-fetch

say "Here it is"
set -- "$HOME"/Mail/new/*
if [ $# != 1 ] || [ ! -f "$1" ]; then
    echo "demo: not one message in $HOME/Mail/new but: $*" >&2
    exit 1
fi
cat "$1"
grep -q 'came back by tappal-fetch' "$1"
say "That was tappal. Your own account: tappal account add YOU@EXAMPLE.ORG"
