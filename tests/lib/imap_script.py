"""imap_script - pieces of which conversations with a scripted IMAP server are made (peer.py has the language)."""

CAPS = "IMAP4rev1 SASL-IR AUTH=PLAIN UIDPLUS"
DATE = "17-Jul-1996 02:44:25 -0700"
BYE = "C: {tag} LOGOUT\n"
ASK = "C: {tag} UID FETCH {set} (UID RFC822.SIZE INTERNALDATE BODY.PEEK[])\n"
DONE = "S: {tag} OK fetched\n"


def sign_in(caps=CAPS):
    return f"S: * OK [CAPABILITY {caps}] ready\nC: {{tag}} AUTHENTICATE PLAIN *\nS: {{tag}} OK [CAPABILITY {caps}] in\n"


def opened(exists, following, validity=7, examine="EXAMINE", name="INBOX"):
    return (f'C: {{tag}} {examine} "{name}"\nS: * {exists} EXISTS\nS: * OK [UIDVALIDITY {validity}] ok\nS: * OK [UIDNEXT {following}] ok\n'
            "S: {tag} OK open\n")


def described(uids, size=10, date=DATE, extra=""):
    """FETCH responses that describe messages."""
    return "".join(f'S: * {i} FETCH (UID {u} RFC822.SIZE {size} INTERNALDATE "{date}"{extra})\n' for i, u in enumerate(uids, 1))


def listed(uids, **options):
    """The listing of what is new: FETCH and SEARCH both name these UIDs."""
    return ("C: {tag} UID FETCH *:* (UID RFC822.SIZE INTERNALDATE)\nC: {search} UID SEARCH UID *\n" + described(uids, **options)
            + f"S: {{tag}} OK listed\nS: * SEARCH {' '.join(map(str, uids))}\nS: {{search}} OK found\n")


def ask(uids, tag="tag"):
    return ASK.replace("{set}", str(uids)).replace("{tag}", "{%s}" % tag)


def message(uid, text, extra=""):
    """A message that arrives as a literal, all of its bytes as they are."""
    raw = "".join("\\x%02x" % b for b in text)
    return rf"S| * 1 FETCH (UID {uid}{extra} BODY[] {{{len(text)}}}\r\n" + raw + r")\r\n" + "\n"
