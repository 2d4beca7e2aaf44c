#!/usr/bin/python3
"""selftest - the site does what the other tests take for granted. Run with the site's env set. TAP on stdout."""
import hashlib
import imaplib
import os
import poplib
import smtplib
import ssl
import sys

E = os.environ
BIG = b"Subject: big\r\nFrom: ada@example.test\r\n\r\n" + b"".join(
    hashlib.sha256(b"%d" % i).hexdigest().encode() + b"\r\n" for i in range(52 * 1024 * 1024 // 66))


def port(name):
    return int(E[f"SITE_{name}_PORT"])


def trust():
    return ssl.create_default_context(cafile=E["SITE_CA"])


def submit(message, to, implicit=True):
    if implicit:
        smtp = smtplib.SMTP_SSL("localhost", port("SUBMISSIONS"), context=trust())
    else:
        smtp = smtplib.SMTP("localhost", port("SUBMISSION"))
        smtp.starttls(context=trust())
    with smtp:
        smtp.login(E["SITE_USER"], E["SITE_PASSWORD"])
        smtp.sendmail(E["SITE_USER"], to, message)


def test_submission_starttls_to_imap():
    submit(b"Subject: one\r\n\r\n.dot\r\nbody\r\n", E["SITE_USER2"], implicit=False)
    imap = imaplib.IMAP4("localhost", port("IMAP"))
    imap.starttls(trust())
    imap.authenticate("PLAIN", lambda _: f"\0{E['SITE_USER2']}\0{E['SITE_PASSWORD2']}".encode())
    imap.select("INBOX", readonly=True)
    text = imap.fetch("1", "(BODY.PEEK[])")[1][0][1]
    imap.logout()
    return text.endswith(b"Subject: one\r\n\r\n.dot\r\nbody\r\n")


def test_50_mb_comes_back_the_same():
    submit(BIG, E["SITE_USER"])
    pop = poplib.POP3_SSL("localhost", port("POP3S"), context=trust())
    pop.user(E["SITE_USER"])
    pop.pass_(E["SITE_PASSWORD"])
    text = b"\r\n".join(pop.retr(1)[1]) + b"\r\n"
    pop.dele(1)
    pop.quit()
    return text.endswith(BIG)


def refused_certificate(host):
    try:
        imaplib.IMAP4_SSL(host, port("IMAPS"), ssl_context=trust())
    except ssl.SSLCertVerificationError as e:
        return e.verify_message
    return "accepted"


def test_bad_certificates_are_bad():
    return ("expired" in refused_certificate(E["SITE_EXPIRED_HOST"])
            and "IP address mismatch" in refused_certificate(E["SITE_WRONG_NAME_HOST"])
            and "issuer" in refused_certificate(E["SITE_UNTRUSTED_HOST"]))


def test_wrong_password_is_answered_at_once():
    smtp = smtplib.SMTP_SSL("localhost", port("SUBMISSIONS"), context=trust())
    try:
        smtp.login(E["SITE_USER"], "wrong")
    except smtplib.SMTPAuthenticationError as e:
        return e.smtp_code == 535
    return False


def test_scram_and_limits_are_announced():
    smtp = smtplib.SMTP_SSL("localhost", port("SUBMISSIONS"), context=trust())
    smtp.ehlo()
    return "SCRAM-SHA-256" in smtp.esmtp_features["auth"] and int(smtp.esmtp_features["size"]) > 60_000_000


def test_relay_refuses_as_told():
    try:
        submit(b"Subject: x\r\n\r\n", "unknown@example.test")
    except smtplib.SMTPRecipientsRefused as e:
        return list(e.recipients.values())[0][0] == 550
    return False


def test_closed_port_is_closed():
    try:
        smtplib.SMTP("127.0.0.1", port("CLOSED"))
    except ConnectionRefusedError:
        return True
    return False


def main():
    tests = [(n, f) for n, f in sorted(globals().items()) if n.startswith("test_")]
    print(f"1..{len(tests)}")
    bad = 0
    for i, (name, test) in enumerate(tests, 1):
        try:
            good, why = test(), ""
        except Exception as e:  # a test that dies has failed, the others still run
            good, why = False, f" # {type(e).__name__}: {e}"
        bad += not good
        print(f"{'ok' if good else 'not ok'} {i} - {name[5:]}{why}", flush=True)
    sys.exit(bad != 0)


main()
