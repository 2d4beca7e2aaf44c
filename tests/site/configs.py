"""configs - the configuration files of the site's servers."""
import getpass
import grp
import os

DOVECOT = "/usr/sbin/dovecot"
# One certificate each: the good one, expired, wrong name, untrusted.
ADDRESSES = ("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4")

DOVECOT_CONF = """
base_dir = {root}/run
state_dir = {root}/state
instance_name = tappal-site
log_path = {root}/dovecot.log
protocols = imap pop3 lmtp submission
listen = {listen}
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
default_vsz_limit = 1G
first_valid_uid = 1
hostname = mail.example.test

ssl = yes
ssl_min_protocol = TLSv1.2
ssl_cert = <{root}/certs/server.pem
ssl_key = <{root}/certs/server.key
local 127.0.0.2 {{
  ssl_cert = <{root}/certs/expired.pem
  ssl_key = <{root}/certs/expired.key
}}
local 127.0.0.3 {{
  ssl_cert = <{root}/certs/wrong-name.pem
  ssl_key = <{root}/certs/wrong-name.key
}}
local 127.0.0.4 {{
  ssl_cert = <{root}/certs/untrusted.pem
  ssl_key = <{root}/certs/untrusted.key
}}

ssl_ca = <{root}/certs/ca.pem
ssl_require_crl = no
ssl_verify_client_cert = yes
ssl_cert_username_field = commonName
auth_ssl_username_from_cert = yes

auth_mechanisms = plain login scram-sha-256 scram-sha-1 cram-md5 external
auth_failure_delay = 0
passdb {{
  driver = static
  mechanisms = external
  args = nopassword=y
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {root}/passwd
}}
userdb {{
  driver = passwd-file
  args = {root}/prefixed
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={root}/mail/%u
}}
mail_location = maildir:~/Maildir
mail_max_userip_connections = 500
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Sent {{
    special_use = \\Sent
  }}
}}
namespace public {{
  disabled = yes
  type = public
  separator = /
  prefix = Public/
  location = maildir:{root}/mail/public
  list = children
}}
lda_mailbox_autocreate = yes
protocol imap {{
  mail_plugins = imap_zlib
}}
protocol lmtp {{
  postmaster_address = postmaster@example.test
}}
submission_relay_host = 127.0.0.1
submission_relay_port = {relay_port}
submission_max_mail_size = 100M

service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
service auth {{
  unix_listener auth-client {{
    mode = 0666
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = {imaps_port}
    ssl = yes
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {pop3_port}
  }}
  inet_listener pop3s {{
    port = {pop3s_port}
    ssl = yes
  }}
}}
service submission-login {{
  chroot =
  inet_listener submission {{
    port = {submission_port}
  }}
  inet_listener submissions {{
    port = {submissions_port}
    ssl = yes
  }}
}}
service lmtp {{
  unix_listener lmtp {{
    mode = 0666
  }}
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp_port}
  }}
}}
"""


# Of a third user, whose folders have names as Courier gives them, and who sees a shared folder.
PREFIXED = ("userdb_namespace/inbox/prefix=INBOX.", "userdb_namespace/inbox/separator=.", "userdb_namespace/public/disabled=no",
            "userdb_namespace/public/prefix=shared.", "userdb_namespace/public/separator=.")
USERS = ("", "2", "3")


def write(root, facts, user):
    user = user or getpass.getuser()
    group = "nogroup" if user == "nobody" else grp.getgrgid(os.getgid()).gr_name
    ports = {name[len("SITE_"):].lower(): value for name, value in facts.items() if name.endswith("_PORT")}
    (root / "dovecot.conf").write_text(
        DOVECOT_CONF.format(root=root, user=user, group=group, listen=", ".join(ADDRESSES), **ports))
    (root / "passwd").write_text("".join(
        f"{facts['SITE_USER' + n]}:{{PLAIN}}{facts['SITE_PASSWORD' + n]}::::::\n" for n in USERS), encoding="utf-8")
    (root / "prefixed").write_text(f"{facts['SITE_USER3']}::{user}:{group}::{root}/mail/{facts['SITE_USER3']}::{' '.join(PREFIXED)}\n", encoding="utf-8")
    for n in USERS:
        for sub in ("tmp", "new", "cur"):
            (root / "mail" / facts["SITE_USER" + n] / "Maildir" / sub).mkdir(parents=True, exist_ok=True)
