#!/usr/bin/python3
"""faults - what goes wrong on the first day, against real servers: each fault must end in one sentence that
names what it is about, a hint that can be acted on, the right exit status, and nothing lost or half-written.

run: limit=300
"""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import lab      # noqa: E402
import tap      # noqa: E402

MESSAGE = b"From: ada@example.test\nTo: grace@example.test\nSubject: fault\n\nhello\n"
INCOMING = b"From: grace@example.test\r\nTo: ada@example.test\r\nSubject: in\r\nMessage-ID: <in@example.test>\r\n\r\nhello\r\n"
NO_DNS = 'printf "passwd: files\\nhosts: files\\n" >{dir}/nsswitch && mount --bind {dir}/nsswitch /etc/nsswitch.conf'


def server_faults(site, plain, implicit):
    """name, the section's options, exit status, the sentence, the hint, password."""
    return [
        ("wrong password", {}, 77, r"password.*|refused", r"tappal auth login work\b", "wrong"),
        ("unknown host", {"host": "mial.example.test"}, 68, r"mial\.example\.test", r"spell|name", None),
        ("closed port", {"port": site["CLOSED_PORT"]}, 69, r"localhost.*" + site["CLOSED_PORT"], r"port|993|995|465|587", None),
        ("TLS to a plaintext port", {"port": plain}, 69, r"TLS|localhost", r"starttls", None),
        ("plaintext to a TLS port", {"port": implicit, "tls": "starttls", "timeout": 3}, 69, r"localhost", r"implicit", None),
        ("untrusted certificate", {"host": site["UNTRUSTED_HOST"]}, 69, r"certificate.*127\.0\.0\.4|127\.0\.0\.4.*certificate", r"tls_ca", None),
        ("certificate for another name", {"host": site["WRONG_NAME_HOST"]}, 69, r"certificate", r"other\.example\.test|name|tls_host", None),
        ("expired certificate", {"host": site["EXPIRED_HOST"]}, 69, r"expired", r"clock|date|renew", None),
    ]


def one_sentence_and_hint(text, program, sentence, hint, what):
    """stderr holds "program: [account: ]Sentence." and "  hint: ...", nothing else but progress."""
    lines = [line for line in text.splitlines() if line.strip() and "\r" not in line]
    good = (len(lines) == 2 and lines[0].startswith(f"{program}: ") and re.search(r": \S.*[.)\"]$", lines[0])
            and lines[1].startswith("  hint: ") and re.search(sentence, lines[0], re.I) and re.search(hint, lines[1], re.I))
    tap.ok(good, f"{what}: one sentence and a hint", text)
    return lines[0] if lines else ""


def ports(site, protocol):
    return {"imap": (site["IMAP_PORT"], site["IMAPS_PORT"]), "pop3": (site["POP3_PORT"], site["POP3S_PORT"]),
            "smtp": (site["SUBMISSION_PORT"], site["SUBMISSIONS_PORT"])}[protocol]


def fetch_server_faults(house, ada, protocol):
    plain, implicit = ports(house.site, protocol)
    house.clear()
    house.put(INCOMING)
    for name, options, status, sentence, hint, password in server_faults(house.site, plain, implicit):
        what = f"{protocol}: {name}"
        ada.account(fetch={"protocol": protocol, "port": implicit, **options}, password=password)
        result = ada.run("tappal-fetch", under=lab.with_mounts(NO_DNS.format(dir=house.dir)))
        tap.same(result.status, status, f"{what}: exit status")
        one_sentence_and_hint(result.err, "tappal-fetch", sentence, hint, what)
        tap.ok(not ada.fetched() and not ada.half_written() and len(house.received()) == 1, f"{what}: nothing lost or half-written")


def send_on_a_terminal(house, ada):
    plain, implicit = ports(house.site, "smtp")
    for name, options, status, sentence, hint, password in server_faults(house.site, plain, implicit):
        what = f"sendmail, first delivery, terminal: {name}"
        ada.account(send=options, password=password)
        result = ada.run("tappal-sendmail", "-t", stdin=MESSAGE, tty=True, under=lab.with_mounts(NO_DNS.format(dir=house.dir)))
        tap.same(result.status, status, f"{what}: exit status")
        told, said, _ = result.err.partition("tappal-sendmail: The message was not kept, since this account has never sent one yet.")
        one_sentence_and_hint(told, "tappal-sendmail", sentence, hint, what)
        tap.ok(said and ada.queue() == [], f"{what}: nothing kept, and that is said", result, ada.queue())


def send_in_the_background(house, ada):
    plain, implicit = ports(house.site, "smtp")
    for name, options, _, sentence, _, password in server_faults(house.site, plain, implicit):
        what = f"sendmail, no terminal: {name}"
        ada.account(send=options, password=password)
        if ada.log.exists():
            ada.log.unlink()
        result = ada.run("tappal-sendmail", "-t", stdin=MESSAGE, under=lab.with_mounts(NO_DNS.format(dir=house.dir)))
        tap.same((result.status, result.out, result.err), (0, "", ""), f"{what}: kept, 0, silent")
        ids = ada.queue()
        tap.same(len(ids), 1, f"{what}: it is in the queue")
        if not ids:
            continue
        shown = ada.run("tappal", "queue", "show", ids[0])
        found = re.search(r"[^\n]*(?:%s)[^\n]*" % sentence, shown.out, re.I)
        tap.ok(found, f"{what}: queue show says why", shown)
        logged = ada.log.read_text() if ada.log.exists() else ""
        tap.ok(re.search(sentence, logged, re.I), f"{what}: the log says why", logged)
        ada.end_processes()
        removed = ada.run("tappal", "queue", "remove", ids[0])
        tap.ok(removed.status == 0 and not ada.queue(), f"{what}: queue remove", removed)


def full_disk(house, ada):
    house.clear()
    big = INCOMING + b"x" * 70 + b"\r\n" + b"0123456789" * 60000 + b"\r\n"
    house.put(big)
    ada.account()
    ada.maildir.mkdir(exist_ok=True)
    listing = house.dir / "listing"
    small = f"mount -t tmpfs -o size=200k,mode=0777 tmpfs {ada.maildir}"
    look = f"find {ada.maildir} -type f >{listing}"
    result = ada.run("tappal-fetch", under=lab.with_mounts(small, after=look))
    tap.same(result.status, 75, "full disk, fetch: exit status")
    one_sentence_and_hint(result.err, "tappal-fetch", r"space|full", r"space|room|disk", "full disk, fetch")
    left = [p for p in listing.read_text().split() if "/new/" in p or "/cur/" in p or "/tmp/" in p]
    tap.same(left, [], "full disk, fetch: nothing half-written")
    tap.same(len(house.received()), 1, "full disk, fetch: still on the server")
    result = ada.run("tappal-fetch")
    tap.ok(result.status == 0 and len(ada.fetched()) == 1, "full disk, fetch: once there is room it comes", result)

    ada.state.mkdir(parents=True, exist_ok=True)
    small = f"mount -t tmpfs -o size=200k,mode=0700 tmpfs {ada.state}" + (f" && chown 0:0 {ada.state}" if lab.ROOT else "")
    look = f"find {ada.state} -type f -size +0 >{listing}"
    for tty in (True, False):
        what = f"full disk, sendmail{', terminal' if tty else ''}"
        result = ada.run("tappal-sendmail", "-t", stdin=MESSAGE + b"0123456789" * 60000 + b"\n", tty=tty, under=lab.with_mounts(small, after=look))
        tap.same(result.status, 75, f"{what}: exit status")
        one_sentence_and_hint(result.err, "tappal-sendmail", r"space|full", r"space|room|disk", what)
        tap.same([p for p in listing.read_text().split() if "/queue/" in p], [], f"{what}: nothing left behind")


def read_only_maildir(house, ada):
    house.clear()
    house.put(INCOMING)
    for name, mount in (("mounted read-only", f"mount -t tmpfs -o ro,mode=0755 tmpfs {ada.maildir}"), ("mode 0500", "true")):
        what = f"read-only maildir, {name}"
        ada.maildir.mkdir(exist_ok=True)
        ada.run("/usr/bin/find", ada.maildir, "-mindepth", "1", "-delete")
        ada.maildir.chmod(0o500)
        ada.account()
        result = ada.run("tappal-fetch", under=lab.with_mounts(mount))
        tap.same(result.status, 75, f"{what}: exit status")
        one_sentence_and_hint(result.err, "tappal-fetch", re.escape(str(ada.maildir)), r".", what)
        tap.same((ada.fetched(), len(house.received())), ([], 1), f"{what}: nothing lost")
        ada.maildir.chmod(0o700)
    result = ada.run("tappal-fetch")
    tap.ok(result.status == 0 and len(ada.fetched()) == 1, "read-only maildir: once writable it comes", result)


def broken_configurations(ada):
    file = ada.config / "accounts/work.ini"

    def unreadable():
        file.chmod(0)

    def writable_by_others():
        file.chmod(0o666)

    def unknown_option():
        ada.write(file, file.read_text().replace("tls_ca", "tls_cafile"))

    def plain_password():
        ada.write(file, file.read_text().replace("password_from", "password = hunter2-secret\npassword_from"))

    for spoil in (unreadable, writable_by_others, unknown_option, plain_password):
        name = spoil.__name__.replace("_", " ")
        for program, args, tty in (("tappal-fetch", (), False), ("tappal-sendmail", ("-t",), True), ("tappal", ("check",), False)):
            ada.account()
            spoil()
            result = ada.run(program, *args, stdin=MESSAGE, tty=tty, under=lab.without_powers())
            file.chmod(0o600)
            what = f"configuration, {name}, {program}"
            tap.same(result.status, 78, f"{what}: exit status")
            told = result.err + (result.out if program == "tappal" else "")
            tap.ok("accounts/work.ini" in told and "hint" in told + "hint" * (program == "tappal"), f"{what}: names the file", result)
            tap.ok("hunter2" not in told, f"{what}: no secret is shown", told)
            tap.same(ada.queue(), [], f"{what}: nothing kept")
    for spoil in (unreadable, unknown_option):
        what = f"configuration, {spoil.__name__.replace('_', ' ')}, tappal-sendmail without a terminal"
        ada.account()
        spoil()
        result = ada.run("tappal-sendmail", "-t", stdin=MESSAGE, under=lab.without_powers())
        file.chmod(0o600)
        kept = len(ada.queue())
        tap.ok((result.status, kept) in ((0, 1), (78, 0)), f"{what}: 0 and kept, or 78 and nothing kept", result, f"{kept} kept")
        for i in ada.queue():
            ada.end_processes()
            ada.run("tappal", "queue", "remove", i)


def no_home(house, ada):
    """HOME unset: passwd's home is as good. No passwd entry either: a sentence, and nothing is written anywhere."""
    house.clear()
    house.put(INCOMING)
    ada.account()
    uid = 4242 if lab.ROOT else ada.home.stat().st_uid
    passwd = house.dir / "passwd"
    here = f"mount --bind {passwd} /etc/passwd && " + NO_DNS.format(dir=house.dir)
    if lab.ROOT:
        ada.run("/bin/chown", "-R", f"{uid}:{uid}", ada.home)
        copied = house.dir / "bin"
        ada.run("/bin/sh", "-c", f"mkdir -p {copied} && cp {lab.BUILD}/tappal* {copied}/ && chmod -R a+rX {copied}")
    folder = str(house.dir / "bin") if lab.ROOT else str(lab.BUILD)
    bare = {"HOME": None, "XDG_STATE_HOME": None, "USER": None, "XDG_RUNTIME_DIR": None, "TAPPAL_LIBEXEC": folder}

    passwd.write_text(f"root:x:0:0:root:/root:/bin/sh\nperson:x:{uid}:{uid}::{ada.home}:/bin/sh\n")
    result = ada.run(f"{folder}/tappal-fetch", under=lab.with_mounts(here, uid=uid), **bare)
    tap.ok(result.status == 0 and len(ada.fetched()) == 1, "no HOME: passwd's home is used", result)
    result = ada.run(f"{folder}/tappal-sendmail", "-t", stdin=MESSAGE, under=lab.with_mounts(here, uid=uid), **bare)
    tap.ok(result.status == 0 and len(house.received("grace@example.test")) == 1, "no HOME: a message goes out", result)

    passwd.write_text("root:x:0:0:root:/root:/bin/sh\n")
    if not lab.ROOT and uid == 0:
        return
    for home, what in ((None, "uid without passwd entry, no HOME"), ("/", "uid without passwd entry, HOME=/")):
        bare["HOME"] = home
        result = ada.run(f"{folder}/tappal-fetch", under=lab.with_mounts(here, uid=uid), **bare)
        tap.same(result.status, 78, f"{what}, fetch: exit status")
        one_sentence_and_hint(result.err, "tappal-fetch", r"account|home", r"HOME|--config|TAPPAL_CONFIG|account add", f"{what}, fetch")
        for tty in (True, False):
            result = ada.run(f"{folder}/tappal-sendmail", "-t", stdin=MESSAGE, tty=tty, under=lab.with_mounts(here, uid=uid), **bare)
            tap.ok(result.status in (75, 78), f"{what}, sendmail, terminal {tty}: 75 or 78", result)
            one_sentence_and_hint(result.err, "tappal-sendmail", r"account|home|keep", r".", f"{what}, sendmail, terminal {tty}")


def main():
    if not lab.can_unshare():
        print("1..0 # SKIP needs mount namespaces (unprivileged user namespaces are off here)")
        return
    with lab.Lab() as house:
        for protocol in ("imap", "pop3"):
            fetch_server_faults(house, house.person(protocol), protocol)
        send_on_a_terminal(house, house.person("terminal"))
        send_in_the_background(house, house.person("background"))
        full_disk(house, house.person("full"))
        read_only_maildir(house, house.person("readonly"))
        broken_configurations(house.person("broken"))
        no_home(house, house.person("homeless"))
    tap.done()


main()
