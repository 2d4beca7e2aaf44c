#!/usr/bin/python3
"""fetch_deliver - mail that is handed to a command or to an LMTP server instead of a maildir: what is taken, what
comes again, what is in doubt; and the command that hears of new mail.

run: limit=150
"""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import fetching  # noqa: E402
import peer      # noqa: E402
import tap       # noqa: E402

CAPS = "IMAP4rev1 SASL-IR AUTH=PLAIN UIDPLUS"
SIGN_IN = f"S: * OK [CAPABILITY {CAPS}] ready\nC: {{tag}} AUTHENTICATE PLAIN *\nS: {{tag}} OK [CAPABILITY {CAPS}] in\n"
BYE = "C: {tag} LOGOUT\n"
TEXT = b"Return-Path: <bob@example.org>\r\nFrom: Grace <grace@example.org>\r\n\r\nHello\r\n.\r\n"
OTHER = b"From: Grace <grace@example.org>\r\n\r\nAgain\r\n"


def opened(uids, examine="EXAMINE", following=None):
    lines = f"C: {{tag}} {examine} \"INBOX\"\nS: * {len(uids)} EXISTS\nS: * OK [UIDVALIDITY 7] ok\nS: * OK [UIDNEXT {following or max(uids) + 1}] ok\nS: {{tag}} OK open\n"
    lines += "C: {tag} UID FETCH * (UID RFC822.SIZE INTERNALDATE)\nC: {search} UID SEARCH UID *\n"
    lines += "".join(f'S: * {i} FETCH (UID {u} RFC822.SIZE 10 INTERNALDATE "17-Jul-1996 02:44:25 -0700")\n' for i, u in enumerate(uids, 1))
    return lines + f"S: {{tag}} OK listed\nS: * SEARCH {' '.join(map(str, uids))}\nS: {{search}} OK found\n"


def bodies(texts):
    """The answer that brings these messages, by UID."""
    lines = "C: {tag} UID FETCH {set} (UID RFC822.SIZE INTERNALDATE BODY.PEEK[])\n"
    for number, (uid, text) in enumerate(texts.items(), 1):
        lines += rf"S| * {number} FETCH (UID {uid} BODY[] {{{len(text)}}}\r\n" + "".join("\\x%02x" % b for b in text) + ")\\r\\n\n"
    return lines + "S: {tag} OK fetched\n"


def script(texts, **opening):
    return SIGN_IN + opened(sorted(texts), **opening) + bodies(texts) + BYE


def command(ada, text):
    """A script of the person's, as a command of the configuration."""
    path = ada.home / "mda"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o700)
    return f"command {path} word"


def play(ada, conversation, **options):
    return fetching.play(ada, conversation, "imap", **{"maildir": None, **options})


def seen(ada):
    """The records of the one folder's memory, without their sums."""
    lines = next(ada.state.glob("fetch/*/*.seen")).read_text().splitlines()
    return [line.split(" ", 1)[1] for line in lines]


def left_behind(ada):
    return [p.name for p in ada.state.glob("fetch/*/*") if not p.name.endswith(".seen") and p.name not in ("lock", "server", "fetched")]


# -- a command --

def test_taken(site):
    ada = site.person()
    mda = command(ada, 'cat >"$HOME/got-$UID"; printf "%s\\n" "$#" "$1" "$SENDER" "$RECIPIENT" "$ACCOUNT" "$FOLDER" "$UID" >"$HOME/told-$UID"; echo chatter; echo more >&2\n')
    result, server = play(ada, script({1: TEXT, 2: OTHER}), deliver=mda)
    tap.same(result.status, 0, "taken: exit status") or print("#", result, *server.transcript, sep="\n# ")
    tap.ok(server.good, "taken: the conversation", *server.transcript)
    tap.same((ada.home / "got-1").read_bytes(), TEXT.replace(b"\r\n", b"\n"), "taken: the message, with LF line ends")
    tap.same((ada.home / "told-1").read_text().split("\n")[:-1], ["1", "word", "bob@example.org", "ada@example.test", "work", "INBOX", "1"],
             "taken: one word, and what is known in the environment")
    tap.same((ada.home / "told-2").read_text().split("\n")[2], "grace@example.org", "taken: without Return-Path, From is the sender")
    tap.matches(result.out, "2 new messages", "taken: the summary counts them")
    tap.same(result.err, "", "taken: what the command says is not shown")
    tap.same(left_behind(ada), [], "taken: no file is left")
    tap.matches(ada.log.read_text(), r"delivered account=work folder=INBOX uid=1 ", "taken: one line in the log")
    result, server = play(ada, SIGN_IN + opened([1, 2]).split("C: {tag} UID FETCH")[0] + BYE, deliver=mda)
    tap.ok(result.status == 0 and server.good, "taken: never asked for again", *server.transcript)


def test_octets(site):
    ada = site.person()
    mda = command(ada, 'cat >"$HOME/got"\n')
    mixed = b"A: b\r\n\r\nx\ny\r\n"
    play(ada, script({1: mixed}), deliver=mda)
    tap.same((ada.home / "got").read_bytes(), mixed, "mixed line ends: octet for octet")


def test_deletes_only_what_was_taken(site):
    ada = site.person()
    mda = command(ada, 'test "$UID" = 1\n')
    result, server = play(ada, SIGN_IN + opened([1, 2], examine="SELECT") + bodies({1: TEXT, 2: OTHER})
                          + "C: {tag} UID STORE 1 +FLAGS.SILENT (\\\\Seen)\nS: {tag} OK\nC: {tag} UID STORE 1 +FLAGS.SILENT (\\\\Deleted)\nS: {tag} OK\nC: {tag} UID EXPUNGE 1\nS: * 1 EXPUNGE\nS: {tag} OK\n".replace("\\\\", "\\") + BYE,
                          deliver=mda, keep="no", mark_seen="yes")
    tap.ok(server.good, "one refused: only the other is marked and deleted on the server", *server.transcript)
    tap.same(result.status, 69, "one refused: exit status")


FATES = [
    # what the command does, exit status of the run, what is said
    ("exit 75", "echo disk full >&2; exit 75", 75, r"Message 1 of INBOX was not delivered: The command \S*mda ended with exit status 75: disk full.*ten minutes.*at once by: tappal fetch work --uid INBOX/1"),
    ("exit 1", "echo first; echo second; exit 1", 69, r"ended with exit status 1: first\n"),
    ("no words", "exit 67", 69, r"ended with exit status 67\."),
    ("control characters", "printf '\\033[31mred\\n'; exit 1", 69, r"\\x1b\[31mred"),
    ("killed", "kill -9 $$", 69, r"In doubt: Message 1 .*signal 9.*may have delivered"),
]


def test_fates(site):
    for name, text, status, said in FATES:
        ada = site.person()
        result, server = play(ada, script({1: TEXT}), deliver=command(ada, text + "\n"))
        tap.same(result.status, status, f"{name}: exit status")
        tap.matches(result.err, said, f"{name}: what is said")
        tap.ok(any(line.startswith("bad 1 1 ") for line in seen(ada)), f"{name}: in quarantine", *seen(ada))
        tap.matches(ada.run("tappal", "status").out, "(?s)1 message|INBOX", f"{name}: tappal status tells of it")
        # The server's UIDNEXT is past it: nothing is asked for until its time has come.
        result, server = play(ada, SIGN_IN + opened([1]).split("C: {tag} UID FETCH")[0] + BYE, deliver=command(ada, "cat >$HOME/got\n"))
        tap.ok(server.good and not (ada.home / "got").exists(), f"{name}: left alone for now", *server.transcript)


def test_in_vain(site):
    """When nobody takes anything, the run ends, and the rest is not tried in vain."""
    ada = site.person()
    texts = {uid: TEXT for uid in range(1, 10)}
    result, server = play(ada, SIGN_IN + opened(sorted(texts)) + bodies(texts) + BYE, deliver=command(ada, 'echo x >>"$HOME/tries"; exit 75\n'))
    tap.same((ada.home / "tries").read_text().count("x"), 5, "in vain: five are tried")
    tap.same(result.status, 75, "in vain: exit status")
    tap.matches(result.err, "5 messages in a row were not taken", "in vain: it says so")


def test_no_command(site):
    for name, deliver in (("not there", "command /nowhere/mda"), ("not there, by a shell", "command sh: nowhere-mda 2>/dev/null")):
        ada = site.person()
        result, server = play(ada, script({1: TEXT}), deliver=deliver)
        tap.same(result.status, 78, f"{name}: exit status")
        tap.matches(result.err, "nowhere|no such command", f"{name}: it says so")
        tap.ok(not any(line.startswith("bad ") for line in seen(ada)), f"{name}: no message is blamed", *seen(ada))


def test_stopped_over_it(site):
    """Killed while the command runs: shown as in doubt, and delivered once more when its time has come."""
    ada = site.person()
    conversation = SIGN_IN + opened([1]) + bodies({1: TEXT})
    result, _ = play(ada, conversation, deliver=command(ada, 'cat >"$HOME/got"; kill -9 $PPID; sleep 1\n'))
    tap.ok(result.status != 0 and (ada.home / "got").exists(), "stopped: while it was being delivered", result)
    tap.ok(any(line.startswith("open 1 ") for line in seen(ada)), "stopped: the intent is on the disk", *seen(ada))
    result, server = play(ada, SIGN_IN + opened([1]).split("C: {tag} UID FETCH")[0] + BYE, deliver=command(ada, "exit 0\n"))
    tap.matches(result.err, r"In doubt: Message 1 of INBOX.*may have been", "stopped: the next run says that it is in doubt")
    tap.ok(any(line.startswith("bad 1 ") for line in seen(ada)), "stopped: it will be tried again", *seen(ada))


# -- LMTP --

LHLO = "S: 220 hi\nC: LHLO *\nS: 250-hi\nS: 250-PIPELINING\nS: 250 8BITMIME\n"
SEND = "C: MAIL FROM:<bob@example.org>*\nC: RCPT TO:<ada>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go on\ndata\n"


def lmtp(ada, answers, texts, opening=LHLO):
    path = str(ada.home / "lmtp")
    if pathlib.Path(path).exists():
        pathlib.Path(path).unlink()
    with peer.Peer(opening + answers, unix=path, limit=20) as server:
        result, imap = play(ada, script(texts), deliver=f"lmtp {path} ada")
        server.deadline = 0
        server.hang_up()
    return result, imap, server


def test_lmtp(site):
    ada = site.person()
    result, imap, server = lmtp(ada, SEND + "S: 250 2.1.5 kept\n" + SEND.replace("bob@", "grace@") + "S: 250 kept\nC: QUIT\n", {1: TEXT, 2: OTHER})
    tap.same((result.status, result.err), (0, ""), "LMTP: taken") or print("#", result, *server.transcript, sep="\n# ")
    tap.ok(server.good, "LMTP: both over one connection", *server.transcript)
    tap.ok("C| .." in server.transcript and "C| Return-Path: <bob@example.org>" in server.transcript, "LMTP: the text as it came", *server.transcript)
    for name, answer, status, said in (("452", "S: 452 4.2.2 full\n", 75, "does not take it for ada: 452 4.2.2"), ("550", "S: 550 5.7.1 no\n", 69, "550 5.7.1")):
        ada = site.person()
        result, imap, server = lmtp(ada, SEND + answer + "C: QUIT\n", {1: TEXT})
        tap.same(result.status, status, f"LMTP, {name}: exit status")
        tap.matches(result.err, said, f"LMTP, {name}: what is said")
        tap.ok(any(line.startswith("bad 1 1 ") for line in seen(ada)), f"LMTP, {name}: in quarantine")


def test_lmtp_cut(site):
    ada = site.person()
    result, imap, server = lmtp(ada, SEND + "cut\n", {1: TEXT})
    tap.matches(result.err, "In doubt: Message 1", "LMTP, cut behind the text: in doubt")
    tap.ok(any(line.startswith("bad 1 1 ") for line in seen(ada)), "LMTP, cut behind the text: tried again later")
    ada = site.person()
    result, imap, server = lmtp(ada, "C: MAIL *\ncut\n", {1: TEXT})
    tap.ok(result.status == 69 and not any(line.startswith("bad ") for line in seen(ada)), "LMTP, cut before the text: nobody's fault", result, *seen(ada))
    ada = site.person()
    result, imap = play(ada, script({1: TEXT}), deliver=f"lmtp {ada.home}/nowhere ada")
    tap.matches(result.err, "nowhere", "LMTP, nobody listens: it says so")
    tap.ok(not any(line.startswith("bad ") for line in seen(ada)), "LMTP, nobody listens: no message is blamed")


# -- a Received line, and the news --

def test_received(site):
    ada = site.person()
    fetching.play(ada, script({1: TEXT}), "imap", received="yes")
    got = ada.fetched()[0]
    tap.matches(got.decode(), r"^Received: from localhost\n\tby \S+ with IMAP \(tappal\)\n\tfor <ada@example.test>;\n\t\w\w\w, \d+ \w\w\w \d\d\d\d [\d:]+ [+-]\d\d\d\d\nReturn-Path", "received = yes: one line before the message")
    tap.ok(got.endswith(TEXT.replace(b"\r\n", b"\n")), "received = yes: all else as it came")


def test_on_new(site):
    ada = site.person()
    tell = command(ada, 'cat >"$HOME/list"; echo "$TAPPAL_ACCOUNT $TAPPAL_NEW $#" >>"$HOME/told"\n').split(" ", 1)[1]
    fetching.play(ada, script({1: TEXT, 2: OTHER}), "imap", on_new=tell)
    files = (ada.home / "list").read_text().splitlines()
    tap.same(sorted(files), sorted(str(p) for p in ada.maildir.glob("new/*")), "on_new: the list of the new files")
    tap.same((ada.home / "told").read_text(), "work 2 1\n", "on_new: once, with their number")
    fetching.play(ada, SIGN_IN + opened([1, 2]).split("C: {tag} UID FETCH")[0] + BYE, "imap", on_new=tell)
    tap.same((ada.home / "told").read_text(), "work 2 1\n", "on_new: not where nothing is new")
    ada = site.person()
    result, _ = fetching.play(ada, script({1: TEXT}), "imap", on_new="sh: echo index is locked; exit 3")
    tap.same((result.status, len(ada.fetched())), (75, 1), "on_new fails: the mail is there")
    tap.matches(result.err, "on_new: .*exit status 3: index is locked", "on_new fails: it says so")
    ada = site.person()
    result, _ = play(ada, script({1: TEXT}), deliver=command(ada, "exit 0\n"), on_new='sh: cat >$HOME/list; echo $TAPPAL_NEW >$HOME/told')
    tap.same(((ada.home / "list").read_text(), (ada.home / "told").read_text()), ("", "1\n"), "on_new with deliver: a number, and no files")


def test_pop3(site):
    ada = site.person()
    conversation = ("S: +OK hi\nC: CAPA\nS: +OK\nS: UIDL\nS: SASL PLAIN\nS: .\nC: AUTH PLAIN *\nS: +OK\n"
                    "C: LIST\nS: +OK\nS: 1 40\nS: .\nC: UIDL\nS: +OK\nS: 1 a\nS: .\nC: RETR 1\nS: +OK\nS: From: grace@example.org\nS:\nS: Hello\nS: ..\nS: .\nC: QUIT\nS: +OK\n")
    result, server = fetching.play(ada, conversation, "pop3", maildir=None, deliver=command(ada, 'cat >"$HOME/got"; exit 1\n'), keep="no")
    tap.same((ada.home / "got").read_bytes(), b"From: grace@example.org\n\nHello\n.\n", "POP3: the message") or print("#", result, *server.transcript, sep="\n# ")
    tap.ok(not any("DELE" in line for line in server.transcript), "POP3: what was refused is not deleted", *server.transcript)


def main():
    with fetching.Alone() as site:
        for test in (test_taken, test_octets, test_deletes_only_what_was_taken, test_fates, test_in_vain, test_no_command, test_stopped_over_it,
                     test_lmtp, test_lmtp_cut, test_received, test_on_new, test_pop3):
            test(site)
    tap.done()


main()
