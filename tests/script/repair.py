#!/usr/bin/python3
"""repair - what a server cannot take is made quoted-printable on its way out, and nothing else is.

run: limit=120
"""
import email
import email.policy
import pathlib
import random
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from deliver_home import Home, serve
from peer import Peer
from tap import done, matches, ok, same

HELLO = "S: 220 mail.example.test\nC: EHLO [127.0.0.1]\nS: 250-mail.example.test\n"
NARROW = HELLO + "S: 250 SIZE 1000000\n"
WIDE = HELLO + "S: 250-8BITMIME\nS: 250 SIZE\n"
PIPED = HELLO + "S: 250-SIZE\nS: 250 PIPELINING\n"
CHUNKED = HELLO + "S: 250-SIZE\nS: 250-CHUNKING\nS: 250 PIPELINING\n"
RCPT = "C: RCPT TO:<bob@example.org>\n"
MAIL = "C: MAIL FROM:<ada@example.org> SIZE={size}\n"
QUIT = "C: QUIT\neof\n"
LOCK_STEP = MAIL + "S: 250 ok\n" + RCPT + "S: 250 ok\nC: DATA\nS: 354 go on\ndata\nS: 250 2.0.0 done\n"
FLIGHT = MAIL + RCPT + "C: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go on\ndata\nS: 250 2.0.0 done\n"
# A text that was read ahead is measured: no BDAT before the recipients are known.
BDAT = MAIL + RCPT + "S: 250 ok\nS: 250 ok\nC: BDAT {n} LAST\nread {n}\nS: 250 2.0.0 done\n"

HEADER = "From: ada@example.org\nTo: bob@example.org\nSubject: x\nDate: Sun, 22 Nov 2026 03:04:05 +0100\nMessage-ID: <1@example.org>\nMIME-Version: 1.0\n"
TYPE = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n"
BODY = "Grüße \n.dot\n- \n" + "ü" * 300 + "\n=\n"
PLAIN = (HEADER + TYPE + "\n" + BODY).encode()


def sent_text(peer):
    """What came between the lines of the dialogue, dots undone where it came by DATA."""
    lines = [line[3:] for line in peer.transcript if line.startswith("C| ")]
    if lines and lines[-1] == ".":
        lines = [line[1:] if line.startswith(".") else line for line in lines[:-1]] + [""]
    return "\r\n".join(lines).replace("\\x09", "\t")


def one(script, message, **account):
    """One message against one script: (the run, the peer, what was sent, the ids left)."""
    with Home() as home:
        home.account(1)
        home.put(message=message)
        run, peer = serve(home, script, **account)
        return run, peer, sent_text(peer), home


def parts(data):
    """Each part's type and decoded octets, line ends as on the wire."""
    message = email.message_from_bytes(re.sub(rb"\r?\n", b"\r\n", data), policy=email.policy.compat32)
    return [(part.get_content_type(), part.get_payload(decode=True)) for part in message.walk() if not part.is_multipart()]


def was_repaired(what, peer, text, original):
    ok(peer.good, f"{what}: the conversation went as it should", "\n".join(peer.transcript))
    same(parts(text.encode()), parts(original), f"{what}: every part decodes to what it was")
    ok(text.isascii(), f"{what}: ASCII only", text)
    ok("\\x" not in text, f"{what}: no octet over 127", text)
    size = int(re.search(r"SIZE=(\d+)", "\n".join(peer.transcript))[1])
    same(size, len(text), f"{what}: SIZE= is the size as sent")


def test_ways():
    for what, script in (("lock step", NARROW + LOCK_STEP), ("one flight", PIPED + FLIGHT), ("BDAT", CHUNKED + BDAT)):
        run, peer, text, home = one(script + QUIT, PLAIN)
        was_repaired(what, peer, text, PLAIN)
        log = [line for line in peer.transcript if line.startswith("C: MAIL")]
        ok("BODY=" not in log[0], f"{what}: no BODY= where there is no 8BITMIME", log)
        same(text.count("Content-Transfer-Encoding: quoted-printable\r\n"), 1, f"{what}: it says how it is encoded")
        ok(max(map(len, text.split("\r\n"))) <= 76, f"{what}: no line over 76 octets")


def test_wide():
    run, peer, text, _ = one(WIDE + LOCK_STEP.replace("{size}", "{size} BODY=8BITMIME") + QUIT, PLAIN)
    ok(peer.good, "8BITMIME: the conversation went as it should", "\n".join(peer.transcript))
    ok("Gr\\xc3\\xbc\\xc3\\x9fe" in text and "quoted-printable" not in text, "8BITMIME: the text goes out as it is", text)


def test_long_lines():
    long = (HEADER + "\n" + "x" * 998 + "\n" + "y" * 3000 + "\n").encode()
    run, peer, text, _ = one(WIDE + LOCK_STEP + QUIT, long)
    was_repaired("a line of 3000 octets", peer, text, long)
    fits = (HEADER + "\n" + "x" * 998 + "\n").encode()
    run, peer, text, _ = one(WIDE + LOCK_STEP + QUIT, fits)
    ok(peer.good and "quoted-printable" not in text, "a line of 998 octets goes out as it is", text)
    signed = (HEADER + "Content-Type: multipart/signed; boundary=b\n\n--b\n\n" + "y" * 3000 + "\n--b\n\nx\n--b--\n").encode()
    run, peer, text, _ = one(WIDE + LOCK_STEP + QUIT, signed)
    ok(peer.good and "y" * 3000 in text and "quoted-printable" not in text, "a long line that is signed goes out as it is", text)


SIGNED = {
    "multipart/signed": HEADER + "Content-Type: multipart/signed; boundary=b\n\n--b\n" + TYPE + "\n" + BODY + "--b\n\nsignature\n--b--\n",
    "clear-signed": HEADER + TYPE + "\n-----BEGIN PGP SIGNED MESSAGE-----\n\n" + BODY,
    "DKIM": "DKIM-Signature: v=1; d=example.org\n" + HEADER + TYPE + "\n" + BODY,
    "S/MIME": HEADER + "Content-Type: application/pkcs7-mime\nContent-Transfer-Encoding: 8bit\n\n" + BODY,
}


def test_signed():
    for what, message in SIGNED.items():
        run, peer, text, home = one(NARROW + QUIT, message.encode())
        same(run.verdicts(), [], f"{what}: nobody waits for a verdict")
        ok(peer.good and text == "", f"{what}: nothing was sent", "\n".join(peer.transcript))
    with Home() as home:
        home.account(1)
        ident = home.put(message=SIGNED["multipart/signed"].encode())
        with Peer(NARROW + QUIT, limit=20) as peer:
            home.account(peer.port)
            run = home.deliver(ident)
        same(run.verdicts(), ["0 refused 554 5.6.1"], "signed: refused")
        matches(str(run), "cannot be encoded: it is signed or encrypted", "signed: it says why")


def test_header():
    message = (HEADER.replace("Subject: x", "Subject: Grüße") + "\nHello\n").encode()
    with Home() as home:
        home.account(1)
        ident = home.put(message=message)
        with Peer(NARROW + QUIT, limit=20) as peer:
            home.account(peer.port)
            run = home.deliver(ident)
        same(run.verdicts(), ["0 refused 550 5.6.7"], "an 8-bit header, and neither SMTPUTF8 nor 8BITMIME: refused")


def test_too_large_then():
    with Home() as home:
        home.account(1)
        ident = home.put(message=(HEADER + TYPE + "\n" + "ü" * 100).encode())
        with Peer(HELLO + "S: 250 SIZE 600\n" + QUIT, limit=20) as peer:
            home.account(peer.port)
            run = home.deliver(ident)
        same(run.verdicts(), ["0 refused 552 5.3.4"], "what is too large once it is encoded is not sent")


def test_chain():
    """The next envelope behind the first text: SIZE= and BDAT know the encoded size there too."""
    transaction = "C: MAIL FROM:<ada@example.org> SIZE={%s}\n" + RCPT
    bdat = "C: BDAT {n} LAST\nread {n}\n"
    script = (CHUNKED + transaction % "a" + "S: 250 ok\nS: 250 ok\n" + bdat + "C: RSET\n" + transaction % "b" +
              "S: 250 done\nS: 250 reset\nS: 250 ok\nS: 250 ok\n" + bdat + "S: 250 done\n")
    with Home() as home:
        home.account(1)
        home.put(message=PLAIN)
        home.put(message=PLAIN)
        run, peer = serve(home, script + QUIT)
        ok(peer.good, "two messages in a chain: the conversation went as it should", "\n".join(peer.transcript))
        same(home.ids(), [], "two messages in a chain: both delivered")
        same(sent_text(peer).count("Gr=C3=BC=C3=9Fe=20"), 2, "two messages in a chain: both encoded")


def test_windows():
    """In a window of whole transactions there is no room for it: it goes by itself, behind the others."""
    envelope, answers = MAIL + RCPT, "S: 250 ok\nS: 250 ok\n"
    bdat = "C: BDAT {n} LAST\nread {n}\n"
    chain = envelope + answers + bdat + "C: RSET\n" + envelope + "S: 250 done\nS: 250 reset\n" + answers + bdat + "S: 250 done\n"
    window = envelope + bdat + answers + "S: 250 done\n"
    with Home() as home:
        home.account(1)
        for message in [(HEADER + "\nHello\n").encode()] * 3 + [PLAIN]:
            home.put(message=message)
        run, peer = serve(home, CHUNKED + chain + window + BDAT + QUIT)
        ok(peer.good, "behind a window: the conversation went as it should", "\n".join(peer.transcript))
        same(home.ids(), [], "behind a window: all delivered")
        ok("Gr=C3=BC=C3=9Fe=20" in sent_text(peer), "behind a window: encoded")


def test_damage():
    """What is sent is encoded from what was stored, or it is not sent."""
    with Home() as home:
        home.account(1)
        ident = home.put(message=PLAIN)
        path = home.queue / "msg" / ident
        data = path.read_bytes()
        path.chmod(0o600)
        path.write_bytes(data.replace(b".dot", b".dox"))
        run, peer = serve(home, NARROW + MAIL + "S: 250 ok\n" + RCPT + "S: 250 ok\nC: DATA\nS: 354 go on\nread 10\n")
        ok("C| ." not in peer.transcript, "damaged: its end never goes out", peer.transcript)
        same((home.ids(), home.ids("aside")), ([], [ident]), "damaged: set aside")


def random_part(chance, depth):
    """A part as text, its header first."""
    kind = chance.random()
    if depth < 4 and kind < 0.3:
        boundary = "b%d=%s" % (chance.randrange(1000), "".join(chance.choices("ab_=3D'", k=5)))
        inside = "".join("--%s\n%s" % (boundary, random_part(chance, depth + 1)) for _ in range(chance.randrange(1, 4)))
        return 'Content-Type: multipart/mixed; boundary="%s"\nContent-Transfer-Encoding: 8bit\n\n%s--%s--\n' % (boundary, inside, boundary)
    if depth < 4 and kind < 0.4:
        return "Content-Type: message/rfc822\n\nSubject: inner\nMIME-Version: 1.0\n" + random_part(chance, depth + 1)
    if kind < 0.5:
        return "Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\nYWJjZA==\n"
    text = "".join(chance.choices(["ü", "x" * 50, "-", "--b", "=", " ", "\t", "\n", ".", "a b", "\n\n", "y" * 1200], k=chance.randrange(40)))
    return TYPE + "\n" + text + "\n"


def test_random_messages():
    """Messages of any build: Python's parser sees the same parts with the same octets in them, before and after."""
    wrong = []
    for seed in range(25):
        message = (HEADER + random_part(random.Random(seed), 0)).encode()
        if message.isascii() and max(map(len, message.split(b"\n"))) <= 998:
            continue
        run, peer, text, _ = one(NARROW + LOCK_STEP + QUIT, message)
        if not peer.good or parts(text.encode()) != parts(message) or "\\x" in text:
            wrong.append((seed, message, text))
    ok(not wrong, "messages of any build come out with the same parts", *wrong[:1])


def main():
    test_ways()
    test_wide()
    test_long_lines()
    test_signed()
    test_header()
    test_too_large_then()
    test_chain()
    test_windows()
    test_damage()
    test_random_messages()
    done()


main()
