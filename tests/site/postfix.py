"""postfix - the unpacked Postfix beside the site's Dovecot: root only, nothing of it is installed.

It takes submissions with SASL through Dovecot's auth socket (STARTTLS and implicit TLS), speaks DSN and
SMTPUTF8 (on one port neither SMTPUTF8 nor 8BITMIME), and hands everything to Dovecot's LMTP."""
import os
import pwd
import shutil
import subprocess

# Two existing accounts whose groups differ; Postfix insists on owners of its own.
OWNER, GROUP = "games", "tape"
OWNED = ("incoming", "active", "deferred", "bounce", "defer", "flush", "saved", "trace", "corrupt", "hold", "private")

MAIN_CF = """
compatibility_level = 3.6
command_directory = {sysroot}/usr/sbin
daemon_directory = {sysroot}/usr/lib/postfix/sbin
shlib_directory = {sysroot}/usr/lib/postfix
meta_directory = {sysroot}/etc/postfix
queue_directory = {root}/postfix/spool
data_directory = {root}/postfix/data
mail_owner = {owner}
setgid_group = {group}
default_privs = nobody
import_environment = LD_LIBRARY_PATH={libraries} MAIL_CONFIG TZ LANG=C
maillog_file = {root}/postfix.log
maillog_file_prefixes = {root}
myhostname = postfix.example.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
default_transport = error:5.4.4 nothing leaves the site
virtual_mailbox_domains = example.test
virtual_mailbox_maps = inline:{{ {{ {user} = yes }}, {{ {user2} = yes }} }}
virtual_transport = lmtp:unix:{root}/run/lmtp
message_size_limit = 60000000
virtual_mailbox_limit = 0
smtputf8_enable = yes
smtpd_tls_cert_file = {root}/certs/server.pem
smtpd_tls_key_file = {root}/certs/server.key
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {root}/run/auth-client
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_peername_lookup = no
"""

MASTER_CF = """
{submission} inet n - n - - smtpd
{submissions} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes -o smtpd_tls_security_level=encrypt
{narrow} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes -o smtpd_tls_security_level=encrypt -o smtpd_discard_ehlo_keywords=8bitmime,smtputf8
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def libraries(sysroot):
    found = [f"{sysroot}/usr/lib/postfix"]
    found += [str(p) for p in sysroot.glob("usr/lib/*-linux-gnu*")] + [str(p) for p in sysroot.glob("lib/*-linux-gnu*")]
    return ":".join(found)


def write(root, facts, sysroot):
    conf = root / "postfix/conf"
    conf.mkdir(parents=True, exist_ok=True)
    (conf / "main.cf").write_text(MAIN_CF.format(
        root=root, sysroot=sysroot, owner=OWNER, group=GROUP, libraries=libraries(sysroot),
        user=facts["SITE_USER"], user2=facts["SITE_USER2"]))
    (conf / "master.cf").write_text(MASTER_CF.format(
        submission=f"127.0.0.1:{facts['SITE_POSTFIX_PORT']}", submissions=f"127.0.0.1:{facts['SITE_POSTFIXS_PORT']}",
        narrow=f"127.0.0.1:{facts['SITE_POSTFIX7_PORT']}"))


def make_folders(root):
    spool = root / "postfix/spool"
    for name in (*OWNED, "maildrop", "public", "pid"):
        (spool / name).mkdir(parents=True, exist_ok=True)
    (root / "postfix/data").mkdir(exist_ok=True)
    for path in (root / "postfix", root / "postfix/conf", spool, spool / "pid"):
        shutil.chown(path, "root", "root")
    for path in (root / "postfix/conf").iterdir():
        shutil.chown(path, "root", "root")
    for name in OWNED:
        shutil.chown(spool / name, OWNER, "root")
        (spool / name).chmod(0o700)
    shutil.chown(root / "postfix/data", OWNER, "root")
    for name, mode in (("public", 0o710), ("maildrop", 0o730)):
        shutil.chown(spool / name, OWNER, GROUP)
        (spool / name).chmod(mode)


def start(root, sysroot):
    """Postfix's master in the foreground; it must be root, its servers give that up by themselves."""
    pwd.getpwnam(OWNER)
    make_folders(root)
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LD_LIBRARY_PATH": libraries(sysroot), "MAIL_CONFIG": str(root / "postfix/conf")}
    command = ["setpriv", "--pdeathsig", "TERM", str(sysroot / "usr/lib/postfix/sbin/master"), "-s", "-c", env["MAIL_CONFIG"]]
    with open(root / "postfix.out", "ab") as out:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, cwd=os.sep,
                                start_new_session=True)
