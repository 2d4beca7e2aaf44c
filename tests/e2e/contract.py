#!/usr/bin/python3
"""contract - what callers may rely on, through real programs: exit statuses and silence, the same sentence wherever
a failure is shown, whose configuration and queue count, what the log says.

run: limit=240
"""
import json
import os
import pathlib
import pwd
import re
import shlex
import shutil
import socket
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import lab    # noqa: E402
import peer   # noqa: E402
import tap    # noqa: E402

MESSAGE = b"From: ada@example.test\nTo: grace@example.test\nSubject: contract\n\nhello\n"
NO_DNS = 'printf "passwd: files\\nhosts: files\\n" >{dir}/nsswitch && mount --bind {dir}/nsswitch /etc/nsswitch.conf'


def empty(ada):
    """An empty queue, and no breaker open."""
    ada.end_processes()
    shutil.rmtree(ada.state / "queue", ignore_errors=True)
    for path in ada.state.glob("accounts/*"):
        if not path.name.endswith(".delivered"):
            path.unlink()


def everything(folder):
    """Path, mode, time and content of all that is there."""
    return {str(p): (p.stat().st_mode, p.stat().st_mtime_ns if p.is_file() else 0, p.read_bytes() if p.is_file() else b"") for p in folder.rglob("*")}


# -- an account that has delivered, and one that has not --

def failures(site):
    return [
        ("wrong password", {}, "wrong", 77), ("unknown host", {"host": "mial.example.test"}, None, 68), ("closed port", {"port": site["CLOSED_PORT"]}, None, 69),
        ("TLS to a plaintext port", {"port": site["SUBMISSION_PORT"]}, None, 69), ("untrusted certificate", {"host": site["UNTRUSTED_HOST"]}, None, 69),
        ("wrong name", {"host": site["WRONG_NAME_HOST"]}, None, 69), ("expired certificate", {"host": site["EXPIRED_HOST"]}, None, 69),
        ("no password", {"password_from": "netrc"}, None, 77), ("password file of others", {"password_from": "file /etc/passwd"}, None, 78),
    ]


def never_and_before(house, ada):
    """The sentence that a first set-up is refused with is, word by word, that of log, queue show and terminal later."""
    under = lab.with_mounts(NO_DNS.format(dir=house.dir))
    sentences = {}
    for name, options, password, status in failures(house.site):
        ada.account(send=options, password=password)
        result = ada.run("tappal-sendmail", "-t", stdin=MESSAGE, tty=True, under=under)
        tap.same((result.status, ada.queue()), (status, []), f"never delivered, {name}: {status}, nothing kept") or print("#", result)
        tap.ok("\ntappal-sendmail: The message was not kept" in result.err, "and that is said", result)
        sentences[name] = (result.err.split("\n") + [""])[0].removeprefix("tappal-sendmail: ").removeprefix("work: ")
        empty(ada)
    ada.account()
    result = ada.run("tappal-sendmail", "-t", stdin=MESSAGE)
    tap.ok((result.status, result.out, result.err) == (0, "", "") and not ada.queue(), "a delivery: 0 and silence", result)
    for name, options, password, _ in failures(house.site):
        ada.account(send=options, password=password)
        for tty in (True, False):
            what, sentence = f"delivered before, {name}, {'terminal' if tty else 'no terminal'}", sentences[name]
            ada.log.unlink(missing_ok=True)
            result = ada.run("tappal-sendmail", "-t", stdin=MESSAGE, tty=tty, under=under)
            ids = ada.queue()
            tap.ok(result.status == 0 and len(ids) == 1, f"{what}: 0, it is kept", result)
            said = result.err.startswith((f"tappal-sendmail: {sentence}\n  hint: ", f"tappal-sendmail: work: {sentence}\n  hint: ")) and ids[0] in result.err if tty and ids else result.err == result.out == ""
            tap.ok(said, f"{what}: {'what it is is said' if tty else 'silence'}", result, sentence)
            shown = ada.run("tappal", "queue", "show", *ids)
            tap.ok(len(sentence) > 20 and sentence in shown.out, f"{what}: queue show has the sentence", sentence, shown)
            logged = ada.log.read_text() if ada.log.exists() else ""
            tap.ok(sentence in logged.replace('\\"', '"'), f"{what}: the log has the sentence", sentence, logged)
            empty(ada)


# -- the server's verdicts --

GREET = "S: 220 mail.example.test\nC: EHLO *\nS: 250 mail.example.test\nC: MAIL FROM:<ada@example.test>*\nS: 250 ok\n"
ADA, EVE = "C: RCPT TO:<ada@example.test>\n", "C: RCPT TO:<eve@example.test>\n"
REFUSED, LATER, GOOD = "S: 550 5.1.1 No such user\n", "S: 450 4.2.0 Come again\n", "S: 250 ok\n"
DATA = "C: DATA\nS: 354 go on\ndata\nS: {}\n"
VERDICTS = [ # name, script, status, kept, reports
    ("all delivered", ADA + GOOD + EVE + GOOD + DATA.format("250 ok"), 0, 0, 0),
    ("all refused", ADA + REFUSED + EVE + REFUSED, 69, 0, 0),
    ("all refused with the text", ADA + GOOD + EVE + GOOD + DATA.format("554 5.6.0 no"), 69, 0, 0),
    ("one refused", ADA + GOOD + EVE + REFUSED + DATA.format("250 ok"), 0, 0, 1),
    ("one refused, one later", ADA + REFUSED + EVE + LATER, 0, 1, 1),
    ("all later", ADA + LATER + EVE + LATER, 0, 1, 0),
    ("the text later", ADA + GOOD + EVE + GOOD + DATA.format("451 4.3.0 busy"), 0, 1, 0),
]


def verdicts(house, ada):
    for name, script, status, kept, reports in VERDICTS:
        for tty in (False, True):
            empty(ada)
            shutil.rmtree(ada.maildir, ignore_errors=True)
            with peer.Peer(GREET + script, limit=20) as server:
                ada.account(send={"host": "127.0.0.1", "port": server.port, "tls": "off", "tls_ca": None, "auth": "none"})
                result = ada.run("tappal-sendmail", "ada@example.test", "eve@example.test", stdin=MESSAGE, tty=tty)
            what = f"{name}{', terminal' if tty else ''}"
            tap.same((result.status, len(ada.queue())), (status, kept), f"{what}: {status}, {kept} kept") or print("#", result, *server.transcript, sep="\n# ")
            if status == 0 and not tty:
                tap.same(result.out + result.err, "", f"{what}: silence")
            told = re.findall(r"^tappal-sendmail: (\S+) was refused, and a report on it made: 550 5\.1\.1 No such user$", result.err, re.M)
            tap.same(len(told), reports if tty else 0, f"{what}: who is reported on is said on a terminal, in one line") or print("#", result)
            if status:
                tap.matches(result.err, "554 5.6.0 no" if "text" in name else "550 5.1.1 No such user", f"{what}: the server's words are shown")
            ada.end_processes()
            tap.same(len(ada.fetched()), reports, f"{what}: {reports} reports")
    empty(ada)


def one_refusal_told(house, ada):
    """Who asks for it, by -v or --json, hears of a refusal that the exit status says nothing of."""
    for options, sender in ((["-v"], "ada@example.test"), (["-v"], ""), (["--json"], "ada@example.test"), (["--json"], "")):
        script = GREET.replace("ada@example.test", sender, 1) + ADA + GOOD + EVE + REFUSED + DATA.format("250 ok")
        what = f"one refused, {' '.join(options)}, from <{sender}>"
        with peer.Peer(script, limit=20) as server:
            ada.account(send={"host": "127.0.0.1", "port": server.port, "tls": "off", "tls_ca": None, "auth": "none"})
            result = ada.run("tappal-sendmail", *options, "-f", sender, "ada@example.test", "eve@example.test", stdin=MESSAGE)
        if options == ["-v"]:
            said = re.findall(r"^tappal-sendmail: eve@example\.test was refused(.*): 550 5\.1\.1 No such user$", result.err, re.M)
            tap.same((result.status, said), (0, [", and a report on it made" if sender else ""]), f"{what}: in one line") or print("#", result)
        else:
            eve = json.loads(result.out.splitlines()[1])
            tap.same((result.status, result.err, eve["status"], eve.get("reported")), (0, "", "refused", bool(sender)), f"{what}: `reported`") or print("#", result)
        ada.end_processes()
        tap.same(len(ada.fetched()), 1 if sender else 0, f"{what}: as it says")
        shutil.rmtree(ada.maildir, ignore_errors=True)
        empty(ada)


# -- whose configuration --

def overlay(house, folder):
    """/etc as it is, with `folder` over it."""
    return f"mount -t overlay overlay -o lowerdir={shlex.quote(str(folder))}:/etc /etc"


def machines_configuration(house, ada):
    etc = house.dir / "etc"
    (etc / "tappal/accounts").mkdir(parents=True)
    ada.account("machine", fetch={"maildir": ada.home / "MachineMail"})
    for path in (ada.config / "accounts/machine.ini", ada.config / "tappal.ini"):
        shutil.copy(path, etc / "tappal" / path.relative_to(ada.config))
    mount = overlay(house, etc)
    if ada.run("/bin/true", under=lab.with_mounts(mount)).status:
        tap.skip("the machine's configuration", "no overlay over /etc can be mounted here")
        return
    under = lab.with_mounts(mount)
    own = ada.config / "accounts/machine.ini"
    own.unlink()
    result = ada.run("tappal-sendmail", "-t", stdin=MESSAGE, under=under)
    tap.ok(result.status == 0 and not ada.queue() and len(house.received("grace@example.test")) == 1, "no account of one's own: the machine's sends", result)
    result = ada.run("tappal-sendmail", "-bv", "grace@example.test", under=under)
    tap.matches(result.out, r"by the account machine", "-bv says so")

    ada.account("work", send={"host": "mail.example.org"})
    result = ada.run("tappal-sendmail", "-bv", "grace@example.test", under=under)
    tap.matches(result.out, r"by the account work", "an account of one's own comes before the machine's")
    text = (ada.config / "accounts/work.ini").read_text()
    ada.write(ada.config / "accounts/work.ini", re.sub(r"\[send\]\n.*?(?=\[fetch\])", "", text, flags=re.S))
    result = ada.run("tappal-sendmail", "-bv", "grace@example.test", under=under)
    tap.matches(result.out, r"by the account machine", "one without [send] does not count")

    house.clear()
    ada.write(ada.config / "accounts/work.ini", "[account]\nadress = ada@example.test\n")
    result = ada.run("tappal-sendmail", "-t", stdin=MESSAGE, under=under)
    ada.end_processes()
    tap.ok(result.status == 0 and len(ada.queue()) == 1 and not house.received("grace@example.test"), "a broken one of one's own: kept, never sent by the machine's", result)
    run = ada.run("tappal", "queue", "run", under=under)
    tap.ok(not house.received("grace@example.test") and len(ada.queue()) == 1 and "work.ini:2" in run.out + run.err, "nor by a later run, which says why", run)
    result = ada.run("tappal-fetch", under=under)
    tap.ok(result.status == 78 and "work.ini:2" in result.err and not (ada.home / "MachineMail").exists(), "nor does tappal-fetch fall back", result)
    empty(ada)


def named_configuration(house, ada):
    """--config and TAPPAL_CONFIG name another folder, for every program."""
    ada.account("work", fetch={"host": "mail.example.org"}, send={"host": "mail.example.org"})
    other = ada.home / "other"
    ada.account("there")
    (other / "accounts").mkdir(parents=True)
    (ada.config / "accounts/there.ini").rename(other / "accounts/there.ini")
    for how, options, env in (("--config", ("--config", other), {}), ("TAPPAL_CONFIG", (), {"TAPPAL_CONFIG": str(other)})):
        house.clear()
        result = ada.run("tappal", "account", "list", *options, **env)
        tap.ok(result.status == 0 and "there" in result.out and "work" not in result.out, f"{how}: tappal account list", result)
        result = ada.run("tappal", "check", *options, **env)
        tap.same(result.status, 0, f"{how}: tappal check")
        result = ada.run("tappal-sendmail", *options, "-i", "ada@example.test", stdin=MESSAGE, **env)
        tap.ok(result.status == 0 and not ada.queue() and len(house.received()) == 1, f"{how}: tappal-sendmail", result)
        before = len(ada.fetched())
        result = ada.run("tappal-fetch", *options, **env)
        tap.ok(result.status == 0 and len(ada.fetched()) == before + 1, f"{how}: tappal-fetch", result)
    result = ada.run("tappal-sendmail", "-odq", "-i", "ada@example.test", stdin=MESSAGE, TAPPAL_CONFIG=str(other))
    house.clear()
    run = ada.run("tappal", "queue", "run")
    tap.ok(result.status == 0 and not ada.queue() and len(house.received()) == 1, "a message keeps the folder that it came in with", result, run)


def other_peoples_folders(house, ada):
    if not lab.ROOT:
        tap.skip("a queue and a configuration that are not ours", "root only")
        return
    ada.account()
    ada.run("tappal-sendmail", "-odq", "grace@example.test", stdin=MESSAGE)
    queue = ada.state / "queue"
    os.chown(queue, 1, 1)
    before = everything(ada.state)
    result = ada.run("tappal-sendmail", "-odq", "grace@example.test", stdin=MESSAGE)
    tap.ok(result.status == 75 and str(queue) in result.err and pwd.getpwuid(1).pw_name in result.err, "a queue that is not ours: 75, naming its owner", result)
    tap.same(everything(ada.state), before, "and nothing is written there")
    os.chown(queue, 0, 0)
    empty(ada)
    file = ada.config / "accounts/work.ini"
    os.chown(file, 1, 1)
    result = ada.run("tappal-fetch")
    tap.ok(result.status == 78 and str(file) in result.err and pwd.getpwuid(1).pw_name in result.err, "an account file that is another's: 78, naming whose", result)
    file.unlink()
    shutil.copytree(ada.config, house.dir / "etc2/tappal")
    ada.account()
    shutil.copy(file, house.dir / "etc2/tappal/accounts")
    for path in (house.dir, house.dir / "etc2", house.dir / "etc2/tappal", house.dir / "etc2/tappal/accounts"):
        path.chmod(0o755)
    file.unlink()
    home = house.dir / "stranger"
    home.mkdir()
    os.chown(home, 4243, 4243)
    program = house.dir / "tappal-sendmail"
    shutil.copy(lab.BUILD / "tappal-sendmail", program)
    program.chmod(0o755)
    under = lab.with_mounts(overlay(house, house.dir / "etc2"), uid=4243)
    result = ada.run(program, "-t", stdin=MESSAGE, under=under, HOME=str(home), XDG_STATE_HOME=None, USER=None)
    tap.ok(result.status == 78 and "hint: " in result.err and not list(home.rglob("msg/*")), "a uid that can read no account: 78, nothing kept", result)


# -- small print --

def percent_signs(house, ada):
    named = pathlib.Path("/etc/mailname").exists() and lab.can_unshare()  # else the machine's own mail name cannot be known
    user = pwd.getpwuid(os.getuid()).pw_name
    mailname = ada.home / "mailname"
    mailname.write_text("mx.example.test\n")
    under = lab.with_mounts(f"mount --bind {mailname} /etc/mailname") if named else ()
    host = socket.gethostname()
    ada.account(address="%U.%H@%M" if named else "%U.%H@example.test")
    wanted = f"{user}.{host}@" + ("mx.example.test" if named else "example.test")
    result = ada.run("tappal-sendmail", "-odq", "grace@example.test", stdin=b"Subject: x\n\nhello\n", under=under)
    text = b"".join((ada.state / "queue/msg" / i).read_bytes() for i in ada.queue()).decode()
    tap.ok(result.status == 0 and f"<{wanted}>" in text or wanted in text, "%U, %H and %M in address", text, result)
    empty(ada)
    ada.account(send={"set_from": "%U+%H@example.test"})
    result = ada.run("tappal-sendmail", "-odq", "grace@example.test", stdin=MESSAGE)
    text = b"".join((ada.state / "queue/msg" / i).read_bytes() for i in ada.queue()).decode()
    tap.ok(re.search(rf"^From: .*{re.escape(user)}\+{re.escape(host)}@example\.test", text, re.M) and "From: ada@" not in text, "%U and %H in set_from", text, result)
    empty(ada)


def one_round(house, ada, **env):
    house.clear()
    sent = ada.run("tappal-sendmail", "-i", "ada@example.test", "grace@example.test", stdin=MESSAGE, **env)
    got = ada.run("tappal-fetch", **env)
    tap.ok(sent.status == 0 and got.status == 0 and not ada.queue(), "log: a message out and in", sent, got)
    return sent, got


def logs(house, ada):
    ada.account()
    one_round(house, ada)
    lines = ada.log.read_text().splitlines()
    sent, fetched = [w for w in lines if " sent " in w], [w for w in lines if " fetched " in w]
    tap.ok(len(sent) == 1 and re.fullmatch(r'\d{4}-\d\d-\d\dT\S+ tappal-deliver: sent id=\w+ account=work from=ada@example\.test to=ada@example\.test,grace@example\.test '
                                          r'host=localhost code="250 2\.0\.0" reply=".*"', sent[0]), "log = FILE: one line for a message sent", *lines)
    tap.ok(len(fetched) == 1 and re.fullmatch(r"\d{4}-\d\d-\d\dT\S+ tappal-fetch: fetched account=work folder=INBOX uid=\S+ size=\d+ file=\S+", fetched[0]),
           "log = FILE: one line for a message fetched", *lines)
    tap.same(oct(ada.log.stat().st_mode & 0o777), "0o600", "log = FILE: for its owner alone")

    ada.write(ada.config / "tappal.ini", "[tappal]\nlog = stderr\n")
    out, got = one_round(house, ada)
    tap.ok(out.err == "" and re.match(r"tappal-fetch: fetched account=work ", got.err), "log = stderr: fetching says it there, sending is silent", out, got)
    ada.write(ada.config / "tappal.ini", "[tappal]\nlog = /nonexistent/log\n")
    out, got = one_round(house, ada)
    tap.ok(out.err + got.err == "", "a log that cannot be written fails nobody", out, got)
    to_syslog(house, ada)


def to_syslog(house, ada):
    """/dev/log is a socket of ours, in an overlay over /dev."""
    ada.write(ada.config / "tappal.ini", "")
    path = house.dir / "syslog"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        path.chmod(0o666)
        (house.dir / "dev").mkdir()
        (house.dir / "dev/log").symlink_to(path)
        under = lab.with_mounts(f"mount -t overlay overlay -o lowerdir={house.dir}/dev:/dev /dev", "test -S /dev/log", ": >/dev/null")
        if ada.run("/bin/true", under=under).status:
            tap.skip("log to syslog", "root only: no devices in an overlay over /dev")
            return
        house.clear()
        result = ada.run("tappal-sendmail", "-i", "ada@example.test", stdin=MESSAGE, under=under)
        got = ada.run("tappal-fetch", under=under)
        listener.settimeout(2)
        said = []
        try:
            while len(said) < 2:
                said.append(listener.recv(65536).decode())
        except OSError:
            pass
        tap.ok(result.err + got.err == "" and any(re.match(r"<22>.*tappal-deliver\[\d+\]: sent id=", w) for w in said)
               and any(re.match(r"<22>.*tappal-fetch\[\d+\]: fetched account=", w) for w in said), "no log line: syslog has both", result, got, *said)


def dry_run(house, ada):
    """Nothing changes, here or there."""
    for protocol, port in (("imap", "IMAPS"), ("pop3", "POP3S")):
        for keep in ("yes", "no"):
            house.clear()
            house.put(MESSAGE.replace(b"\n", b"\r\n"))
            ada.account(fetch={"protocol": protocol, "port": house.port(port), "keep": keep, "maildir": ada.home / f"{protocol}-{keep}"})
            before = everything(ada.home)
            first = ada.run("tappal-fetch", "--dry-run")
            new = {k: v for k, v in everything(ada.home).items() if k not in before or v != before[k]}
            tap.ok(first.status == 0 and "1 new message" in first.out and not new, f"{protocol}, keep = {keep}: --dry-run makes nothing", first, *new)
            ada.run("tappal-fetch")
            house.put(MESSAGE.replace(b"\n", b"\r\n"))
            before, there = everything(ada.home), house.received()
            again = ada.run("tappal-fetch", "--dry-run")
            after = everything(ada.home)
            tap.ok(again.status == 0 and after == before and house.received() == there, f"{protocol}, keep = {keep}: nor does it change anything", again,
                   *[k for k in set(after) | set(before) if after.get(k) != before.get(k)])


def main():
    with lab.Lab() as house:
        for part in (verdicts, one_refusal_told, machines_configuration, named_configuration, other_peoples_folders, percent_signs, logs, dry_run):
            part(house, house.person(part.__name__))
        if lab.can_unshare():
            never_and_before(house, house.person("never"))
        else:
            tap.skip("an account that never delivered", "needs mount namespaces")
    tap.done()


main()
