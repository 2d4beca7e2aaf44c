#!/usr/bin/python3
"""callers_system - more programs that send: those that speak SMTP to sendmail -bs, bsd-mailx, Emacs, a shell loop of a
thousand; and cron and at, into which /usr/sbin/sendmail is compiled: in a mount namespace where that is tappal-sendmail.

run: limit=240
"""
import email
import email.policy
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import lab      # noqa: E402
import tap      # noqa: E402

GRACE = "grace@example.test"
MANY = 100 if lab.SANITIZED else 1000
MAILX = lab.TOP / "build/mailx"
BODY = "Dear Grace,\n\n.a dot first\nGrüße\n..\n.\nlast line\n"


def arrived(house, count=1, to=GRACE):
    """What comes in the background is waited for."""
    for _ in range(600):
        if len(house.received(to)) >= count:
            break
        time.sleep(0.05)
    return [m.replace(b"\r\n", b"\n") for m in house.received(to)]


def body(message):
    return message.split(b"\n\n", 1)[1].decode()


class Symfony:
    """As Symfony Mailer's SendmailTransport speaks: a command, its answer, the next command."""

    def __init__(self, ada, *options):
        self.child = subprocess.Popen([lab.BUILD / "tappal-sendmail", "-bs", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      env=ada.env, cwd=ada.home, start_new_session=True)
        self.said = self.answer()

    def answer(self):
        lines = []
        while not lines or lines[-1][3:4] == b"-":
            lines.append(self.child.stdout.readline())
        return lines[-1].decode().strip()

    def ask(self, command):
        self.child.stdin.write(command.encode() + b"\r\n")
        self.child.stdin.flush()
        return self.answer()

    def send(self, text, *to):
        answers = [self.ask(f"MAIL FROM:<{GRACE.replace('grace', 'ada')}>"), *(self.ask(f"RCPT TO:<{t}>") for t in to), self.ask("DATA")]
        if answers[-1][:3] == "354":
            answers.append(self.ask(text.replace("\n", "\r\n").replace("\r\n.", "\r\n..") + "\r\n."))
        return answers

    def quit(self):
        answer = self.ask("QUIT")
        out, err = self.child.communicate(timeout=60)
        return answer[:3], self.child.returncode, out, err


def symfony(house, ada):
    ada.account()
    talk = Symfony(ada)
    text = "Subject: one\nContent-Type: text/plain; charset=utf-8\nMIME-Version: 1.0\n\n" + BODY
    tap.same([talk.said[:3], talk.ask("EHLO [127.0.0.1]")[:3]], ["220", "250"], "-bs: greeting")
    tap.same([a[:3] for a in talk.send(text, GRACE)], ["250", "250", "354", "250"], "-bs: a message")
    tap.same([a[:3] for a in talk.send(text.replace("one", "two"), GRACE, "two words", "ada@example.test")], ["250", "250", "501", "250", "354", "250"], "-bs: another one in the same conversation")
    tap.same(talk.quit(), ("221", 0, b"", b""), "-bs: its end, and silence")
    got = arrived(house, 2)
    tap.same(sorted(email.message_from_bytes(m)["Subject"] for m in got), ["one", "two"], "-bs: both arrive")
    tap.ok(all(body(m) == BODY + "\n" for m in got), "-bs: as they were written, with the line end before the dot", *got)
    house.clear()
    ada.end_processes()
    talk = Symfony(ada, "-odi")
    refused = talk.send(text, "unknown@example.test")
    tap.ok(refused[-1].startswith("550 5") and "unknown@example.test" in refused[-1], "-bs -odi: the server's refusal is the answer", refused)
    tap.same(ada.queue(), [], "-bs -odi: and nothing is kept")
    tap.ok(talk.send(text, GRACE)[-1].startswith("250"), "-bs -odi: the conversation goes on")
    # The deliverer of the first one may still be on its way out, and have taken the second one over.
    tap.same((talk.quit()[0], len(arrived(house))), ("221", 1), "-bs -odi: what is answered with 250 arrives")


def bsd_mailx(house, ada):
    ada.account()
    sendmail = ada.home / "sendmail"
    sendmail.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{ada.home}/args\nexec {lab.BUILD}/tappal-sendmail "$@"\n')
    sendmail.chmod(0o755)
    (ada.home / ".mailrc").write_text(f"set sendmail={sendmail}\nset sendwait\n")
    result = ada.run(MAILX / "usr/bin/bsd-mailx", "-s", "from mailx", "-r", "ada@example.test", "-b", "ada@example.test", GRACE, stdin=BODY.replace("ü", "u").replace("ß", "ss").encode(),
                     LD_LIBRARY_PATH=str(next(MAILX.glob("usr/lib/*"))), MAILRC=str(ada.home / ".mailrc"))
    tap.same((result.status, result.err), (0, ""), "bsd-mailx: content") or print("#", result)
    got = arrived(house)
    tap.ok(len(got) == 1 and body(got[0]) == BODY.replace("ü", "u").replace("ß", "ss") and b"Bcc" not in got[0], f"bsd-mailx: arrived ({(ada.home / 'args').read_text().split()})", *got)
    tap.same(len(arrived(house, 1, "ada@example.test")), 1, "bsd-mailx: the blind copy too")


def emacs(house, ada):
    ada.account()
    code = f"""(progn
      (require 'message)
      (setq user-mail-address "ada@example.test" user-full-name "Ada Lövelace"
            sendmail-program "{lab.BUILD}/tappal-sendmail" message-send-mail-function 'message-send-mail-with-sendmail
            message-interactive t message-generate-hashcash nil message-kill-buffer-on-exit t)
      (message-mail "grace@example.test" "Grüße")
      (goto-char (point-max))
      (insert "Dear Grace,\\n\\n.a dot first\\nGrüße\\n.\\nlast line\\n")
      (message-send)
      (princ "sent"))"""
    result = ada.run("/usr/bin/emacs", "-Q", "--batch", "--eval", code)
    tap.ok(result.status == 0 and result.out.endswith("sent"), "emacs message.el: content (any word on stdout or stderr is a failure to it)", result)
    got = arrived(house)
    tap.ok(len(got) == 1 and email.message_from_bytes(got[0], policy=email.policy.default).get_content() == "Dear Grace,\n\n.a dot first\nGrüße\n.\nlast line\n", "emacs message.el: arrived", *got)
    refused = ada.run("/usr/bin/emacs", "-Q", "--batch", "--eval", code.replace(GRACE, "unknown@example.test"))
    tap.ok(refused.status != 0 and "unknown@example.test" in refused.err + refused.out, "emacs message.el: hears of a refused recipient", refused)


def loop(house, ada):
    """A shell loop that only stores; then one run."""
    ada.account()
    script = f"i=0; while [ $i -lt {MANY} ]; do i=$((i + 1)); printf 'Subject: %s\\n\\nnumber %s\\n' $i $i | tappal-sendmail -odq {GRACE} || echo failed $i; done"
    result = ada.run("/bin/sh", "-c", script, limit=120)
    tap.same((result.status, result.out, result.err, len(ada.queue())), (0, "", "", MANY), f"a shell loop of {MANY}: all are kept, in silence")
    result = ada.run("tappal-deliver", limit=120)
    got = sorted(int(email.message_from_bytes(m)["Subject"]) for m in arrived(house, MANY))
    tap.same((result.status, ada.queue(), got), (0, [], list(range(1, MANY + 1))), f"a shell loop of {MANY}: each arrives once")


def for_programs(house, ada):
    """--json and -v against a real server."""
    ada.account()
    result = ada.run("tappal-sendmail", "--json", "-odi", GRACE, "unknown@example.test", "two words", stdin=b"Subject: x\n\nhi\n")
    said = [json.loads(line) for line in result.out.splitlines()]
    tap.same([(s["recipient"], s["status"], s.get("code")) for s in said], [(GRACE, "delivered", 250), ("unknown@example.test", "refused", 550), ("two words", "refused", 501)],
             "--json: each recipient's verdict") or print("#", result)
    tap.ok(result.status == 0 and not ada.queue() and len(arrived(house)) == 1, "--json: the good one has it", result)
    reports = ada.fetched()
    tap.ok(len(reports) == 1 and b"two words" in reports[0] and b"unknown@example.test" in reports[0] and b"5.1.3" in reports[0], "what is no address is reported with the other refusal", *reports)
    password = house.site["PASSWORD"]
    for auth in ("plain", "login"):
        ada.account(auth=auth)
        result = ada.run("tappal-sendmail", "-v", "-odi", GRACE, stdin=b"Subject: x\n\nhi\n")
        secret = [line for line in result.out.splitlines() if password in line or any(len(w) > 12 and w.isalnum() and b64(w, password) for w in line.split())]
        tap.ok(result.status == 0 and "MAIL FROM:<ada@example.test>" in result.out and "AUTH" in result.out and "***" in result.out and not secret, f"-v, {auth}: the dialogue, the secret masked", result)


def b64(word, password):
    import base64
    try:
        return password.encode() in base64.b64decode(word + "===")
    except ValueError:
        return False


# -- programs that have /usr/sbin/sendmail compiled in --

NAMESPACE = """set -eu
over() {{ # FOLDER: what is written there stays here
    mkdir -p {dir}/upper$1 {dir}/work$1
    mount -t overlay overlay -o lowerdir=$1,upperdir={dir}/upper$1,workdir={dir}/work$1 $1
}}
mount -t tmpfs none {dir} # an overlay cannot lie on an overlay
mkdir {dir}/build
mount --bind {build} {dir}/build # which may lie under /root
mount -t tmpfs none /run
mount -t tmpfs none /root
mount -t tmpfs none /var/lib
over /usr/sbin
over /etc
over /var/spool
ln -sf {dir}/build/tappal-sendmail /usr/sbin/sendmail
mount -t tmpfs none /etc/cron.d
: >/etc/crontab
rm -rf /etc/tappal
cp -R {config} /etc/tappal
chmod -R go-w /etc/tappal
{script}
"""


def compiled_in(house, ada, name, script):
    """The account is the machine's; admin has the mail of root."""
    ada.account(send={"admin": GRACE})
    path = ada.home / "script"
    path.write_text(NAMESPACE.format(dir=ada.home / "overlay", build=lab.BUILD, config=ada.config, script=script))
    (ada.home / "overlay").mkdir()
    text = ada.config / "accounts/work.ini"
    ada.write(text, text.read_text().replace(f"{ada.config}/secrets", "/etc/tappal/secrets"))
    result = ada.run("/usr/bin/unshare", "-m", "/bin/sh", path, limit=120, TAPPAL_LIBEXEC=None, XDG_STATE_HOME=None, HOME="/root", PATH="/usr/sbin:/usr/bin:/sbin:/bin")
    got = arrived(house)
    tap.same(len(got), 1, f"{name}: its mail arrives") or print("#", result, str(result), sep="\n# ")
    return got[0] if got else b""


WAIT = "i=0; while [ $i -lt 400 ] && [ -z \"$(find {inbox} -type f 2>/dev/null)\" ]; do sleep 0.1; i=$((i + 1)); done"


def cron(house, ada):
    """A job at the start of cron, so that nobody waits for the next minute."""
    inbox = pathlib.Path(house.site["MAILROOT"], GRACE, "Maildir/new")
    message = compiled_in(house, ada, "cron", f"""
printf 'MAILTO=root\\n@reboot echo "from cron"; echo .; echo "behind a dot"; echo "Grüße" >&2\\n' >/tmp/crontab.$$
mkdir -p /var/spool/cron/crontabs
install -m 600 /tmp/crontab.$$ /var/spool/cron/crontabs/root
rm /tmp/crontab.$$
cron -f & pid=$!
{WAIT.format(inbox=inbox)}
kill $pid
""")
    header = email.message_from_bytes(message, policy=email.policy.default)
    tap.ok(message.decode(errors="replace").endswith('from cron\n.\nbehind a dot\nGrüße\n'), "cron: all that the job said, a line with a dot too", message)
    tap.ok("root" in str(header["To"]) and "Cron" in str(header["Subject"]) and "@" in str(header["From"]), "cron: From is qualified", message)


def at(house, ada):
    inbox = pathlib.Path(house.site["MAILROOT"], GRACE, "Maildir/new")
    message = compiled_in(house, ada, "at", f"""
mkdir -p /var/spool/cron/atjobs /var/spool/cron/atspool
chown daemon:daemon /var/spool/cron/atjobs /var/spool/cron/atspool
chmod 1770 /var/spool/cron/atjobs /var/spool/cron/atspool
echo 'echo "from at"; echo .; echo behind a dot' | at now
atd -f & pid=$!
{WAIT.format(inbox=inbox)}
kill $pid
""")
    tap.ok(message.decode(errors="replace").endswith("from at\n.\nbehind a dot\n"), "at: all that the job said, a line with a dot too", message)


def main():
    missing = [p for p in ("emacs", "cron", "atd") if not shutil.which(p, path=os.environ["PATH"] + ":/usr/sbin")] + ([] if MAILX.exists() else ["bsd-mailx"])
    if missing:
        print(f"1..0 # SKIP not there: {' '.join(missing)}")
        return
    with lab.Lab() as house:
        for caller in (symfony, bsd_mailx, emacs, loop, for_programs, cron, at):
            if caller in (cron, at) and not lab.ROOT:
                tap.skip(caller.__name__, "root only")
                continue
            ada = house.person(caller.__name__)
            caller(house, ada)
            ada.end_processes()
            house.clear()
    tap.done()


main()
