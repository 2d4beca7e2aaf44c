#!/bin/sh
# sendmail_cli - tappal-sendmail without any network: what is stored, statuses, silence. Where a
# deliverer is wanted, a script in its place speaks over the verdict pipe.
# run: limit=120
set -u
build=$(cd "${BUILD:-build}" && pwd)
top=$(mktemp -d)
trap 'chmod -R u+rwx "$top"; rm -rf "$top"' EXIT
n=0
failed=0
ok() { # STATUS NAME
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else
        echo "not ok $n - $2"
        failed=1
        sed 's/^/# /' "$top/err" 2>/dev/null
    fi
}
skip() { # NAME REASON
    n=$((n + 1))
    echo "ok $n - $1 # SKIP $2"
}

chmod 755 "$top"
home=$top/home
queue=$home/state/tappal/queue
mkdir -p "$home/state" "$home/.config/tappal/accounts" "$top/bin"
account() { # NAME LINE...: a file for it with these lines in [send]
    file=$home/.config/tappal/accounts/$1.ini
    printf '[account]\naddress = ada@example.org\nname = Ada Lovelace\n[send]\nhost = smtp.example.org\n' >"$file"
    shift
    [ $# = 0 ] || printf '%s\n' "$@" >>"$file"
}
account work 'mode = queue' 'domain = example.org'
account other 'mode = queue' 'admin = admin@example.test' 'set_from = robot@example.test'
printf '[tappal]\ndefault = work\nlog = %s\n' "$top/log" >"$home/.config/tappal/tappal.ini"
ln -s "$build/tappal-sendmail" "$top/bin/sendmail"
ln -s "$build/tappal-sendmail" "$top/bin/mailq"
ln -s "$build/tappal-sendmail" "$top/bin/newaliases"

PROGRAM=$build/tappal-sendmail
send() { # ARGUMENT...: with stdin; leaves $top/status, $top/out, $top/err
    env -i PATH="$PATH" HOME="$home" XDG_STATE_HOME="$home/state" ${STEP:+"TAPPAL_TEST_STEP=$STEP"} \
        ${LIBEXEC:+"TAPPAL_LIBEXEC=$LIBEXEC"} "$PROGRAM" "$@" >"$top/out" 2>"$top/err"
    echo $? >"$top/status"
}
on_terminal() { # ARGUMENT...: the same with stderr a terminal, stdin the file $top/in
    cat >"$top/run" <<END
exec env -i PATH="$PATH" HOME="$home" XDG_STATE_HOME="$home/state" ${LIBEXEC:+"TAPPAL_LIBEXEC=$LIBEXEC"} "$PROGRAM" $* <"$top/in"
END
    script -qec "sh $top/run" /dev/null </dev/null >"$top/out" 2>"$top/err"
    echo $? >"$top/status"
}
is() { [ "$(cat "$top/status")" = "$1" ]; } # the last status
silent() { is 0 && [ ! -s "$top/out" ] && [ ! -s "$top/err" ]; }
kept() { find "$queue/msg" "$queue/tmp" -type f 2>/dev/null | wc -l; }
nothing() { [ "$(kept)" = 0 ]; }
envelope() { sed '/^$/q' "$queue"/msg/*; }
text() { sed -e '1,/^$/d' -e '/^tappal-trailer /,$d' "$queue"/msg/*; }
clear() { rm -rf "$queue"; }
# The letter that went in, and what must have come out: header lines of ours are left out.
same() { # IN OUT [ARGUMENT...]
    clear
    in=$1
    out=$2
    shift 2
    # shellcheck disable=SC2059
    printf "Date: d\nFrom: a@b\nMessage-ID: m\n$in" | send "$@" bob@example.test
    # shellcheck disable=SC2059
    printf "Date: d\r\nFrom: a@b\r\nMessage-ID: m\r\n$out" >"$top/wanted"
    text >"$top/got"
    silent && cmp -s "$top/wanted" "$top/got"
}

# -- what is stored --
printf 'To: bob@example.test, Eve <eve@example.test>\nBcc: mallory@example.test,\n other@example.test\nSubject: hi\n\nhello\n' | send -t
silent
ok $? "accepted: status 0 and silence"
test "$(envelope | grep -c '^recipient: ')" = 4
ok $? "-t takes To and Bcc"
! text | grep -q 'mallory\|other\|Bcc'
ok $? "Bcc is gone, its folded line too"
text | grep -q '^From: Ada Lovelace <ada@example.org>' && text | grep -q '^Date: [A-Z][a-z][a-z], ' && text | grep -q '^Message-ID: <.*@example.org>'
ok $? "From, Date and Message-ID are added"
clear
printf 'Subject: x\nBcc: eve@example.test\n\nhi\n' | send bob@example.test
silent && ! text | grep -q Bcc && test "$(envelope | grep -c '^recipient: ')" = 1
ok $? "Bcc is gone without -t, and nobody gets it by it"
clear
printf 'Resent-To: a@b\nResent-Bcc: c@d\nTo: e@f\n\nhi\n' | send -t
silent && ! text | grep -q 'Resent-Bcc' && text | grep -q '^Resent-Date: ' && ! envelope | grep -q 'e@f'
ok $? "Resent- fields are the ones that count"

clear
printf 'Subject: x\nResent-Bcc: eve@example.test\n\nhi\n' | send bob@example.test
silent && ! text | grep -q 'Resent-Bcc' && test "$(envelope | grep -c '^recipient: ')" = 1
ok $? "Resent-Bcc is gone without -t, too"
clear
printf 'To: undisclosed-recipients:;\nCc: both: a@b, "C, D" <c@d>;\nBcc: e@f (Eve, of Example)\n\nhi\n' | send -ti
silent && test "$(envelope | grep '^recipient: ' | tr '\n' '|')" = 'recipient: a@b|recipient: c@d|recipient: e@f|'
ok $? "-t takes groups apart, and an empty one names nobody"

same '\nhello\n' '\r\nhello\r\n'
ok $? "LF becomes CRLF"
same '\r\na\r\nb\nc\r\n' '\r\na\r\nb\r\nc\r\n'
ok $? "CRLF and LF mixed"
same '\na\rb\0c\n' '\r\na b c\r\n'
ok $? "bare CR and NUL"
same '\nno end' '\r\nno end\r\n'
ok $? "the last line is ended"
same 'no header\n' '\r\nno header\r\n'
ok $? "a missing blank line is added"
same '\na\n.\nb\n' '\r\na\r\n'
ok $? "a lone dot ends the message"
same '\na\n.\nb\n' '\r\na\r\n.\r\nb\r\n' -i
ok $? "but not with -i"
same '\na\n.\nb\n' '\r\na\r\n.\r\nb\r\n' -oi
ok $? "nor with -oi"
same '\nk\303\244se\n' 'MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nk\303\244se\r\n'
ok $? "8 bits without MIME are declared"
long=$(printf '%02000d' 0)
same "\n$long\n" "\r\n$long\r\n"
ok $? "a line of 2000 octets is kept"
clear
printf 'just text\nFrom: no@header\n' | send bob@example.test
silent && text | tail -n 3 | tr -d '\r' | tr '\n' '|' | grep -q '^|just text|From: no@header|$'
ok $? "a text without a header"
clear
printf 'From ada Sun Nov 22 03:00:00 2026\nSubject: x\n\nhi\n' | send bob@example.test
silent && ! text | grep -q 'From ada'
ok $? "a leading From line is dropped"
clear
{
    printf 'Subject: drip\n'
    sleep 0.1
    printf '\nfirst\n'
    sleep 0.1
    printf 'last'
    sleep 0.1
} | send bob@example.test
silent && text | tail -n 2 | tr -d '\r' | tr '\n' '|' | grep -q '^first|last|$'
ok $? "a dripping stdin"
clear
head -c 3000000 /dev/zero | tr '\0' 'x' | send bob@example.test
silent && test "$(text | wc -c)" -gt 3000000
ok $? "a line of 3 MB without end"
clear
{ printf 'X: ' && head -c 1100000 /dev/zero | tr '\0' 'x' && printf '\n\nhi\n'; } | send bob@example.test
is 65 && nothing && grep -q 'header of the message is larger' "$top/err"
ok $? "a header over the limit: 65, nothing kept"

# -- envelope --
clear
printf 'hi\n' | send 'Joe <a@b>, c@d' root '"x y"@e' 'ada . l@example.org'
silent && test "$(envelope | grep '^recipient: ' | tr '\n' '|')" = 'recipient: a@b|recipient: c@d|recipient: root@example.org|recipient: "x y"@e|recipient: ada.l@example.org|'
ok $? "recipients as callers write them, qualified and quoted anew"
for sender in '' '<>'; do
    for letter in -f -r; do
        clear
        printf 'hi\n' | send $letter "$sender" a@b
        silent && envelope | grep -q '^sender: $'
        ok $? "$letter '$sender' is the null sender"
    done
done
clear
printf 'From: root (Cron Daemon)\n\nhi\n' | send -f 'Joe <joe@example.org>' a@b
silent && envelope | grep -q '^sender: joe@example.org$' && text | grep -q '^From: root@example.org (Cron Daemon)'
ok $? "-f with a name, and a From without domain"
clear
printf 'From: Root <root>\n\nhi\n' | send --account other -f ada@example.org root a@b
silent && envelope | grep -q '^sender: robot@example.test$' && text | grep -q '^From: Root <robot@example.test>' &&
    envelope | grep -q '^recipient: admin@example.test$' && envelope | grep -q '^account: other$'
ok $? "set_from and admin"
clear
printf 'hi\n' | send -F 'Ada "x"' -N success,delay -R hdrs -V id1 a@b
silent && text | tr -d '\r' | grep -q '^From: "Ada \\"x\\"" <ada@example.org>$' && envelope | grep -q '^envid: id1$' && envelope | grep -qi '^ret: hdrs$'
ok $? "-F, -N, -R and -V"
clear
recipients=$(i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); echo "r$i@example.test"; done)
# shellcheck disable=SC2086
printf 'hi\n' | send -i -- $recipients
silent && test "$(envelope | grep -c '^recipient: ')" = 3000
ok $? "three thousand recipients"
clear
printf 'hi\n' | env -i HOME="$home" XDG_STATE_HOME="$home/state" "$PROGRAM" a@b >&- 2>&-
test $? = 0 && test "$(kept)" = 1
ok $? "with stdout and stderr closed"
clear
env -i HOME="$home" XDG_STATE_HOME="$home/state" "$PROGRAM" a@b <&-
test $? = 0 && test "$(kept)" = 1
ok $? "with stdin closed: an empty message"

clear
printf 'To: two words, c@d, "open@e\n\nhi\n' | send -t 'x y' a@b '<>'
silent && test "$(envelope | grep '^recipient: ' | tr '\n' '|')" = 'recipient: x y|recipient: a@b|recipient: <>|recipient: two words|recipient: c@d|recipient: "open@e|' &&
    test "$(envelope | grep -c '^unusable: "')" = 4 && envelope | grep -q '^unusable: "two words" is not a mail address: these are several words\.$'
ok $? "what is no address keeps nobody else from getting the message"
clear
printf 'To: a@b, e@f\nCc: a@B\n\nhi\n' | send -t c@d a@b
silent && test "$(envelope | grep '^recipient: ' | tr '\n' '|')" = 'recipient: c@d|recipient: a@b|recipient: e@f|'
ok $? "-t adds to the recipients of the command line, and each gets it once"
clear
printf '>From ada Sun Nov 22 03:00:00 2026\nSubject: x\n\nhi\n' | send bob@example.test
silent && ! text | grep -q 'From ada'
ok $? "a leading >From line is dropped"
clear
long=$(printf '%0150d' 0)
printf 'hi\n' | send -f "SRS0=$long=example.test=ada@example.org" "$long+bounce@example.test"
silent && envelope | grep -q "^sender: SRS0=$long=example.test=ada@example.org$" && envelope | grep -q "^recipient: $long+bounce@example.test$" && ! envelope | grep -q unusable
ok $? "local parts over 64 octets, as SRS and VERP make them"
for address in root@localhost root@LocalHost.localdomain "root@$(hostname)" root; do
    clear
    printf 'hi\n' | send --account other "$address" ada@example.org
    silent && test "$(envelope | grep '^recipient: ' | tr '\n' '|')" = 'recipient: admin@example.test|recipient: ada@example.org|'
    ok $? "admin gets the mail for $address"
done

# -- aliases --
printf 'root: ada@example.org, bob\nbob: \\bob, root\nnobody: /dev/null, "|/bin/sh -c x"\nloop: loop2\nloop2: loop\nstaff: a@b, two words\ndefault: postmaster\n' >"$top/aliases"
account mapped 'mode = queue' 'domain = example.org' "aliases = $top/aliases"
aliased() { # WANTED RECIPIENT...
    clear
    wanted=$1
    shift
    printf 'hi\n' | send --account mapped "$@"
    silent && test "$(envelope | grep '^recipient: ' | sed 's/^recipient: //' | tr '\n' ' ')" = "$wanted"
    ok $? "aliases: $*"
}
aliased 'ada@example.org bob@example.org ' root
aliased 'ada@example.org bob@example.org root@example.com ' ROOT@localhost root@example.com
aliased 'postmaster@example.org ' www-data
aliased 'a@b ' staff
aliased 'nobody x@y ' nobody x@y
envelope | grep -q '^unusable: The aliases lead "nobody" to nobody.$'
ok $? "aliases: an entry that is only a command and a file leads to nobody, and nothing is run"
clear
printf 'hi\n' | send --account mapped loop
is 65 && nothing && grep -q 'aliases lead "loop" to nobody' "$top/err"
ok $? "aliases: a loop leads to nobody: 65"
clear
printf 'To: root\n\nhi\n' | send --account mapped -t -N success -V id
silent && test "$(envelope | grep -c '^notify: success$')" = 2 && text | grep -q '^To: root'
ok $? "aliases: with -t, -N and -V; the header stays as it is"
account mapped 'mode = queue' 'admin = admin@example.test' "aliases = $top/aliases"
aliased 'ada@example.org admin@example.test ' root
account mapped 'mode = queue' 'admin = admin@example.test' "aliases = $top/none"
aliased 'admin@example.test ' root
grep -q 'aliases.*cannot be read' "$top/log"
ok $? "aliases: a file that is not there is told in the log, and the admin has the message"
rm -f "$home/.config/tappal/accounts/mapped.ini"
"$build/tappal" check --config "$home/.config/tappal" >"$top/out" 2>"$top/err" && ! grep -q command "$top/out"
ok $? "tappal check is content"
account mapped "aliases = $top/aliases"
"$build/tappal" check --config "$home/.config/tappal" >"$top/out" 2>"$top/err" && grep -q 'aliases:3: ""|/bin/sh -c x"" is a command' "$top/out" && grep -q 'is sound' "$top/out"
ok $? "tappal check names what is not supported"
account mapped "aliases = $top/none"
"$build/tappal" check --config "$home/.config/tappal" >"$top/out" 2>"$top/err"
test $? = 78 && grep -q 'cannot be read' "$top/err"
ok $? "tappal check: aliases that are not there are a fault"
rm -f "$home/.config/tappal/accounts/mapped.ini"

# -- as much as is allowed --
clear
cp "$home/.config/tappal/tappal.ini" "$top/main.ini"
limit() { { cat "$top/main.ini" && printf '[queue]\n%s\n' "$1"; } >"$home/.config/tappal/tappal.ini"; }
limit 'max_messages = 2'
printf 'hi\n' | send a@b
silent
ok $? "max_messages: the first"
printf 'hi\n' | send a@b
silent
ok $? "max_messages: the second"
printf 'hi\n' | send a@b
is 75 && test ! -s "$top/out" && grep -q 'max_messages' "$top/err" && test "$(kept)" = 2
ok $? "max_messages: one too many: 75, not kept"
clear
limit 'max_bytes = 1M'
head -c 900000 /dev/zero | tr '\0' x | send a@b
silent
ok $? "max_bytes: a message that fits"
head -c 900000 /dev/zero | tr '\0' x | send a@b
is 75 && grep -q 'max_bytes' "$top/err" && test "$(kept)" = 1
ok $? "max_bytes: one that does not: 75, not kept"
printf 'hi\n' | send a@b
silent
ok $? "max_bytes: a small one still fits"
clear
head -c 3000000 /dev/zero | tr '\0' x | send a@b
is 75 && nothing
ok $? "max_bytes: a message that is too large for an empty queue: 75, nothing left"
cp "$top/main.ini" "$home/.config/tappal/tappal.ini"

# -- refused, nothing kept --
refused() { # STATUS NAME ARGUMENT...
    clear
    wanted=$1
    name=$2
    shift 2
    printf 'To: x\n\nhi\n' | send "$@"
    is "$wanted" && nothing && test ! -s "$top/out" && test -s "$top/err"
    ok $? "$name: $wanted"
}
refused 64 "no recipient"
refused 64 "an unknown option" -k a@b
refused 64 "-f without an address" -f
refused 65 "words for a recipient" 'two words'
refused 65 "a line end in a recipient" 'a@b
Bcc: c@d'
refused 65 "<> for a recipient" '<>'
refused 64 "-bd" -bd
refused 78 "an account that is not there" --account nope a@b
clear
printf 'Subject: x\n\nhi\n' | send -t
is 65 && nothing
ok $? "-t without recipients: 65"
printf 'To: two words\n\nhi\n' | send -t
is 65 && nothing && grep -q '"two words" is not a mail address' "$top/err"
ok $? "-t with a bad one: 65"

# -- killed before the end --
mkfifo "$top/fifo"
for sig in INT TERM HUP; do
    env --default-signal=INT -i HOME="$home" XDG_STATE_HOME="$home/state" "$PROGRAM" -i a@b <"$top/fifo" >"$top/out" 2>"$top/err" &
    pid=$!
    exec 9>"$top/fifo"
    { printf 'MIME-Version: 1.0\n\n' && head -c 200000 /dev/zero; } >&9
    kill -s "$sig" "$pid"
    wait "$pid"
    echo $? >"$top/status"
    exec 9>&-
    test "$(cat "$top/status")" -gt 128 && nothing
    ok $? "SIG$sig before the end: nothing queued"
done

# -- killed between the link and the end --
# The step log is a FIFO, so the program waits at each step until somebody reads. Now and then the
# next step finds the reader of the last one still there and goes on: then it is tried again.
clear
printf 'hi\n' >"$top/in"
printf 'hi\n' | send a@b # makes the folders, which are steps too
mkfifo "$top/steps"
kill_behind_link() { # SIGNAL
    for _ in 1 2 3 4 5 6 7 8; do
        rm -f "$queue"/msg/*
        env --default-signal=INT -i HOME="$home" XDG_STATE_HOME="$home/state" TAPPAL_TEST_STEP_LOG="$top/steps" "$PROGRAM" a@b <"$top/in" >"$top/out" 2>"$top/err" &
        pid=$!
        line=first
        while [ -n "$line" ] && [ "${line#*link}" = "$line" ]; do line=$(timeout 2 head -n 1 "$top/steps"); done
        while [ -n "$line" ] && nothing; do sleep 0.02; done
        kill -s "$1" "$pid" 2>/dev/null
        exec 8<>"$top/steps"
        wait "$pid"
        echo $? >"$top/status"
        exec 8>&-
        [ -z "$line" ] || return
    done
}
for sig in INT TERM HUP; do
    kill_behind_link "$sig"
    silent && [ "$(kept)" = 1 ]
    ok $? "SIG$sig behind the link: 0, the message is kept"
done

# -- the disk --
clear
printf 'hi\n' | send a@b # makes the folders, which are steps too
rm -f "$queue"/msg/*
step=0
good=0
while [ $step -lt 50 ]; do
    step=$((step + 1))
    printf 'hi\n' | STEP="fail:$step:ENOSPC" send a@b
    is 0 && break
    if ! is 75 || ! nothing || [ ! -s "$top/err" ] || [ -s "$top/out" ]; then
        good=1
        echo "# step $step: status $(cat "$top/status"), $(kept) files"
        break
    fi
done
test $good = 0 && is 0 && test $step -gt 4 && test "$(kept)" = 1
ok $? "no room at any step: 75, nothing left behind"
clear
own_mounts=$([ "$(id -u)" = 0 ] && echo -m || echo -rm)
if unshare "$own_mounts" true 2>/dev/null; then
    mkdir -p "$top/small"
    cat >"$top/full" <<END
mount -t tmpfs -o size=256k none "$top/small" || exit 99
head -c 1000000 /dev/zero | tr '\\0' x | env -i HOME="$home" XDG_STATE_HOME="$top/small" "$PROGRAM" a@b
status=\$?
find "$top/small" -type f
exit \$status
END
    unshare "$own_mounts" sh "$top/full" >"$top/out" 2>"$top/err"
    echo $? >"$top/status"
    if is 99; then skip "a full disk" "tmpfs cannot be mounted"; else
        is 75 && test ! -s "$top/out" && test -s "$top/err"
        ok $? "a full disk: 75, nothing left behind"
    fi
else
    skip "a full disk" "no user namespaces"
fi
mkdir -p "$home/state"
rm -rf "$home/state/tappal"
: >"$home/state/tappal"
printf 'hi\n' | send a@b
is 75 && test -s "$top/err"
ok $? "a file where the queue should be: 75"
rm -f "$home/state/tappal"

# -- strange surroundings --
printf 'hi\n' | env -i HOME=/ XDG_STATE_HOME="$home/state" "$PROGRAM" --config "$home/.config/tappal" a@b >"$top/out" 2>"$top/err"
echo $? >"$top/status"
silent && test "$(kept)" = 1
ok $? "HOME=/ and an empty environment"
clear
if [ "$(id -u)" = 0 ]; then
    # The build folder may lie where only root looks.
    cp "$PROGRAM" "$top/tappal-sendmail"
    cp -R "$home/.config/tappal" "$top/etc"
    chmod -R a+rX "$top/etc"
    stranger() { # [VARIABLE...]
        printf 'hi\n' | env -i "$@" setpriv --reuid 12345 --regid 12345 --clear-groups "$top/tappal-sendmail" --config "$top/etc" a@b >"$top/out" 2>"$top/err"
        echo $? >"$top/status"
    }
    stranger HOME=/
    is 75 && grep -q 'uid12345' "$top/err"
    ok $? "a uid without passwd entry and home: 75"
    mkdir "$top/state"
    chown 12345 "$top/state"
    stranger XDG_STATE_HOME="$top/state"
    silent && test "$(find "$top/state" -path '*/msg/*' -type f | wc -l)" = 1
    ok $? "the same with a place of its own: kept"
    rm -rf "$top/state/tappal"
    chmod 500 "$top/state"
    stranger XDG_STATE_HOME="$top/state"
    is 75 && test -s "$top/err"
    ok $? "a place that cannot be written: 75"
else
    skip "a uid without passwd entry and home" "root only"
    skip "the same with a place of its own" "root only"
    rm -rf "$home/state/tappal"
    chmod 500 "$home/state"
    printf 'hi\n' | send a@b
    chmod 700 "$home/state"
    is 75 && test -s "$top/err"
    ok $? "a place that cannot be written: 75"
fi

# -- configuration --
clear
mv "$home/.config/tappal" "$home/.config/good"
if [ -e /etc/tappal ]; then skip "no account" "this machine has one"; else
    printf 'hi\n' | send a@b
    is 78 && nothing && grep -q 'account add' "$top/err"
    ok $? "no account at all: 78, nothing kept"
fi
mkdir -p "$home/.config/tappal/accounts"
printf '[account]\naddress = ada@example.org\nbogus = 1\n' >"$home/.config/tappal/accounts/work.ini"
printf 'hi\n' | send -odq a@b
silent && test "$(kept)" = 1 && ! envelope | grep -q '^account: '
ok $? "a broken configuration: kept, and silence"
clear
on_terminal -odq a@b
is 78 && nothing && grep -q bogus "$top/out"
ok $? "the same at a first set-up on a terminal: 78, nothing kept"
rm -rf "$home/.config/tappal"
mv "$home/.config/good" "$home/.config/tappal"

# -- other names --
PROGRAM=$top/bin/mailq
clear
send
test "$(cat "$top/out")" = "Mail queue is empty" && test ! -e "$queue"
ok $? "mailq with no queue, and it makes none"
PROGRAM=$top/bin/newaliases
send
silent
ok $? "newaliases"
PROGRAM=$top/bin/sendmail
printf 'hi\n' | send -X "$top/traffic" -C /nowhere --config /nowhere -odq a@b
silent && test "$(kept)" = 1 && test ! -e "$top/traffic"
ok $? "called as sendmail: options that name files do nothing"
printf 'hi\n' | STEP=fail:1:EIO send -odq a@b
silent
ok $? "called as sendmail: the test hook is not read"
PROGRAM=$top/bin/mailq
send
is 0 && grep -q 'a@b' "$top/out" && grep -q 'in 2 messages\.$' "$top/out"
ok $? "mailq lists"
PROGRAM=$build/tappal-sendmail
clear
send -bv a@b root
is 0 && nothing && grep -q '^root@example.org would be sent from ada@example.org by the account work.$' "$top/out"
ok $? "-bv says what would be done, and does nothing"

printf 'To: root, two words\nCc: bob@example.test\nFrom: ada@example.org\n\nhi\n' | send -bv -t a@b
is 0 && nothing && test "$(wc -l <"$top/out")" = 4 && grep -q '^bob@example.test would be sent from ada@example.org by the account work.$' "$top/out" &&
    grep -q '^two words would be refused: "two words" is not a mail address' "$top/out"
ok $? "-bv -t says it of the header's recipients too"
printf 'To: x y\n\nhi\n' | send -bv -t
is 65 && test ! -s "$top/out" && test -s "$top/err"
ok $? "-bv -t without a usable recipient: 65"

# -- handing over: $top/libexec/tappal-deliver is what the test says --
LIBEXEC=$top/libexec
mkdir "$LIBEXEC"
deliverer() { # LINE...: the script's lines; $id and $msg are the message
    {
        # shellcheck disable=SC2016
        printf '%s\n' '#!/bin/sh' "echo \"\$@\" >>$top/called" 'id=$5' 'msg=$2/msg/$5'
        printf '%s\n' "$@"
    } >"$LIBEXEC/tappal-deliver"
    chmod 755 "$LIBEXEC/tappal-deliver"
    rm -f "$top/called"
    clear
}
account wait 'mode = wait' 'wait = 20s'
account short 'mode = wait' 'wait = 1s'
account hush 'mode = wait' 'wait = 1s' 'port = 2465' 'tls = starttls'
account auto 'mode = auto' 'wait = 20s'
account behind 'mode = background'

# shellcheck disable=SC2016
deliverer 'rm "$msg"' 'echo end >&3'
printf 'hi\n' | send --account auto a@b
silent && nothing && grep -q "^--queue $queue --stay --wait-for " "$top/called"
ok $? "delivered while waiting: 0 and silence"
# shellcheck disable=SC2016
deliverer 'echo "failure auth 535 The server refused the password.	Check it." >&3' 'echo end >&3'
printf 'hi\n' | send --account wait a@b
silent && test "$(kept)" = 1
ok $? "a fault of the account: kept, 0 and silence"
clear
on_terminal --account wait a@b
is 77 && nothing && grep -q 'refused the password' "$top/out" && grep -q 'Check it' "$top/out"
ok $? "the same at a first set-up on a terminal: 77, nothing kept"
clear
mkdir -p "$home/state/tappal/accounts"
: >"$home/state/tappal/accounts/wait-$(printf %s "$home/.config/tappal" | sha256sum | cut -c1-8).delivered"
on_terminal --account wait a@b
is 0 && test "$(kept)" = 1 && grep -q 'stays in the queue' "$top/out"
ok $? "the same once it has delivered: kept, and it is said"
deliverer 'exit 0'
printf 'hi\n' | send --account wait a@b
silent && test "$(kept)" = 1
ok $? "a deliverer that dies: kept, 0 and silence"
deliverer 'sleep 3'
printf 'hi\n' | send --account short a@b
silent && test "$(kept)" = 1
ok $? "a deliverer that says nothing: kept when the time is over"
clear
on_terminal --account short a@b
is 0 && test "$(kept)" = 1 && grep -q 'verdict has not come yet' "$top/out"
ok $? "the same on a terminal: it is said that nobody knows yet"
! grep -q 'hint: If port' "$top/out" && is 0
ok $? "and nothing about TLS where the port is a usual one"
clear
on_terminal --account hush a@b
is 0 && test "$(kept)" = 1 && grep -q 'verdict has not come yet' "$top/out" && grep -q 'hint: If port 2465 .*tls = implicit' "$top/out"
ok $? "with tls = starttls on a port of its own: that it may want TLS from the first byte"
clear
deliverer "echo started >$top/started" 'sleep 3'
for sig in INT TERM HUP; do
    rm -f "$top/started"
    clear
    env --default-signal=INT -i PATH="$PATH" HOME="$home" XDG_STATE_HOME="$home/state" TAPPAL_LIBEXEC="$LIBEXEC" "$PROGRAM" --account wait a@b <"$top/in" >"$top/out" 2>"$top/err" &
    pid=$!
    while [ ! -e "$top/started" ]; do sleep 0.02; done
    kill -s "$sig" "$pid"
    wait "$pid"
    echo $? >"$top/status"
    silent && test "$(kept)" = 1
    ok $? "SIG$sig while waiting: 0, the message is kept"
done
deliverer 'exit 0'
printf 'hi\n' | send --account behind a@b
silent && test "$(kept)" = 1 && { sleep 0.2; grep -q "^--queue $queue --stay\$" "$top/called"; }
ok $? "background: started, not waited for"
deliverer 'exit 0'
printf 'hi\n' | send --account auto -odq a@b
silent && test "$(kept)" = 1 && test ! -e "$top/called"
ok $? "-odq only stores"
deliverer 'echo "dialogue EHLO there" >&3' 'echo end >&3'
printf 'hi\n' | send -v --account wait a@b
is 0 && grep -q '^EHLO there$' "$top/out" && grep -q -- --verbose "$top/called"
ok $? "-v shows the dialogue"

# -- for programs --
json() { # WANTED: the lines on stdout, without ids
    sed 's/"id":"[0-9a-v]\{26\}",//' "$top/out" >"$top/got"
    printf '%s\n' "$@" >"$top/wanted"
    cmp -s "$top/got" "$top/wanted"
}
# shellcheck disable=SC2016
deliverer 'echo "recipient 0 delivered 250 2.0.0 ok for now" >&3' 'echo "recipient 1 later 451 - slow" >&3' 'echo "dialogue EHLO there" >&3' 'echo end >&3'
printf 'hi\n' | send -v --json --account wait a@b c@d e@f
is 0 && json '{"account":"wait","recipient":"a@b","status":"delivered","code":250,"enhanced":"2.0.0","reply":"ok for now"}' \
    '{"account":"wait","recipient":"c@d","status":"later","code":451,"reply":"slow"}' '{"account":"wait","recipient":"e@f","status":"queued"}' &&
    grep -q 'EHLO there$' "$top/err"
ok $? "--json: an object for each recipient; with -v the dialogue goes to stderr"
deliverer 'echo "failure auth 535 The server refused the password.	Check it." >&3' 'echo end >&3'
printf 'hi\n' | send --json --account wait a@b
is 0 && test ! -s "$top/err" && json '{"account":"wait","recipient":"a@b","status":"queued","problem":"The server refused the password.","hint":"Check it."}'
ok $? "--json: a fault of the account"
printf 'hi\n' | send --json -odq a@b
is 0 && json '{"account":"work","recipient":"a@b","status":"queued"}'
ok $? "--json: only stored"
printf 'hi\n' | send --json 'a b'
is 65 && test ! -s "$top/out" && test -s "$top/err"
ok $? "--json: refused at once: a sentence on stderr, and no object"

deliverer 'exit 0'
send -q
silent && { sleep 0.2; grep -q "^--queue $queue --stay\$" "$top/called"; }
ok $? "-q starts a run"
LIBEXEC=$top/nowhere
rm -f "$LIBEXEC/tappal-deliver"
echo "1..$n"
exit $failed
