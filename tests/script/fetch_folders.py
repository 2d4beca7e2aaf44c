#!/usr/bin/python3
"""fetch_folders - whose a folder is, and what it is called: what servers say by NAMESPACE, and what a person means by a name.

run: limit=100
"""
import json
import pathlib
import re
import shlex
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import fetching       # noqa: E402
import small_servers  # noqa: E402
import tap            # noqa: E402
from imap_script import BYE, CAPS, DONE, ask, described, listed, message, opened, sign_in  # noqa: E402

STATE = "(UIDNEXT UIDVALIDITY)"
COURIER = '(("INBOX." ".")) NIL (("shared." "."))'
DOVECOT = '(("" "/")) (("Users/" "/")) (("Public/" "/"))'
TREES = {
    COURIER: ("INBOX", "INBOX.Sent", "INBOX.Lists.git", "shared.all"),
    DOVECOT: ("INBOX", "Sent", "Public/all", "Users/grace"),
}


def lines(names, delimiter="/", word="LIST"):
    return "".join(f'S: * {word} (\\HasNoChildren) "{delimiter}" "{name}"\n' for name in names)


def found(namespaces, names, command='LIST "" "?"', caps="NAMESPACE"):
    """Both are asked in one flight."""
    delimiter = "." if '"."' in namespaces else "/"
    return (sign_in(f"{CAPS} {caps}") + f"C: {{ns}} NAMESPACE\nC: {{tag}} {command}\nS: * NAMESPACE {namespaces}\nS: {{ns}} OK\n"
            + lines(names, delimiter) + "S: {tag} OK\n")


def states(names, following=2):
    """STATUS of each where there are several, all in one flight."""
    if len(names) < 2:
        return ""
    asked = "".join(f'C: {{{tag}}} STATUS "{name}" {STATE}\n' for tag, name in zip("abcdefgh", names))
    return asked + "".join(f'S: * STATUS "{name}" (UIDNEXT {following} UIDVALIDITY 7)\nS: {{{tag}}} OK\n' for tag, name in zip("abcdefgh", names))


def letter(name):
    return f"in {name}\r\n".encode()


def fetched(names):
    return "".join(opened(1, 2, name=name) + listed([1]) + ask(1) + message(1, letter(name)) + DONE for name in names)


def here(names):
    return [letter(name).replace(b"\r\n", b"\n") for name in names]


# the server, what the person writes, which folders are opened, and where they are put
MEANT = [
    (COURIER, "*", {"INBOX": ".", "INBOX.Sent": ".Sent", "INBOX.Lists.git": ".Lists.git"}),
    (COURIER, "Sent", {"INBOX.Sent": ".Sent"}),
    (COURIER, "INBOX/Sent", {"INBOX.Sent": ".Sent"}),
    (COURIER, "Lists/%", {"INBOX.Lists.git": ".Lists.git"}),
    (COURIER, "*, !Sent", {"INBOX": ".", "INBOX.Lists.git": ".Lists.git"}),
    (COURIER, "INBOX, shared/*", {"INBOX": ".", "shared.all": ".shared.all"}),
    (DOVECOT, "*", {"INBOX": ".", "Sent": ".Sent"}),
    (DOVECOT, "%, Public/*", {"INBOX": ".", "Sent": ".Sent", "Public/all": ".Public.all"}),
    (DOVECOT, "Users/grace", {"Users/grace": ".Users.grace"}),
]


def meant(house):
    for namespaces, patterns, places in MEANT:
        what = f"{namespaces.split()[0]}, folders = {patterns}"
        ada = house.person()
        names = list(places)
        fetching.run_case(ada, what, found(namespaces, TREES[namespaces]) + states(names) + fetched(names) + BYE, "imap", mail=here(names), folders=patterns)
        tap.same({n: [p.read_bytes() for p in (ada.maildir / places[n] / "new").iterdir()] for n in names}, {n: here([n]) for n in names}, f"{what}: where they are")
        again = fetching.run_case(ada, f"{what}, again", found(namespaces, TREES[namespaces]) + states(names) + ("" if len(names) > 1 else opened(1, 2, name=names[0])) + BYE, "imap", mail=here(names), folders=patterns)
        tap.same(again.out, "work: no new messages\n", f"{what}, again: nothing twice")


def shown(house):
    """What is told and taken by --uid is the name without the prefix; the whole name is understood too."""
    ada = house.person()
    options = {"folders": "*", "maildir": ada.maildir}
    check = found(COURIER, TREES[COURIER]) + states(["INBOX", "INBOX.Sent", "INBOX.Lists.git"])
    opening = "".join(opened(1, 2, name=name) + listed([1]) for name in ("INBOX", "INBOX.Sent", "INBOX.Lists.git"))
    result = fetching.run_case(ada, "--dry-run", check + opening + BYE, "imap", args=("--dry-run",), **options)
    tap.same(result.out, "".join(f"work: {name}: 1 new message, 10 bytes\n" for name in ("INBOX", "Sent", "Lists/git")), "--dry-run: the names")
    for name in ("Lists/git", "INBOX/Lists/git"):
        ada = house.person()
        one = opened(1, 2, name="INBOX.Lists.git") + "C: {tag} UID FETCH 1 (UID RFC822.SIZE INTERNALDATE)\n" + described([1]) + DONE + ask(1) + message(1, b"a\r\n") + DONE + BYE
        fetching.run_case(ada, f"--uid {name}/1", found(COURIER, TREES[COURIER]) + one, "imap", args=("--uid", f"{name}/1"), mail=[b"a\n"], folders="*")
    missing = found(COURIER, TREES[COURIER]) + BYE
    fetching.run_case(house.person(), "a name that is not there", missing, "imap", status=78, err=r'no folder "sent".*hint: Did you mean Sent\? It has: INBOX, Sent, Lists/git', folders="sent")
    fetching.run_case(house.person(), "a mark that is not there", missing, "imap", status=78, err=r'marks no folder as "\\Snoozed"\.\n  hint: It has: INBOX, Sent, Lists/git.*own name', folders="\\Snoozed")


def told_by_status(house):
    """`tappal status` names a message in quarantine as --uid takes it, as a word that can be copied."""
    ada = house.person()
    names = ["INBOX.Entw&APw-rfe.a b"]
    opening = opened(1, 2, name=names[0])
    refusal = listed([1]) + 2 * (ask(1) + "S: {tag} NO broken\n") + "C: {tag} UID SEARCH UID 1\nS: * SEARCH 1\nS: {tag} OK\n"
    fetching.run_case(ada, "refused in a folder", found(COURIER, names) + opening + refusal + BYE, "imap", status=76, err="broken", folders="*")
    told = ada.run("tappal", "status").out
    tap.matches(told, r"\n    'Entw\u00fcrfe/a b/1': The server did not hand it out: broken", "status: its name")
    (command,) = re.findall(r"\n  hint: To try one at once: tappal fetch (.*)\n", told)
    (entry,) = json.loads(ada.run("tappal", "status", "--json").out)["accounts"][0]["quarantine"]
    tap.same((entry["folder"], entry["uid"]), ("Entw\u00fcrfe/a b", "1"), "status --json: its name")
    one = opening + "C: {tag} UID FETCH 1 (UID RFC822.SIZE INTERNALDATE)\n" + described([1]) + DONE + ask(1) + message(1, b"a\r\n") + DONE + BYE
    fetching.run_case(ada, "the hint as it stands", found(COURIER, names) + one, "imap", args=shlex.split(command), mail=[b"a\n"], folders="*")
    tap.ok("quarantine" not in ada.run("tappal", "status").out, "status: in quarantine no more")


def odd_answers(house):
    """NAMESPACE that is refused, broken, late or never promised: folders go by their whole names, and none is lost."""
    names = ["INBOX", "INBOX.Sent"]
    tail = states(names) + fetched(names) + BYE
    script = found(COURIER, names)
    said = f"S: * NAMESPACE {COURIER}\nS: {{ns}} OK\n"
    for name, script, sent in (
        ("refused", script.replace(said, "S: {ns} BAD what\n"), ".INBOX.Sent"),
        ("broken", script.replace(COURIER, '(("INBOX." "."'), ".INBOX.Sent"),
        ("behind the folders", script.replace(said, "") + said, ".Sent"),
        ("with extensions", script.replace('"."))', '"." "X-PARAM" ("FLAG1" "FLAG2")))', 1), ".Sent"),
        ("a literal", script.replace(f"S: * NAMESPACE {COURIER}", r'S| * NAMESPACE (({6}\r\nINBOX. ".")) NIL NIL\r\n'), ".Sent"),
        ("not offered, and said all the same", sign_in() + f'C: {{tag}} LIST "" "?"\nS: * NAMESPACE {COURIER}\n' + lines(names, ".") + "S: {tag} OK\n", ".INBOX.Sent"),
    ):
        ada = house.person()
        fetching.run_case(ada, f"NAMESPACE {name}", script + tail, "imap", mail=here(names), folders="*")
        tap.ok((ada.maildir / sent / "new").exists(), f"NAMESPACE {name}: the place", sorted(p.name for p in ada.maildir.iterdir()))


def hidden_until_named(house):
    """Some servers list the folders of others only below their prefix: asked for where the person names them, else not."""
    ada = house.person()
    more = 'C: {tag} LIST "" "Public/?"\n' + lines(["Public/all"]) + "S: {tag} OK\n"
    names = ["INBOX", "Public/all"]
    fetching.run_case(ada, "hidden until named", found(DOVECOT, ["INBOX"]) + more + states(names) + fetched(names) + BYE, "imap", mail=here(names), folders="INBOX, Public/*")
    ada = house.person()
    fetching.run_case(ada, "not named: not asked for", found(DOVECOT, ["INBOX"]) + fetched(["INBOX"]) + BYE, "imap", mail=here(["INBOX"]), folders="*")
    ada = house.person()
    fetching.run_case(ada, "hidden, and refused", found(DOVECOT, ["INBOX"]) + 'C: {tag} LIST "" "Public/?"\nS: {tag} NO\n' + fetched(["INBOX"]) + BYE, "imap", mail=here(["INBOX"]), folders="INBOX, Public/*")


def meeting(house):
    """Two folders never meet in one place."""
    ada = house.person()
    twice = ["Entw&APw-rfe", "Entw\u00fcrfe"]
    script = sign_in() + 'C: {tag} LIST "" "?"\n' + lines(twice) + "S: {tag} OK\n" + fetched(twice[:1]) + BYE
    fetching.run_case(ada, "two names for one place", script, "imap", mail=here(twice[:1]), status=65, err=r'"Entw.rfe" cannot be a folder here: it would stand in one place with', folders="*")
    ada = house.person()
    shared = '(("INBOX." ".")) NIL (("" "."))'
    fetching.run_case(ada, "one's own is meant", found(shared, ["Sent", "INBOX.Sent"]) + fetched(["INBOX.Sent"]) + BYE, "imap", mail=here(["INBOX.Sent"]), folders="Sent")


def in_utf8(house):
    """UTF8=ACCEPT: names go in UTF-8 both ways from ENABLED on, and only then; the folder is the same as before."""
    seven, eight = "Entw&APw-rfe", "Entw\u00fcrfe"
    caps = CAPS + " ENABLE UTF8=ACCEPT NAMESPACE MOVE"
    asked = 'C: {en} ENABLE UTF8=ACCEPT\nC: {ns} NAMESPACE\nC: {tag} LIST "" "?"\n'
    enabled = "S: * ENABLED UTF8=ACCEPT\nS: {en} OK\n"
    told = 'S: * NAMESPACE (("Fächer/" "/")) NIL NIL\nS: {ns} OK\n'
    below = lines([f"Fächer/{name}" for name in ("A&B", eight)]) + "S: {tag} OK\n"
    ada = house.person()
    first = sign_in() + 'C: {tag} LIST "" "?"\n' + lines(["A&-B", seven]) + "S: {tag} OK\n"
    both = {"folders": "*"}
    fetching.run_case(ada, "not offered: modified UTF-7", first + states(["A&-B", seven]) + fetched(["A&-B", seven]) + BYE, "imap", mail=here(["A&-B", seven]), **both)
    plain = sign_in(caps.replace(" NAMESPACE", "")) + asked.replace("C: {ns} NAMESPACE\n", "")
    wide = lines(["A&B", eight]) + "S: {tag} OK\n" + states(["A&B", eight])
    fetching.run_case(ada, "enabled: UTF-8, and the same folders", plain + enabled + wide + BYE, "imap", mail=here(["A&-B", seven]), **both)
    narrow = lines(["A&-B", seven]) + "S: {tag} OK\n" + states(["A&-B", seven])
    for what, answer in (("refused", "S: {en} BAD what\n"), ("OK, and nothing enabled", "S: {en} OK\n"), ("something else enabled", "S: * ENABLED CONDSTORE\nS: {en} OK\n")):
        fetching.run_case(ada, f"{what}: modified UTF-7", plain + answer + narrow + BYE, "imap", mail=here(["A&-B", seven]), **both)
    unasked = sign_in() + 'C: {tag} LIST "" "?"\nS: * ENABLED UTF8=ACCEPT\n' + narrow + BYE
    fetching.run_case(ada, "enabled unasked: modified UTF-7", unasked, "imap", mail=here(["A&-B", seven]), **both)
    ada = house.person()
    moved = opened(1, 2, name=f"Fächer/{eight}", examine="SELECT") + listed([1]) + ask(1) + message(1, b"a\r\n") + DONE
    moved += 'C: {tag} UID MOVE 1 "Fächer/A&B"\nS: {tag} OK\n'
    fetching.run_case(ada, "a prefix in UTF-8, and move_to", sign_in(caps) + asked + enabled + told + below + moved + BYE, "imap", mail=[b"a\n"], folders=eight, move_to="A&B")
    tap.ok((ada.maildir / f".{eight}/new").is_dir(), "a prefix in UTF-8: the place", *ada.maildir.iterdir())
    ada = house.person()
    search = sign_in(caps) + "C: {en} ENABLE UTF8=ACCEPT\n" + enabled + opened(1, 2) + 'C: {tag} UID SEARCH UID 1:?  ?\nS: * SEARCH\nS: {tag} OK\n' + BYE
    fetching.run_case(ada, "no CHARSET where UTF-8 is enabled", search.replace("1:?  ?", '1:? (SUBJECT "Gr\u00fc\u00dfe")'), "imap", search='"SUBJECT ""Gr\u00fc\u00dfe"""')
    ada = house.person()
    only = sign_in("IMAP4rev2 SASL-IR AUTH=PLAIN") + 'C: {ns} NAMESPACE\nC: {tag} LIST "" "?"\nS: {ns} BAD\n' + lines([eight]) + "S: {tag} OK\n" + fetched([eight]) + BYE
    fetching.run_case(ada, "IMAP4rev2 alone speaks UTF-8", only, "imap", mail=here([eight]), **both)


class Speaker(small_servers.Server):
    """Two folders with one message each, for several sessions at a time; names are in UTF-8 for who has enabled it."""

    NAMES = ("Entw\u00fcrfe", "Gr\u00fc\u00dfe")

    def talk(self, f):
        caps, utf8 = f"{CAPS} ENABLE UTF8=ACCEPT", False
        self.say(f, f"* OK [CAPABILITY {caps}] ready")
        while True:
            tag, _, command = self.line(f).partition(" ")
            verb, name = command.split(" ")[0], command.split('"')[1] if '"' in command else ""
            answer = []
            if command.startswith("ENABLE"):
                utf8, answer = True, ["* ENABLED UTF8=ACCEPT"]
            elif verb == "LIST":
                answer = [f'* LIST () "/" "{name}"' for name in self.NAMES]
            elif verb == "EXAMINE" and not (utf8 and name in self.NAMES):
                self.say(f, f"{tag} NO no such folder")
                continue
            elif verb == "EXAMINE":
                answer = ["* 1 EXISTS", "* OK [UIDVALIDITY 7] is", "* OK [UIDNEXT 2] is"]
            elif command.startswith("UID SEARCH"):
                answer = ["* SEARCH 1"]
            elif command.startswith("UID FETCH"):
                answer = ["* 1 FETCH (UID 1 RFC822.SIZE 3" + (" BODY[] {3}\r\na\r\n)" if "BODY" in command else ")")]
            self.say(f, *answer, f"{tag} OK" + (f" [CAPABILITY {caps}] in" if verb == "AUTHENTICATE" else ""))


def several_sessions(house):
    """A session that opens a folder before anything else knows whether UTF-8 is on."""
    ada = house.person()
    with Speaker() as server:
        ada.account(fetch={"host": "localhost", "port": server.port, "tls": "off", "auth": "plain", "folders": "*", "connections": 2})
        result = ada.run("tappal-fetch", "-v", limit=20)
    tap.ok(result.status == 0 and ada.fetched() == [b"a\n"] * 2, "several sessions in UTF-8: fetched", result)
    tap.same(len(server.callers), 2, "several sessions in UTF-8: two")


def uses(house):
    """!\\Junk where the server marks no folders: told once, and all are fetched; else not a word."""
    junk = {"folders": '*, "!\\Junk"'}
    said = r"does not say which of its folders is \\Junk, so !\\Junk leaves none out"
    listing = sign_in() + 'C: {tag} LIST "" "?"\n' + lines(["Spam"]) + "S: {tag} OK\n"
    ada = house.person()
    fetching.run_case(ada, "uses, dry run", listing + opened(1, 2, name="Spam") + listed([1]) + BYE, "imap", args=("--dry-run",), err=said, **junk)
    fetching.run_case(ada, "uses: told", listing + fetched(["Spam"]) + BYE, "imap", mail=here(["Spam"]), err=said, **junk)
    fetching.run_case(ada, "uses: told once", listing + opened(1, 2, name="Spam") + BYE, "imap", mail=here(["Spam"]), **junk)
    memory = next(ada.state.glob("fetch/*/told"))
    tap.same(memory.read_text(), "tappal-told 1\n!\\Junk\n", "uses: what is remembered")
    memory.write_text("tappal-told 1\n!\\Jun")
    fetching.run_case(ada, "uses: a damaged memory", listing + opened(1, 2, name="Spam") + BYE, "imap", mail=here(["Spam"]), err=said, **junk)
    fetching.run_case(ada, "uses: another one", listing + opened(1, 2, name="Spam") + BYE, "imap", mail=here(["Spam"]), err=r"which of its folders is \\Trash", folders='*, "!\\Junk", "!\\Trash"')
    tap.same(memory.read_text(), "tappal-told 1\n!\\Junk\n!\\Trash\n", "uses: both are remembered")
    for what, script in (("SPECIAL-USE", listing.replace("UIDPLUS", "UIDPLUS SPECIAL-USE")), ("another use is marked", listing.replace("(\\HasNoChildren)", "(\\Sent)"))):
        fetching.run_case(house.person(), f"uses, {what}: no word", script + fetched(["Spam"]) + BYE, "imap", mail=here(["Spam"]), **junk)


def main():
    with fetching.Alone() as house:
        for part in (meant, shown, told_by_status, odd_answers, hidden_until_named, meeting, in_utf8, several_sessions, uses):
            part(house)
    tap.done()


main()
