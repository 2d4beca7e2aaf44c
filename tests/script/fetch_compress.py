#!/usr/bin/python3
"""fetch_compress - COMPRESS=DEFLATE: asked for where the line is slow and much is still to come, and never otherwise; what stands behind
the server's consent is compressed, whatever it looks like; cut at each octet nothing is lost; a server that cannot do it right is
not asked the next time.

run: limit=180
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import fetching  # noqa: E402
import tap       # noqa: E402
from imap_script import BYE, DATE, DONE, ask, message, opened, sign_in  # noqa: E402

SIGN_IN = sign_in("IMAP4rev1 SASL-IR AUTH=PLAIN UIDPLUS COMPRESS=DEFLATE")
LARGE, SMALL = 9_000_000, 300_000  # as the server lists them; each of the large ones is asked for by a command of its own
SLOWLY = "delay 0.25\n"
COMPRESS = "C: {tag} COMPRESS DEFLATE\n"
AGREED = COMPRESS + "S: {tag} OK begin\n"
MAIL = [b"a\n", b"b\n", b"c\n"]


def listed(size):
    lines = "".join(f'S: * {n} FETCH (UID {n} RFC822.SIZE {size} INTERNALDATE "{DATE}")\n' for n in (1, 2, 3))
    return "C: {tag} UID FETCH 1:* (UID RFC822.SIZE INTERNALDATE)\nC: {search} UID SEARCH UID 1:*\n" + lines + "S: {tag} OK\nS: * SEARCH 1 2 3\nS: {search} OK\n"


BEGIN = SIGN_IN + opened(3, 4) + listed(LARGE)
TWO = ask(3, "a") + ask(2, "b") + SLOWLY + message(3, b"c\r\n") + "S: {a} OK\n" + message(2, b"b\r\n") + "S: {b} OK\n"
LAST = ask(1) + message(1, b"a\r\n") + DONE


def good(house):
    fetching.run_case(house.person(), "slow, and much to come", BEGIN + TWO + AGREED + "deflate\n" + LAST + BYE, "imap", mail=MAIL)
    fetching.run_case(house.person(), "in TLS", BEGIN + TWO + AGREED + "deflate\n" + LAST + BYE, "imap", mail=MAIL, tls="implicit")
    fetching.run_case(house.person(), "refused: it goes on as before", BEGIN + TWO + COMPRESS + "S: {tag} NO [COMPRESSIONACTIVE] it is on\n" + LAST + BYE, "imap", mail=MAIL)
    fetching.run_case(house.person(), "not offered", (BEGIN + TWO + LAST + BYE).replace(" COMPRESS=DEFLATE", ""), "imap", mail=MAIL)
    little = SIGN_IN + opened(3, 4) + listed(SMALL) + ask("1:3") + SLOWLY + "".join(message(n, b"%c\r\n" % (96 + n)) for n in (1, 2, 3)) + DONE + BYE
    fetching.run_case(house.person(), "little to come", little, "imap", mail=MAIL)


def cut_everywhere(house):
    """The first run ends within the compressed part, wherever that may be; the second has what is missing, without compression where
    the server seemed to fail."""
    again = sign_in("IMAP4rev1 SASL-IR AUTH=PLAIN") + opened(3, 4)
    count, wrong, at, ended = 0, [], 1, False
    while not ended and at < 500:
        ada = house.person()
        result, server = fetching.play(ada, BEGIN + TWO + AGREED + f"deflate {at}\n" + LAST + BYE, "imap")
        ended = server.good
        first = sorted(ada.fetched())
        if first not in (MAIL[1:], MAIL) or result.status not in ((0,) if ended else (0, 69)) or ada.half_written():
            wrong.append(f"{at}: {result}, {first}")
        if first != MAIL:
            count += 1
            result, server = fetching.play(ada, again + listed(LARGE).replace("1:*", "*:*").replace("UID 1:*", "UID *") + LAST + BYE, "imap")
            if result.status != 0 or sorted(ada.fetched()) != MAIL or not server.good:
                wrong.append(f"{at}, the second run: {result}, {ada.fetched()} {server.transcript}")
        at += 1
    tap.ok(not wrong and ended and count > 20, f"cut behind each of {at - 1} compressed octets", *wrong[:3])


def odd(house):
    """What is not compressed behind the consent is no answer, and the server is not asked for compression for a day."""
    ada = house.person()
    clear = BEGIN + TWO + AGREED + "S: * 1 FETCH (UID 1 RFC822.SIZE 3 FLAGS (\\Seen))\ndelay 1\n"
    fetching.run_case(ada, "in the clear behind the consent", clear, "imap", mail=MAIL[1:], status=76, whole=False, err=r"sent compressed data that is damaged\.\n  hint: Nothing is lost")
    uids = "".join(f'S: * 1 FETCH (UID {n} RFC822.SIZE {LARGE} INTERNALDATE "{DATE}")\n' for n in (1, 4, 5))
    rest = SIGN_IN + opened(5, 6) + "C: {tag} UID FETCH *:* (UID RFC822.SIZE INTERNALDATE)\nC: {search} UID SEARCH UID *\n" + uids + "S: {tag} OK\nS: * SEARCH\nS: {search} OK\n"
    rest += ask(5) + SLOWLY + message(5, b"e\r\n") + DONE + ask(4) + message(4, b"d\r\n") + DONE + ask(1) + message(1, b"a\r\n") + DONE + BYE
    fetching.run_case(ada, "the next run does without", rest, "imap", mail=MAIL + [b"d\n", b"e\n"], same_server=True)
    ada = house.person()
    injected = BEGIN + TWO + COMPRESS + r"S| {tag} OK begin\r\n* BYE injected\r\n" + "\ndelay 1\n"
    fetching.run_case(ada, "in one write with the consent", injected, "imap", mail=MAIL[1:], status=76, whole=False, err="compressed data that is damaged")


def main():
    with fetching.Alone() as house:
        good(house)
        odd(house)
        cut_everywhere(house)
    tap.done()


main()
