#!/bin/sh
# install - what make install, install-mta and uninstall write, and above all what they do not.
# run: limit=120
set -u
n=0
failed=0
ok() { # STATUS NAME
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else
        echo "not ok $n - $2"
        failed=1
    fi
}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
# The caller's make variables are not for this one.
unset MAKEFLAGS MFLAGS MAKELEVEL
build=${BUILD:-build}
# install-built: what is built stays as it is, though PREFIX is another; other tests are running it.
install() {
    make -s "$@" BUILD="$build" SANITIZE="${SANITIZE-}" DESTDIR="$root" PREFIX=/usr >"$root.log" 2>&1
    status=$?
    [ $status = 0 ] || sed 's/^/# /' "$root.log"
    rm -f "$root.log"
    return $status
}

install install-built
ok $? "make install"
(cd "$root" && test -x usr/bin/tappal -a -x usr/bin/tappal-sendmail -a -x usr/bin/tappal-fetch -a -x usr/libexec/tappal/tappal-deliver)
ok $? "the programs are there"
test -z "$(find "$root" -name sendmail -o -name mailq -o -name newaliases)"
ok $? "no sendmail, mailq, newaliases"
test -s "$root/usr/share/man/man5/tappal.ini.5"
ok $? "the man pages are there"
env -i "$root/usr/bin/tappal-sendmail" --version | grep -q '^tappal-sendmail'
ok $? "it runs from there"
install install-mta && test "$(readlink "$root/usr/sbin/sendmail")" = /usr/bin/tappal-sendmail -a -L "$root/usr/bin/mailq" -a -L "$root/usr/bin/newaliases"
ok $? "make install-mta links"
install install-mta
ok $? "make install-mta twice"
install uninstall && test -z "$(find "$root" ! -type d)"
ok $? "make uninstall leaves nothing"
mkdir -p "$root/usr/bin" && echo other >"$root/usr/bin/mailq"
! install install-mta >"$root.out" && grep -q 'usr/bin/mailq.*not tappal' "$root.out"
ok $? "make install-mta refuses to replace another's file"
rm -f "$root.out"
test "$(cat "$root/usr/bin/mailq")" = other -a ! -e "$root/usr/sbin/sendmail"
ok $? "and has changed nothing"
install uninstall
test "$(cat "$root/usr/bin/mailq")" = other
ok $? "make uninstall leaves another's file"
echo "1..$n"
exit $failed
