#!/usr/bin/python3
"""fetch_depth - how many sets of messages are asked for ahead: two, then one more for each that came; one at a time for a day at a
server that ended the session over it. A line that broke changes nothing.

run: limit=60
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import fetching  # noqa: E402
import tap       # noqa: E402
from imap_script import ASK, BYE, DATE, opened, sign_in  # noqa: E402

COUNT, SET = 640, 64
SIGN_IN = sign_in()


def listed(last=COUNT, first=1):
    lines = "".join(f'S: * {n} FETCH (UID {n} RFC822.SIZE 10 INTERNALDATE "{DATE}")\n' for n in range(first, last + 1))
    return "C: {tag} UID FETCH *:* (UID RFC822.SIZE INTERNALDATE)\nC: {search} UID SEARCH UID *\n" + lines + "S: {tag} OK\nS: * SEARCH\nS: {search} OK\n"


def asks(n, last=COUNT):
    """The n-th set, the newest first; its tag is remembered by a letter."""
    high = last - SET * n
    first = max(1, high - SET + 1)
    return ASK.replace("{set}", f"{first}:{high}" if first < high else str(high)).replace("{tag}", "{%c}" % (97 + n))


def comes(n, last=COUNT, ends=True):
    high = last - SET * n
    text = "".join(r"* 1 FETCH (UID %d BODY[] {3}\r\na\r\n)\r\n" % uid for uid in range(high, max(0, high - SET), -1))
    return f"S| {text}\n" + ("S: {%c} OK\n" % (97 + n) if ends else "")


BEGIN = SIGN_IN + opened(COUNT, COUNT + 1) + listed()


def all_in_order(ahead):
    """Ten sets; behind the n-th that came, so many have been asked for as `ahead` says."""
    script, asked = BEGIN, 0
    for n in range(10):
        while asked < min(10, n + ahead[n]):
            script += asks(asked)
            asked += 1
        script += comes(n)
    return script + BYE


def falls(house, name, end):
    """Somebody whose server ended the session with two sets to come."""
    ada = house.person()
    script = BEGIN + asks(0) + asks(1) + comes(0) + asks(2) + asks(3) + comes(1, ends=False) + end
    result, server = fetching.play(ada, script, "imap")
    tap.ok(result.status != 0 and len(ada.fetched()) == 2 * SET, f"a server that {name}: what came is kept", result, len(ada.fetched()), *server.transcript[-3:])
    return ada


def spared(house):
    left = COUNT - 2 * SET
    begin = SIGN_IN + opened(COUNT, COUNT + 1) + listed(left)
    for name, end, deep in (("ends the session", "close\n", 1), ("says goodbye", "S: * BYE too much\nclose\n", 1), ("talks nonsense", "S: T99 OK what\n", 1), ("loses the line", "reset\n", 2)):
        for clock, most in (("0", deep), ("86500", 2)):
            ada = falls(house, name, end)
            ada.env["TAPPAL_TEST_CLOCK"] = clock
            result, server = fetching.play(ada, begin + "".join(asks(n, left) for n in range(most)) + "delay 0.3\nC: nothing\n", "imap", same_server=True, timeout=1)
            asked = [line for line in server.transcript if "BODY.PEEK" in line]
            tap.same(len(asked), most, f"a server that {name}: {clock} s later {most} at a time") or print("#", result, *server.transcript[-8:], sep="\n# ")


def main():
    with fetching.Alone() as house:
        fetching.run_case(house.person(), "two, and one more for each that came, up to six", all_in_order([2, 3, 4, 5] + [6] * 6), "imap", mail=[b"a\n"] * COUNT)
        spared(house)
    tap.done()


main()
