#!/usr/bin/python3
"""tappal auth: a password is tested live and stored where the account keeps it; status and logout; a terminal."""
# run: limit=120
import os
import pathlib
import pty
import re
import select
import signal
import sys
import termios
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import tap  # noqa: E402
from lab import BUILD, Lab  # noqa: E402


def keyring_of(person):
    """libsecret's file, in the person's home."""
    return {"SECRET_BACKEND": "file", "SECRET_FILE_TEST_PATH": str(person.home / "ring"), "SECRET_FILE_TEST_PASSWORD": "x"}


def login(person, password, *options, **env):
    return person.run("tappal", "auth", "login", "work", "--password-from-stdin", *options, stdin=password.encode() + b"\n", **env)


def with_a_keyring(lab, ada):
    password, ring = lab.site["PASSWORD"], keyring_of(ada)
    ada.account(password_from="keyring")
    before = (ada.config / "accounts/work.ini").read_bytes()
    status = ada.run("tappal", "auth", "status", **ring)
    tap.same(status.status, 77, "status of an account without password exits with 77")
    tap.same(len(re.findall(r"keyring: absent", status.out)), 2, "status names each service as absent")

    wrong = login(ada, "wrong", **ring)
    tap.same(wrong.status, 77, "a wrong password is refused with 77")
    tap.matches(wrong.err, r"refused the password of \S+: .*\n  hint: ", "the sentence names server and user, and has a hint")
    tap.ok("stored" not in wrong.out, "nothing was stored")

    good = login(ada, password, **ring)
    tap.ok(good.status == 0, "the right password is stored", good)
    tap.same(len(re.findall("signed in to (?:send|fetch) at", good.out)), 2, "it was tested against both servers")
    tap.same(ada.run("tappal", "auth", "status", "work", **ring).status, 0, "status says that it is there")
    shown = ada.run("tappal", "auth", "status", **ring)
    tap.ok(password not in good.out + good.err + shown.out + shown.err, "no output holds the password")
    tap.same((ada.config / "accounts/work.ini").read_bytes(), before, "the account file is as it was")

    out = ada.run("tappal", "auth", "logout", "work", **ring)
    tap.ok(out.status == 0 and "deleted" in out.out, "logout deletes it", out)
    tap.same(ada.run("tappal", "auth", "status", **ring).status, 77, "then it is absent")
    tap.same(ada.run("tappal", "auth", "logout", "work", **ring).status, 0, "a second logout is no error")


def without_a_keyring(lab, ada):
    ada.account(password_from="keyring")
    file, secret = ada.config / "accounts/work.ini", ada.config / "secrets/work"
    secret.unlink()
    file.write_text("# my account\n" + file.read_text().replace("password_from = keyring", "  password_from =  keyring  ") + "; the end")
    refused = login(ada, lab.site["PASSWORD"])
    tap.same(refused.status, 75, "without a keyring a script's login is a failure")
    tap.matches(refused.err, "D-Bus.*hint: .*--file", "which says why, and what to do")
    tap.ok(not secret.exists(), "and leaves nothing behind")

    good = login(ada, lab.site["PASSWORD"], "--file")
    tap.ok(good.status == 0, "with --file it goes into a file", good)
    tap.same(oct(secret.stat().st_mode & 0o7777), "0o600", "which is the person's alone")
    tap.same(secret.read_text(), lab.site["PASSWORD"] + "\n", "and holds the password")
    text = file.read_text()
    tap.matches(text, "^# my account\n.*\npassword_from = file secrets/work\n.*; the end$", "the account file says so, comments kept")
    tap.same(oct(file.stat().st_mode & 0o7777), "0o600", "and has its old mode")
    status = ada.run("tappal", "auth", "status")
    tap.ok(status.status == 0 and "file secrets/work: found" in status.out, "status finds it there", status)
    again = login(ada, lab.site["PASSWORD"])
    tap.ok(again.status == 0 and file.read_text() == text, "the next login writes the same file", again)
    tap.same(ada.run("tappal", "auth", "logout", "work").status, 0, "logout")
    tap.ok(not secret.exists(), "deletes the file")


def account_files_as_people_keep_them(lab, ada):
    """No password_from line at all; a link into a folder of dotfiles; CRLF; a keyring line in each section."""
    file = ada.config / "accounts/work.ini"
    ada.account(password_from=None)
    real = ada.home / "dotfiles.ini"
    file.rename(real)
    file.symlink_to(real)
    good = login(ada, lab.site["PASSWORD"], "--file")
    tap.ok(good.status == 0 and file.is_symlink(), "a link to an account file stays a link", good)
    tap.matches(real.read_text(), r"^\[account\]\npassword_from = file secrets/work\naddress", "the line is added behind [account]")
    tap.same(ada.run("tappal", "auth", "status").status, 0, "and counts")

    file.unlink()
    ada.account(password_from="keyring", send={"password_from": "keyring"}, fetch={"password_from": "keyring"})
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    good = login(ada, lab.site["PASSWORD"], "--file")
    tap.ok(good.status == 0 and file.read_bytes().count(b"file secrets/work\r\n") == 3, "each keyring line is rewritten", good)
    tap.same(ada.run("tappal", "auth", "status").status, 0, "and the account can be read")

    ada.account(password_from="keyring", fetch={"login": "other@example.test"})
    before = file.read_bytes()
    two = login(ada, lab.site["PASSWORD"], "--file", "--no-test")
    tap.ok(two.status == 78 and file.read_bytes() == before, "two people need two files, and are told so", two)
    ada.account(password_from="keyring", fetch={"login": lab.site["USER2"]})
    tap.same(login(ada, lab.site["PASSWORD"], **keyring_of(ada)).status, 77, "one password for two people is found out")


def other_sources(lab, ada):
    ada.account(password_from=f"command printf %s '{lab.site['PASSWORD']}'")
    status = ada.run("tappal", "auth", "status")
    tap.ok(status.status == 0 and "command: found" in status.out, "a command is asked", status)
    tap.ok(lab.site["PASSWORD"] not in status.out, "and its arguments are not shown")
    tap.same(login(ada, "x").status, 78, "there is nothing to store for a command")
    tested = ada.run("tappal", "auth", "login", "work")
    tap.ok(tested.status == 0 and tested.out.count("signed in") == 2, "without a password in hand login tests what is there", tested)
    ada.account(password_from="command sh: echo; exit 1")
    status = ada.run("tappal", "auth", "status")
    tap.ok(status.status == 75 and "exit status 1" in status.out, "a command that fails is a failure, not an absence", status)
    ada.account(password_from="prompt")
    tap.same(ada.run("tappal", "auth", "login", "work").status, 75, "a prompt without a terminal")
    ada.account(password_from="keyring")
    typed = ada.run("tappal", "auth", "login", "work")
    tap.same(typed.status, 77, "a login without a password and without a terminal: somebody has to type it")
    tap.matches(typed.err, r"there is no terminal to ask on.*\n  hint: .*--password-from-stdin", "and what can be done is said")
    secret = ada.config / "secrets/work"
    ada.account()
    secret.chmod(0o644)
    status = ada.run("tappal", "auth", "status")
    tap.ok(status.status != 0 and str(secret) in status.out, "a file that others can read is refused", status)
    ada.account(send={"auth": "none"}, fetch={"auth": "none"})
    none = login(ada, "x")
    tap.ok(none.status == 0 and "no server wants a password" in none.out, "auth = none needs no password", none)
    tap.same(ada.run("tappal", "auth", "login", "play").status, 78, "an account that is not there")
    for words in ([], ["login"], ["burn", "work"], ["login", "work", "more"], ["login", "work", "--no-such"]):
        tap.same(ada.run("tappal", "auth", *words).status, 64, f"usage: {words}")
    tap.same(ada.run("tappal", "auth", "--help").status, 0, "--help")


def one_file(lab, ada):
    """Two accounts, or the two servers of one, name the same file."""
    secret = ada.config / "secrets/work"
    ada.account()
    before = secret.read_text()
    ada.account("play", login=lab.site["USER2"], password_from=f"file  {secret}")
    refused = login(ada, "another", "--no-test")
    tap.same((refused.status, secret.read_text()), (78, before), "the password of another account's login is not overwritten")
    tap.matches(refused.err, rf"account play .*{lab.site['USER2']}.*\n  hint: .*file secrets/work", "which is said")
    ada.account("play", password_from=f"file {secret}")
    tap.same((login(ada, "another", "--no-test").status, secret.read_text()), (0, "another\n"), "for the same login one file is right")
    (ada.config / "accounts/play.ini").unlink()
    ada.account(send={"login": "somebody"}, fetch={"login": "else"})
    t = Terminal(ada, "auth", "login", "work", "--no-test")
    tap.ok(t.expect("Password of somebody at localhost and of else at localhost: "), "one file for both servers: one question", t.said)
    t.type("both\n")
    tap.ok(t.end() == 0 and secret.read_text() == "both\n", "and one password", t.said)


class Terminal:
    """tappal with a controlling terminal of its own."""

    def __init__(self, person, *args, **env):
        self.said = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(person.home)
            os.execve(BUILD / "tappal", ["tappal", *args], {**person.env, **env})

    def expect(self, text, limit=30):
        until = time.monotonic() + limit
        while text not in self.said.decode(errors="replace") and time.monotonic() < until:
            if select.select([self.fd], [], [], 0.5)[0]:
                try:
                    self.said += os.read(self.fd, 4096)
                except OSError:
                    break
        return text in self.said.decode(errors="replace")

    def echo(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def type(self, text):
        self.said = b""
        os.write(self.fd, text.encode())

    def end(self):
        """The exit status, after reading all that was said."""
        self.expect("\0", 60)
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.fd)
        return status


def on_a_terminal(lab, ada):
    password, ring = lab.site["PASSWORD"], keyring_of(ada)
    ada.account(password_from="keyring")
    t = Terminal(ada, "auth", "login", "work", **ring)
    tap.ok(t.expect("Password of"), "the terminal is asked", t.said)
    tap.ok(not t.echo(), "with echo off")
    t.type(password + "\n")
    tap.ok(t.expect("stored in the keyring"), "what is typed is tested and stored", t.said)
    tap.ok(t.end() == 0 and password.encode() not in t.said, "and not shown")

    t = Terminal(ada, "auth", "login", "work", **ring)
    t.expect("Password of")
    t.type("half\x03")
    t.expect("\0", 5)
    tap.ok(t.echo(), "^C gives the terminal its echo back")
    status = t.end()
    tap.ok(os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGINT, "and ends the program by SIGINT", status)

    t = Terminal(ada, "auth", "login", "work", **ring)
    t.expect("Password of")
    os.kill(t.pid, signal.SIGTERM)
    t.expect("\0", 5)
    tap.ok(t.echo(), "so does SIGTERM")
    t.end()

    t = Terminal(ada, "auth", "login", "work", **ring)
    for wrong in ("mistyped", "again"):
        t.expect("Password of")
        t.type(wrong + "\n")
        t.expect("hint: ")
    tap.ok("refused the password" in t.said.decode(), "a wrong password is said to be one", t.said)
    tap.ok(t.expect("Password of"), "and asked for again", t.said)
    t.type(password + "\n")
    tap.ok(t.expect("stored in the keyring") and t.end() == 0, "the third is taken", t.said)
    t = Terminal(ada, "auth", "login", "work", **ring)
    for wrong in ("mistyped", "again", "and again"):
        t.expect("Password of")
        t.type(wrong + "\n")
        t.expect("hint: ")
    tap.same(os.waitstatus_to_exitcode(t.end()), 77, "but not a fourth")

    (ada.config / "secrets/work").unlink()
    t = Terminal(ada, "auth", "login", "work")
    t.expect("Password of")
    t.type(password + "\n")
    tap.ok(t.expect("[Y/n]"), "without a keyring a file is offered", t.said)
    t.type("n\n")
    tap.ok(os.waitstatus_to_exitcode(t.end()) == 75 and not (ada.config / "secrets/work").exists(), "no means no", t.said)
    t = Terminal(ada, "auth", "login", "work")
    t.expect("Password of")
    t.type(password + "\n")
    t.expect("[Y/n]")
    t.type("y\n")
    tap.ok(t.end() == 0 and (ada.config / "secrets/work").exists(), "yes means yes", t.said)
    tap.same(ada.run("tappal", "auth", "status").status, 0, "and the account knows")


def main():
    with Lab() as lab:
        for part in (with_a_keyring, without_a_keyring, account_files_as_people_keep_them, other_sources, one_file, on_a_terminal):
            part(lab, lab.person(part.__name__))
    tap.done()


main()
