#!/usr/bin/python3
"""callers - real programs with tappal-sendmail as their sendmail: git send-email, s-nail, mutt, PHP's mail().
Each message must arrive as the program wrote it, compared from its first own header line on.

run: limit=180
"""
import email
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import lab      # noqa: E402
import tap      # noqa: E402

BODY = "Dear Grace,\n\n.a dot first\nFrom the first column\nGrüße, ünïcödé\n\n-- \nAda\n"


def capture(ada):
    """A sendmail that keeps what its caller wrote, then is tappal-sendmail. (s-nail gives root its own home again.)"""
    path = ada.home / "sendmail"
    path.write_text(f'#!/bin/sh\nexport HOME={ada.home}\nprintf "%s\\n" "$@" >{ada.home}/args\ntee {ada.home}/written | {lab.BUILD}/tappal-sendmail "$@"\n')
    path.chmod(0o755)
    return path


def normal(text):
    return text.replace(b"\r\n", b"\n")


def own_part(arrived, written):
    """What arrived, from the first header line that the caller wrote."""
    first = written.split(b"\n", 1)[0] + b"\n"
    at = (b"\n" + arrived).find(b"\n" + first)
    return arrived[at:] if at >= 0 else arrived


def check(house, ada, name, result, to="grace@example.test"):
    tap.same(result.status, 0, f"{name}: content with its sendmail") or print("#", result)
    got = house.received(to)
    tap.same(len(got), 1, f"{name}: one message arrived")
    if not got:
        return None
    written = normal((ada.home / "written").read_bytes())
    arrived = own_part(normal(got[0]), written)
    tap.same(arrived, written, f"{name}: as it was written ({' '.join((ada.home / 'args').read_text().split())})")
    house.clear()
    return email.message_from_bytes(got[0])


def git_send_email(house, ada, sendmail):
    repo = ada.home / "repo"
    script = f"""
        set -e
        git init -q {repo}; cd {repo}
        git config user.name 'Ada Lövelace'; git config user.email ada@example.test
        printf 'a\\n' >file; git add file; git commit -qm 'First: one'
        printf 'ä\\nFrom x\\n.\\n' >>file; git commit -qam 'Second: Grüße' -m 'A longer text.'
        git send-email --confirm=never --suppress-cc=all --to=grace@example.test --smtp-server={sendmail} --8bit-encoding=UTF-8 -1
    """
    result = ada.run("/bin/sh", "-c", script)
    message = check(house, ada, "git send-email", result)
    if message:
        (ada.home / "patch").write_bytes(message.as_bytes())
        applied = ada.run("/bin/sh", "-c", f"cd {repo} && git checkout -q HEAD~1 && git am -q {ada.home}/patch && git diff --exit-code master HEAD")
        tap.same(applied.status, 0, "git send-email: the patch that arrived applies and gives the same tree") or print("#", applied)


def s_nail(house, ada, sendmail):
    result = ada.run("/usr/bin/s-nail", "-:/", "-S", f"mta={sendmail}", "-S", "from=ada@example.test", "-S", "sendwait", "-S", "v15-compat", "-S", "DEAD=/dev/null",
                     "-S", "ttycharset=utf-8", "-s", "Grüße", "grace@example.test", stdin=BODY.encode())
    check(house, ada, "s-nail", result)


def mutt(house, ada, sendmail):
    (ada.home / "muttrc").write_text(f'set sendmail="{sendmail} -oem -oi"\nset from=ada@example.test\nset use_envelope_from=yes\nset copy=no\nset charset=utf-8\n')
    attached = ada.home / "attached.bin"
    attached.write_bytes(bytes(range(256)) * 40)
    result = ada.run("/usr/bin/mutt", "-F", ada.home / "muttrc", "-s", "Grüße", "-a", attached, "--", "grace@example.test", stdin=BODY.encode())
    message = check(house, ada, "mutt", result)
    if message:
        parts = [p.get_payload(decode=True) for p in message.walk() if not p.is_multipart()]
        tap.same(parts[-1], attached.read_bytes(), "mutt: the attachment is the same")
    result = ada.run("/usr/bin/mutt", "-F", ada.home / "muttrc", "-s", "x", "unknown@example.test", stdin=b"hello\n")
    tap.ok(result.status != 0, "mutt: hears of a refused recipient", result)
    tap.same(ada.queue(), [], "mutt: and nothing is kept")


def php_mail(house, ada, sendmail):
    code = 'exit(mail("grace@example.test", "Hello", "Dear Grace,\\n\\n.a dot first\\nGr\\xc3\\xbc\\xc3\\x9fe\\n", ' \
           '"From: ada@example.test\\r\\nContent-Type: text/plain; charset=utf-8\\r\\nX-From: php", "-fada@example.test") ? 0 : 1);'
    result = ada.run("/usr/bin/php", "-d", f"sendmail_path={sendmail} -t -i", "-d", "mail.add_x_header=Off", "-r", code)
    message = check(house, ada, "PHP mail()", result)
    if message:
        tap.ok(message["Date"] and message["Message-ID"], "PHP mail(): Date and Message-ID were added", message.as_string())


def main():
    missing = [p for p in ("git", "s-nail", "mutt", "php") if not shutil.which(p)]
    if missing:
        print(f"1..0 # SKIP not installed: {' '.join(missing)}")
        return
    with lab.Lab() as house:
        for caller in (git_send_email, s_nail, mutt, php_mail):
            ada = house.person(caller.__name__)
            ada.account()
            caller(house, ada, capture(ada))
            ada.end_processes()
    tap.done()


main()
