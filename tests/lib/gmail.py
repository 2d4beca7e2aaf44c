"""gmail - an IMAP server whose folders are labels, as Gmail's are: one message stands in several of them, each time under
another UID, and X-GM-MSGID says that it is the same. What it hands out is counted.

    with Gmail() as gmail:
        gmail.add(b"text", "INBOX", "Work")     # and in All Mail, as everything is
        ... gmail.handed                        # [(folder, uid)] of the bodies that were asked for
"""
import re
import time

from small_servers import Server

ALL = "[Gmail]/All Mail"
CAPS = "IMAP4rev1 SASL-IR AUTH=PLAIN UIDPLUS ESEARCH SPECIAL-USE LIST-EXTENDED LIST-STATUS"


class Message:
    def __init__(self, number, text):
        self.id, self.text, self.flags = 1278455344230334865 + number, text, set()
        self.date = f"{number % 28 + 1:2d}-Jul-2026 02:44:25 +0000"


class Gmail(Server):
    """mark: the item that names a message, with the capability that it comes with. size(message): what it is said to have."""

    def __init__(self, mark=("X-GM-EXT-1", "X-GM-MSGID"), size=lambda message: len(message.text)):
        super().__init__()
        self.caps, self.item, self.size = f"{CAPS} {mark[0]}", mark[1], size
        self.folders = {"INBOX": {}, ALL: {}}  # name -> UID -> message
        self.next = {}                         # name -> UIDNEXT
        self.handed, self.commands, self.made = [], [], 0
        self.pause = 0                         # seconds behind each message

    def add(self, text, *labels):
        self.made += 1
        message = Message(self.made, text)
        for name in (ALL, *labels):
            self.label(message, name)
        return message

    def label(self, message, name):
        uid = self.next.get(name, 1)
        self.folders.setdefault(name, {})[uid] = message
        self.next[name] = uid + 1
        return uid

    def unlabel(self, message, name):
        self.folders[name] = {uid: m for uid, m in self.folders[name].items() if m is not message}

    def talk(self, f):
        self.say(f, f"* OK [CAPABILITY {self.caps}] Gimap ready for requests")
        state = {"open": None}
        while True:
            tag, _, command = self.line(f).partition(" ")
            self.commands.append(command)
            verb = command.replace("UID ", "UID_").split(" ")[0].lower()
            if verb == "logout":
                return
            getattr(self, "do_" + verb, self.do_other)(f, tag, command, state)

    def do_other(self, f, tag, *_):
        self.say(f, f"{tag} OK")

    def do_authenticate(self, f, tag, *_):
        self.say(f, f"{tag} OK [CAPABILITY {self.caps}] in")

    def status(self, name):
        return f'* STATUS "{name}" (UIDNEXT {self.next.get(name, 1)} UIDVALIDITY 7)'

    def do_list(self, f, tag, command, _):
        self.say(f, '* LIST (\\HasChildren \\Noselect) "/" "[Gmail]"')
        for name in self.folders:
            self.say(f, f'* LIST ({chr(92) + "All " if name == ALL else ""}\\HasNoChildren) "/" "{name}"', *([self.status(name)] if "STATUS" in command else []))
        self.say(f, f"{tag} OK")

    def do_status(self, f, tag, command, _):
        self.say(f, self.status(command.split('"')[1]), f"{tag} OK")

    def do_examine(self, f, tag, command, state):
        name = state["open"] = command.split('"')[1]
        self.say(f, f"* {len(self.folders[name])} EXISTS", "* OK [UIDVALIDITY 7]", f"* OK [UIDNEXT {self.next.get(name, 1)}]", f"{tag} OK")

    do_select = do_examine

    def wanted(self, uids, state):
        """(number, UID, message) of a set, in order."""
        box, ranges = self.folders[state["open"]], []
        for part in uids.split(","):
            low, _, high = part.partition(":")
            ends = [max(box, default=0) if end == "*" else int(end) for end in (low, high or low)]
            ranges.append(range(min(ends), max(ends) + 1))
        return [(i, uid, box[uid]) for i, uid in enumerate(sorted(box), 1) if any(uid in r for r in ranges)]

    def do_uid_fetch(self, f, tag, command, state):
        uids, items = re.search(r"^UID FETCH (\S+) \(?(.*?)\)?$", command).groups()
        for number, uid, message in self.wanted(uids, state):
            said = f'* {number} FETCH (UID {uid} RFC822.SIZE {self.size(message)} INTERNALDATE "{message.date}"'
            said += f" FLAGS ({' '.join(sorted(message.flags))})" if "FLAGS" in items else ""
            name = str(message.id) if self.item.startswith("X-GM") else f"(M{message.id})"
            said += f" {self.item} {name}" if self.item in items else ""
            if "BODY.PEEK[]" in items:
                self.handed.append((state["open"], uid))
                f.write(f"{said} BODY[] {{{len(message.text)}}}\r\n".encode() + message.text + b")\r\n")
                f.flush()
                time.sleep(self.pause)
            else:
                f.write(said.encode() + b")\r\n")
        self.say(f, f"{tag} OK")

    def do_uid_search(self, f, tag, command, state):
        found = [str(uid) for _, uid, _ in self.wanted(command.rsplit("UID ", 1)[1], state)]
        self.say(f, f'* ESEARCH (TAG "{tag}") UID' + (" ALL " + ",".join(found) if found else ""), f"{tag} OK")

    def do_uid_store(self, f, tag, command, state):
        uids, how, flags = re.search(r"^UID STORE (\S+) ([+-]?)FLAGS\S* \((.*)\)$", command).groups()
        for _, uid, message in self.wanted(uids, state):
            if "\\Deleted" in flags:
                state.setdefault("deleted", set()).add(uid)
            else:
                message.flags = message.flags | set(flags.split()) if how == "+" else message.flags - set(flags.split())
        self.say(f, f"{tag} OK")

    def do_uid_expunge(self, f, tag, command, state):
        """Takes the label away; the message stays in All Mail."""
        for _, uid, _ in self.wanted(command.split(" ")[2], state):
            if uid in state.get("deleted", ()):
                del self.folders[state["open"]][uid]
        self.say(f, f"{tag} OK")
