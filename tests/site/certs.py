"""certs - the site's own CA and its certificates, by certtool: one good, and those that a client must refuse."""
import subprocess

VALID = "expiration_days = 30\n"
PAST = 'activation_date = "2020-01-01 00:00:00"\nexpiration_date = "2020-02-01 00:00:00"\n'
SERVER = "tls_www_server\nsigning_key\nencryption_key\n"


def certtool(*args):
    done = subprocess.run(["certtool", *args], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"certtool {' '.join(map(str, args))}: {done.stderr}")


def make_key(folder, name):
    certtool("--generate-privkey", "--key-type=ecdsa", "--curve=secp256r1", "--outfile", folder / f"{name}.key")


def make_ca(folder, name):
    make_key(folder, name)
    (folder / "template").write_text(f'cn = "tappal test {name}"\nca\ncert_signing_key\n{VALID}')
    certtool("--generate-self-signed", "--load-privkey", folder / f"{name}.key",
             "--template", folder / "template", "--outfile", folder / f"{name}.pem")


def make_leaf(folder, name, ca, template, owner=None):
    make_key(folder, name)
    (folder / "template").write_text(f'cn = "{owner or name}"\n{template}')
    certtool("--generate-certificate", "--load-privkey", folder / f"{name}.key",
             "--load-ca-certificate", folder / f"{ca}.pem", "--load-ca-privkey", folder / f"{ca}.key",
             "--template", folder / "template", "--outfile", folder / f"{name}.pem")


def make(folder):
    """ca, other-ca; server, expired, wrong-name, untrusted; client (a person's)."""
    folder.mkdir()
    make_ca(folder, "ca")
    make_ca(folder, "other-ca")
    names = "dns_name = localhost\ndns_name = mail.example.test\nip_address = 127.0.0.1\nip_address = ::1\n"
    make_leaf(folder, "server", "ca", names + SERVER + VALID)
    make_leaf(folder, "expired", "ca", "ip_address = 127.0.0.2\ndns_name = mail.example.test\n" + SERVER + PAST)
    make_leaf(folder, "wrong-name", "ca", "dns_name = other.example.test\n" + SERVER + VALID)
    make_leaf(folder, "untrusted", "other-ca", "ip_address = 127.0.0.4\n" + SERVER + VALID)
    make_leaf(folder, "client", "ca", 'email = "ada@example.test"\ntls_www_client\nsigning_key\n' + VALID, owner="ada@example.test")
    (folder / "template").unlink()
