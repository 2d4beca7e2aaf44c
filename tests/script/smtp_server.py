#!/usr/bin/python3
"""smtp_server - tappal-sendmail -bs: conversations with programs that are good, odd, hostile, or cut off.

run: limit=120
"""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from tap import done, matches, ok, same  # noqa: E402

BUILD = pathlib.Path(os.environ.get("BUILD", pathlib.Path(__file__).resolve().parent.parent.parent / "build")).absolute()
HELLO = b"EHLO [127.0.0.1]\r\n"
MAIL = b"MAIL FROM:<ada@example.org>\r\nRCPT TO:<bob@example.test>\r\n"
HEAD = b"Date: d\r\nFrom: ada@example.org\r\nMessage-ID: <m@x>\r\n"
QUIT = b"QUIT\r\n"


class Home:
    def __init__(self, *lines):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="bs-"))
        accounts = self.dir / ".config/tappal/accounts"
        accounts.mkdir(parents=True)
        (accounts / "work.ini").write_text("[account]\naddress = ada@example.org\n[send]\nhost = smtp.example.org\nmode = queue\ndomain = example.org\n" + "".join(f"{x}\n" for x in lines))
        self.env = {"HOME": str(self.dir), "XDG_STATE_HOME": str(self.dir / "state"), "PATH": "/usr/bin:/bin", "TAPPAL_LIBEXEC": str(BUILD)}
        self.env.update({k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")})
        (self.dir / "state").mkdir()
        self.queue = self.dir / "state/tappal/queue"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir)

    def talk(self, said, *options, **env):
        """Everything at once; what was answered, line by line."""
        run = subprocess.run([BUILD / "tappal-sendmail", "-bs", *options], input=said, capture_output=True, env={**self.env, **env}, timeout=60, check=False)
        self.status, self.err = run.returncode, run.stderr.decode(errors="replace")
        self.said = run.stdout.decode(errors="replace")
        return [line for line in self.said.split("\r\n")[:-1] if line[3:4] != "-"]

    def codes(self, said, *options, **env):
        """The codes of the answers behind the greeting, as one string."""
        return " ".join(line[:3] for line in self.talk(said, *options, **env)[1:])

    def kept(self):
        """The messages in the queue: envelope and text."""
        files = sorted(self.queue.glob("msg/*"))
        return [re.sub(rb"tappal-trailer 1 .*\n\Z", b"", p.read_bytes()).split(b"\n\n", 1) for p in files]

    def left(self):
        return [p for p in self.queue.glob("tmp/*")]

    def clear(self):
        for p in self.queue.glob("*/*"):
            p.unlink()


def text_of(home):
    kept = home.kept()
    return kept[-1][1] if kept else None


def test_symfony_way():
    with Home() as home:
        codes = home.codes(HELLO + MAIL + b"DATA\r\n" + HEAD + b"\r\nhello\r\n..dot\r\n.\r\n" + QUIT)
        same(codes, "250 250 250 354 250 221", "CRLF: a dialogue")
        same((home.status, home.err), (0, ""), "CRLF: status and silence")
        same(text_of(home), HEAD + b"\r\nhello\r\n.dot\r\n", "CRLF: the text, its dots unstuffed")
        matches(home.said, r"^220 \S+ ESMTP", "the greeting")
        same(sorted(re.findall(r"^250[ -]([A-Z8][A-Z0-9]+)\r", home.said, re.M)),
             ["8BITMIME", "CHUNKING", "DSN", "ENHANCEDSTATUSCODES", "PIPELINING", "SIZE", "SMTPUTF8"], "what EHLO offers")


def test_lf():
    with Home() as home:
        same(home.codes((HELLO + MAIL + b"DATA\r\n" + HEAD + b"\r\nhello\r\n..dot\r\n.\r\n" + QUIT).replace(b"\r", b"")), "250 250 250 354 250 221", "LF: a dialogue")
        same(text_of(home), HEAD + b"\r\nhello\r\n.dot\r\n", "LF: the text")


def test_smuggling():
    with Home() as home:
        evil = b"x\n.\nMAIL FROM:<evil@example.test>\nRCPT TO:<victim@example.test>\nDATA\nsmuggled\n.\r\nstill\r\n"
        same(home.codes(HELLO + MAIL + b"DATA\r\n" + HEAD + b"\r\n" + evil + b".\r\n" + QUIT), "250 250 250 354 250 221", "a dot between LFs does not end a text of CRLF lines")
        same(text_of(home), HEAD + b"\r\n" + evil.replace(b"\r", b"").replace(b"\n", b"\r\n"), "and all of it is text")
        same(len(home.kept()), 1, "and one message")


def test_bdat():
    with Home() as home:
        text = HEAD + b"\r\n.dot\r\n.\r\nmore\r\n"
        for cut in (0, 1, 7, len(text) - 1, len(text)):
            home.clear()
            said = HELLO + MAIL + b"BDAT %d\r\n" % cut + text[:cut] + b"BDAT %d LAST\r\n" % (len(text) - cut) + text[cut:] + QUIT
            same(home.codes(said), "250 250 250 250 250 221", f"BDAT cut at {cut}")
            same(text_of(home), text, f"BDAT cut at {cut}: as it was")
        home.clear()
        same(home.codes(MAIL + b"BDAT 6 FIRST\r\nQUIT\r\nBDAT 4 LAST\r\nQUIT" + QUIT), "250 250 501 503 221", "the octets of a refused BDAT are no commands")
        same(home.codes(b"BDAT 6 LAST\r\nQUIT\r\n" + MAIL + b"BDAT 3\r\nabcDATA\r\nBDAT 3 LAST\r\ndef" + QUIT), "503 250 250 250 503 250 221", "BDAT without MAIL, DATA behind BDAT")
        same(len(home.kept()), 1, "one message of these")


def test_envelope():
    with Home("admin = admin@example.test", "set_from = robot@example.test") as home:
        home.talk(HELLO + b"MAIL FROM:<ada@example.org> SIZE=10 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=Q+2BQ\r\nRCPT TO:<bob@example.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+2Bx+40y\r\n"
                  b"RCPT TO:<root> NOTIFY=NEVER\r\nDATA\r\nFrom: Root <root>\r\n\r\nx\r\n.\r\n" + QUIT)
        envelope, text = home.kept()[0]
        matches(envelope.decode(), "(?s)sender: robot@example.test\nret: hdrs\nenvid: Q\\+Q\nrecipient: bob@example.test\nnotify: success,delay\n"
                                   "orcpt: rfc822;b\\+x@y\nrecipient: admin@example.test\nnotify: never$", "DSN parameters, admin and set_from are in the envelope")
        ok(b"From: Root <robot@example.test>\r\n" in text and b"Date: " in text and b"Message-ID: " in text, "the header is completed", text)
        home.clear()
        home.talk(b"MAIL FROM:<>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\nBcc: eve@example.test\r\n\r\nx\r\n.\r\n" + QUIT)
        envelope, text = home.kept()[0]
        ok(b"sender: \n" in envelope and b"eve" not in envelope + text, "the null sender; Bcc goes and gets nothing", envelope, text)
        home.clear()
        same(home.codes(MAIL + b"RCPT TO:<two words>\r\nRCPT TO:<>\r\nDATA\r\n\r\nx\r\n.\r\n" + QUIT), "250 250 501 501 354 250 221", "a bad recipient is refused alone")
        same(home.kept()[0][0].count(b"recipient: "), 1, "and the other one kept")
        same(home.codes(b"MAIL FROM:<a@b>\r\nRCPT TO:<two words>\r\nDATA\r\n" + QUIT), "250 501 554 221", "no recipient, no text")


def test_other_commands():
    with Home() as home:
        same(home.codes(b"HELO x\r\nNOOP\r\nHELP\r\nVRFY ada\r\nEXPN list\r\nSTARTTLS\r\nAUTH PLAIN\r\nMAIL FROM:<a@b>\r\nMAIL FROM:<a@b>\r\nRSET\r\nRCPT TO:<a@b>\r\n" + QUIT),
             "250 250 214 252 500 500 500 250 503 250 503 221", "other commands")
        same(home.codes(MAIL + HELLO + b"DATA\r\n" + QUIT), "250 250 250 503 221", "EHLO begins anew")
        same((home.kept(), home.left()), ([], []), "and nothing is kept")
        same(home.codes(MAIL + b"DATA\r\nx\r\n.\r\n" + MAIL + b"DATA\r\ny\r\n.\r\n" + QUIT), "250 250 354 250 250 250 354 250 221", "two messages")
        same(len(home.kept()), 2, "both are kept")


def test_cut_off_anywhere():
    """Whatever was answered with 250 behind its text is kept, and nothing else."""
    with Home() as home:
        said = HELLO + MAIL + b"DATA\r\n" + HEAD + b"\r\n1\r\n.\r\n" + MAIL + b"BDAT 4\r\na: bBDAT 7 LAST\r\n\r\n\r\n2\r\n" + QUIT
        bad = []
        for n in range(len(said)):
            home.clear() if home.queue.exists() else None
            home.talk(said[:n])
            accepted = home.said.count("is accepted as ")
            if len(home.kept()) != accepted or home.left() or "Sanitizer" in home.err or (home.status != 0) != ("ended within a message" in home.err):
                bad.append((n, accepted, len(home.kept()), home.status, home.err))
        same(bad, [], f"cut at each of {len(said)} octets: what was accepted is kept")
        same(accepted, 2, "at the last of them both were")


def test_killed_within():
    for sig in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        with Home() as home:
            with subprocess.Popen([BUILD / "tappal-sendmail", "-bs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=home.env,
                                  preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)) as run:
                run.stdin.write(MAIL + b"DATA\r\n" + HEAD + b"\r\n1\r\n.\r\n" + MAIL + b"DATA\r\nMIME-Version: 1.0\r\n\r\n" + b"x" * 300000)
                run.stdin.flush()
                while not (line := run.stdout.readline()).startswith(b"354") or len(home.kept()) != 1:
                    if not line:
                        break
                run.send_signal(sig)
                run.wait(30)
                try:
                    run.stdin.close()
                except BrokenPipeError:
                    pass
            same((run.returncode, len(home.kept()), home.left()), (-sig, 1, []), f"{sig.name} within the second message: the first is kept, and nothing of the second")


def test_hostile():
    with Home() as home:
        same(home.codes(b"x" * 3000000 + b"\r\nNOOP\r\n" + QUIT), "500 250 221", "a line of 3 MB")
        same(home.codes(b"NOOP\0\r\n" + b"\xff\xfe\r\n\r\n" + QUIT), "500 500 500 221", "NUL, octets, an empty line")
        answers = home.codes(b"GET / HTTP/1.1\r\n" * 1000 + QUIT)
        same(answers, "500 " * 99 + "421", "a client that speaks something else is left after a hundred lines")
        same(home.codes(MAIL + b"DATA\r\nX: " + b"x" * 1200000 + b"\r\n\r\nx\r\n.\r\n" + MAIL + b"DATA\r\nx\r\n.\r\n" + QUIT), "250 250 354 554 250 250 354 250 221",
             "a header of 1.2 MB is refused at its end, and the next message accepted")
        same(len(home.kept()), 1, "which is kept")
        home.clear()
        many = b"".join(b"RCPT TO:<r%d@example.test>\r\n" % n for n in range(20000))
        same(home.codes(b"MAIL FROM:<a@b>\r\n" + many + b"DATA\r\nx\r\n.\r\n" + QUIT).count("250"), 20002, "20,000 recipients at once")
        same(home.kept()[0][0].count(b"recipient: "), 20000, "all are kept")


def test_disk():
    with Home() as home:
        said = MAIL + b"DATA\r\nx\r\n.\r\n"
        home.talk(said + QUIT)  # makes the folders
        home.clear()
        codes = []
        for step in range(1, 20):
            codes.append(home.codes(said + QUIT, TAPPAL_TEST_STEP=f"fail:{step}:ENOSPC"))
            if codes[-1] == "250 250 354 250 221":
                break
            if home.kept() or home.left():
                codes.append(f"left at step {step}")
        same(set(codes[:-1]), {"250 250 354 452 221"}, "no room at any step: 452")
        ok(len(codes) > 4, "there were several steps", codes)
        home.clear()
        same(home.codes(said + said + QUIT, TAPPAL_TEST_STEP="fail:1:EIO"), "250 250 354 451 250 250 354 250 221", "a fault of the disk is one message's, not the conversation's")


def test_limits():
    with Home() as home:
        (home.dir / ".config/tappal/tappal.ini").write_text("[queue]\nmax_messages = 2\nmax_bytes = 100k\n")
        same(home.codes(b"MAIL FROM:<a@b> SIZE=200000\r\nRCPT TO:<c@d>\r\nRSET\r\n" + MAIL + b"DATA\r\n" + b"x\r\n" * 50000 + b".\r\n" + QUIT), "452 503 250 250 250 354 452 221", "max_bytes: before the text where SIZE says it, else behind it")
        same((home.kept(), home.left()), ([], []), "max_bytes: nothing is kept")
        same(home.codes((MAIL + b"DATA\r\nx\r\n.\r\n") * 2 + b"MAIL FROM:<a@b>\r\n" + QUIT), "250 250 354 250 250 250 354 250 452 221", "max_messages: two, and not a third")
        same(len(home.kept()), 2, "max_messages: two are kept")


def test_nowhere_to_keep():
    with Home() as home:
        (home.dir / "state/tappal").write_text("")
        answers = home.talk(HELLO + MAIL + QUIT)
        same(([a[:3] for a in answers], home.status), (["421"], 75), "nowhere to keep a message: 421 and 75")


def test_verdict():
    """With -odi the server's verdict is the answer."""
    deliver = '#!/bin/sh\nexec >&3\necho "failure network 0 The server is away.\t"\necho end\n'
    with Home() as home:
        (home.dir / ".config/tappal/accounts/work.ini").write_text("[account]\naddress = ada@example.org\n[send]\nhost = smtp.example.org\n")
        (home.dir / "libexec").mkdir()
        program = home.dir / "libexec/tappal-deliver"
        program.write_text(deliver)
        program.chmod(0o755)
        same(home.codes(MAIL + b"DATA\r\nx\r\n.\r\n" + QUIT, "-odi", TAPPAL_LIBEXEC=str(home.dir / "libexec")), "250 250 354 250 221", "-odi: the server is away: accepted")
        same(len(home.kept()), 1, "-odi: and kept")


for name, test in sorted(globals().copy().items(), key=lambda pair: getattr(getattr(pair[1], "__code__", None), "co_firstlineno", 0)):
    if name.startswith("test_"):
        test()
done()
