"""rivals - other programs that fetch mail, as Debian builds them, each told to write durably (which is its default).

Each function gives the command that brings all of an account's INBOX into person.home/NAME/Mail, or None where the
program cannot be had. They sign in by one step, as `auth = plain` does: mbsync by LOGIN, since its PLAIN needs a
plug-in; getmail knows nothing else."""
import os
import shutil

import bench


def folder(person, name):
    home = person.home / name
    for sub in ("Mail/cur", "Mail/new", "Mail/tmp", "boxes"):
        (home / sub).mkdir(parents=True)
    return home


def mbsync(house, person, port):
    program = bench.unpacked("isync", "usr/bin/mbsync")
    home = folder(person, "mbsync")
    person.write(home / "rc", f"""IMAPAccount site
Host localhost
Port {port}
User {house.site['USER']}
Pass "{house.site['PASSWORD']}"
AuthMechs LOGIN
SSLType IMAPS
CertificateFile {house.site['CA']}

IMAPStore far
Account site

MaildirStore near
Path {home}/boxes/
Inbox {home}/Mail

Channel all
Far :far:
Near :near:
Patterns INBOX
Sync Pull
SyncState {home}/state-
""")
    return program and [program, "-q", "-c", str(home / "rc"), "all"]


def mpop(house, person, port):
    program = bench.unpacked("mpop", "usr/bin/mpop")
    home = folder(person, "mpop")
    person.write(home / "rc", f"""account site
host localhost
port {port}
tls on
tls_starttls off
tls_trust_file {house.site['CA']}
auth plain
user {house.site['USER']}
password {house.site['PASSWORD']}
keep on
received_header off
uidls_file {home}/uidls
delivery maildir {home}/Mail
""")
    return program and [program, "-C", str(home / "rc"), "-q", "site"]


def getmail(house, person, port):
    program = bench.unpacked("getmail6", "usr/bin/getmail")
    home = folder(person, "getmail")
    kind = "SimpleIMAPSSLRetriever" if port == house.port("IMAPS") else "SimplePOP3SSLRetriever"
    person.write(home / "rc", f"""[retriever]
type = {kind}
server = localhost
port = {port}
ca_certs = {house.site['CA']}
username = {house.site['USER']}
password = {house.site['PASSWORD']}
{'mailboxes = ("INBOX",)' if 'IMAP' in kind else ''}
[destination]
type = Maildir
path = {home}/Mail/
[options]
read_all = false
delete = false
verbose = 0
received = false
delivered_to = false
""")
    modules = bench.lab.TOP / "build/getmail6/usr/lib/python3/dist-packages"
    drop = []
    if bench.lab.ROOT:  # it does not put down mail as root
        drop = ["/usr/bin/setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        for path in (home, *home.rglob("*")):
            shutil.chown(path, "nobody", "nogroup")
    return program and [*drop, "/usr/bin/env", f"PYTHONPATH={modules}", "/usr/bin/python3", program, f"--getmaildir={home}", "--rcfile=rc"]


def brought(person, name):
    """How many messages it has put down."""
    return sum(len(os.listdir(person.home / name / "Mail" / sub)) for sub in ("new", "cur"))
