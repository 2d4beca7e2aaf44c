#!/usr/bin/python3
"""The desk: tappal account, check and status, by options alone and on a terminal; a first message there and back."""
# run: limit=120
import os
import pathlib
import pty
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import tap  # noqa: E402
from lab import BUILD, Lab  # noqa: E402

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"


def on_a_terminal(person, args, answers):
    """All answers are typed at once; what was said, and the exit status."""
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(person.home)
        os.execve(BUILD / "tappal", ["tappal", *args], person.env)
    os.write(fd, "".join(a + "\n" for a in answers).encode())
    said = b""
    while True:
        try:
            chunk = os.read(fd, 4096)
        except OSError:
            break
        if not chunk:
            break
        said += chunk
    os.close(fd)
    return said.decode(errors="replace"), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def accounts_of(person):
    return sorted(p.name for p in (person.config / "accounts").iterdir())


def the_command_line(lab):
    ada = lab.person("commands")
    nothing = ada.run("tappal")
    tap.ok(nothing.status == 64 and "account add" in nothing.out, "tappal alone shows its commands", nothing)
    tap.same(ada.run("tappal", "--help").status, 0, "--help")
    tap.matches(ada.run("tappal", "--version").out, r"^tappal \d", "--version")
    typo = ada.run("tappal", "chekc")
    tap.ok(typo.status == 64 and "tappal check" in typo.err, "an unknown command names the nearest", typo)
    for words in (["account"], ["account", "add"], ["account", "add", "a@b.c", "d"], ["account", "burn"], ["account", "list", "x"],
                  ["account", "list", "--no-such"], ["check", "a", "b"], ["status", "x"]):
        tap.same(ada.run("tappal", *words).status, 64, f"usage: {' '.join(words)}")
    for words, said in ((["queue", "shwo"], r"no command `tappal queue shwo`.*tappal queue show"), (["status", "foo"], "`foo`"),
                        (["auth", "lgoin", "x"], "tappal auth login"), (["account", "lst"], "tappal account list"),
                        (["queue", "show"], "ID"), (["queue", "list", "x"], "`x`"), (["auth", "login"], "name of an account"),
                        (["check", "a", "bb"], "`bb`"), (["account", "add"], "an address"), (["account", "list", "yy"], "`yy`"),
                        (["account", "remove", "x"], "no command `tappal account remove`.*auth logout.*accounts/NAME.ini"),
                        (["account"], "a command"), (["auth"], "a command"), (["queue"], "a command"), (["service"], "on or off"),
                        (["service", "onn"], "tappal service on"), (["queue", "list", "--jsno"], r"no option --jsno.*mean --json"),
                        (["queue", "run", "--account"], "--account needs an argument"), (["queue", "run", "--json"], "not take --json"),
                        (["queue", "list", "--json=x"], "--json takes no argument"), (["check", "-xy"], "no option -x"),
                        (["status", "--check", "--max-age", "soon"], "`soon`.*90m"), (["status", "--max-age", "1h"], "--check only"),
                        (["status", "--json", "--check"], "go together"), (["account", "list", "--yes"], "not take --yes"),
                        (["auth", "status", "--file"], "auth status.*no option"), (["verify", "--form"], "no option --form"),
                        (["adopt", "--form"], "--from"), (["service", "on", "now"], "`now`")):
        wrong = ada.run("tappal", *words)
        tap.same(wrong.status, 64, f"tappal {' '.join(words)}")
        tap.ok(re.match(f"tappal: .*{said}", wrong.err, re.S) and "\n  hint: " in wrong.err and wrong.err.count("\n") == 2,
               "a sentence and a hint", wrong)
    for words in (["account", "--help"], ["check", "--help"], ["status", "--help"], ["auth", "--help"], ["queue", "--help"],
                  ["send", "--help"], ["fetch", "--help"]):
        tap.same(ada.run("tappal", *words).status, 0, " ".join(words))


def providers(lab):
    ada = lab.person("providers")
    add = ["account", "add", "--no-test", "--password-from", "file secrets/x"]
    rows = {
        "ada@gmail.com": ("host = imap.gmail.com", "host = smtp.gmail.com"),
        "ada@yahoo.co.uk": ("host = imap.mail.yahoo.com",),
        "ada@icloud.com": ("host = imap.mail.me.com", "login = ada", "host = smtp.mail.me.com", "tls = starttls"),
        "ada@163.com": ("host = imap.163.com", "host = smtp.163.com"),
        "ada@GMX.net": ("host = mail.gmx.net",),
        "ada@proton.me": ("port = 1143", "port = 1025", "tls = starttls"),
    }
    for address, lines in rows.items():
        good = ada.run("tappal", *add, address, "--name", "one")
        file = ada.config / "accounts/one.ini"
        text = file.read_text() if file.exists() else ""
        tap.ok(good.status == 0 and all(f"\n{line}\n" in text for line in lines), f"{address} is known", good, text)
        tap.ok(all(lab_line.startswith("#") or "=" in lab_line or lab_line.startswith("[") or not lab_line for lab_line in text.splitlines()),
               "its file is comments, sections and settings")
        file.unlink(missing_ok=True)
    for address in ("ada@outlook.com", "ada@hotmail.co.uk", "ada@firm.onmicrosoft.com"):
        bad = ada.run("tappal", *add, address)
        tap.ok(bad.status == 78 and "OAuth2" in bad.err, f"{address} cannot be used yet, and is told so", bad)
    for address in ("ada@yahoo.example.org", "ada@example.org", "ada@notgmail.com"):
        bad = ada.run("tappal", *add, address)
        tap.ok(bad.status == 64 and "--imap" in bad.err, f"{address} is not known", bad)
    for address in ("ada", "@example.org", "ada@"):
        tap.same(ada.run("tappal", *add, address).status, 64, f"{address} is no address")
    tap.same(accounts_of(ada), [], "nothing was written by any of these")


def written_files(lab):
    ada = lab.person("files")
    add = ["account", "add", "ada@example.org", "--no-test", "--password-from", "file secrets/x"]
    servers = ["--imap", "imap.example.org", "--smtp", "smtp.example.org:587"]
    odd = ada.run("tappal", *add, *servers, "--login", 'a "b" ; c', "--full-name", "Ada, Countess # 1", "--maildir", "~/My Mail")
    file = ada.config / "accounts/example.ini"
    tap.ok(odd.status == 0, "odd names are written", odd)
    tap.same(oct(file.stat().st_mode & 0o7777), "0o600", "to a file of the person's alone")
    shown = ada.run("tappal", "account", "show", "example").out
    for line in ('login = "a ""b"" ; c"', 'name = "Ada, Countess # 1"', f"maildir = {ada.home}/My Mail", "tls = starttls", "port = 587"):
        tap.ok(f"  {line} " in shown, f"and read back: {line}", shown)
    for words in ("set sendmail = ", "sendemail.smtpserver ", "set mta="):
        tap.ok(words in odd.out, f"the line with {words}is printed", odd)
    before = file.read_bytes()
    second = ada.run("tappal", *add, *servers)
    tap.ok(second.status == 0 and "ada@example.org.ini" in accounts_of(ada), "a second one gets another name", second)
    told = r"default = NAME.*/tappal\.ini"
    tap.ok(re.search(told, second.out) and not re.search(told, odd.out), "and it is said that none is the default now", odd, second)
    check = ada.run("tappal", "check")
    tap.ok(check.status == 0 and "none is the default" in check.out and "is sound" in check.out, "check says so too", check)
    (ada.config / "tappal.ini").write_text("[tappal]\ndefault = example\n")
    tap.ok("the default" not in ada.run("tappal", "check").out, "until there is one")
    (ada.config / "tappal.ini").unlink()
    third = ada.run("tappal", *add, *servers, "--name", "example")
    tap.ok(third.status == 78 and file.read_bytes() == before, "and replaces nothing", third)
    for name in ("a/b", "../x", "-x", ".x", "a b", ""):
        tap.ok(ada.run("tappal", *add, *servers, "--name", name).status in (64, 78), f"{name!r} is no name")
    tap.same(ada.run("tappal", *add, "--imap", "a", "--pop3", "b").status, 64, "IMAP and POP3 exclude each other")
    tap.same(ada.run("tappal", *add, "--name", "n", "--imap", "imap://x").status, 64, "an URL is no host")
    tap.same(ada.run("tappal", *add, *servers, "--name", "n", "--tls", "yes").status, 64, "--tls yes")
    nothing = ada.run("tappal", *add, "--smtp", "smtp.example.org", "--name", "n", "--maildir", "~/Mail")
    tap.ok(nothing.status == 64 and "--imap" in nothing.err, "--maildir without a server to fetch from", nothing)
    listed = ada.run("tappal", "account", "list").out
    tap.matches(listed, r"example  ada@example\.org  sends by smtp\.example\.org  fetches from imap\.example\.org\n", "list")
    tap.same(ada.run("tappal", "account", "show", "none").status, 78, "show of none")
    (ada.config / "accounts/example.ini").write_text("[account]\nnmae = x\n[send]\nhost = a\nport = 0\n")
    check = ada.run("tappal", "check")
    tap.ok(check.status == 78 and ":2: " in check.out and "Did you mean `name`?" in check.out and ":5: " in check.out,
           "check prints every fault", check)
    tap.same(ada.run("tappal", "check", file).status, 78, "of one file, too")
    broken = ada.run("tappal", *add, *servers, "--name", "n")
    tap.ok(broken.status == 78 and "n.ini" not in accounts_of(ada), "add wants that mended first", broken)
    file.unlink()
    tap.same(ada.run("tappal", "check").status, 0, "and is content then")


def secrets_are_not_shown(lab):
    ada = lab.person("secrets")
    ada.account(password_from="command printf hunter2", send={"proxy": "socks5://me:hunter2@localhost:9"})
    shown = ada.run("tappal", "account", "show", "work")
    tap.ok(shown.status == 0 and "hunter2" not in shown.out and "command printf ..." in shown.out and "socks5://...@localhost:9" in shown.out,
           "show hides what a command is told, and a proxy's password", shown)
    file = ada.config / "accounts/work.ini"
    file.write_text(file.read_text() + "password = hunter2\n")
    for words in (["check"], ["account", "list"], ["status"], ["auth", "status"]):
        said = ada.run("tappal", *words)
        tap.ok(said.status == 78 and "hunter2" not in said.out + said.err, f"{words[0]} never repeats a password", said)


def examples(lab):
    """Each line that is written for use is of use: alone, with the section that stands before it."""
    ada = lab.person("examples")
    (ada.config / "accounts/work.ini").write_text((EXAMPLES / "accounts/work.ini").read_text())
    plain = (EXAMPLES / "tappal.ini").read_text().splitlines()
    (ada.home / "aliases").write_text("root: ada@example.org\n")
    section, tried = None, 0
    for at, line in enumerate(plain):
        section = at if re.match(r"#?\[", line) else section
        if not re.match(r"#[a-z_]+ = ", line):
            continue
        used = [text.removeprefix("#") if n in (section, at) else text for n, text in enumerate(plain)]
        (ada.config / "tappal.ini").write_text("\n".join(used).replace("/etc/aliases", f"{ada.home}/aliases") + "\n")
        check = ada.run("tappal", "check")
        tap.ok(check.status == 0, f"examples/tappal.ini: {line[1:]}", check)
        tried += 1
    tap.ok(tried > 15, "its lines were found", tried)


def asked(lab):
    ada = lab.person("asked")
    add = ["account", "add", "ada@example.org", "--no-test", "--password-from", "file secrets/x"]
    said, status = on_a_terminal(ada, add, ["", "", "ada", "y"])
    text = (ada.config / "accounts/example.ini").read_text() if accounts_of(ada) else ""
    tap.ok(status == 0 and "host = imap.example.org\n" in text and "host = smtp.example.org\n" in text and "login = ada\n" in text,
           "an unknown provider's servers are asked for", said, text)
    (ada.config / "accounts/example.ini").unlink(missing_ok=True)
    said, status = on_a_terminal(ada, add, ["-", "pop.example.org", "-", "", "y"])
    text = (ada.config / "accounts/example.ini").read_text() if accounts_of(ada) else ""
    tap.ok(status == 0 and "protocol = pop3\n" in text and "[send]" not in text and "login" not in text, "- stands for none", said, text)
    said, status = on_a_terminal(ada, [*add, "--name", "third"], ["imap.example.org:99999", "", "https://smtp.example.org/", "", "", "y"])
    text = (ada.config / "accounts/third.ini").read_text() if accounts_of(ada) else ""
    (ada.config / "accounts/third.ini").unlink(missing_ok=True)
    tap.ok(status == 0 and "host = imap.example.org\n" in text and "host = smtp.example.org\n" in text
           and "is not a port" in said and "is not the name" in said, "what cannot be a server is asked for again", said, text)
    said, status = on_a_terminal(ada, [*add, "--name", "other"], ["", "", "", "n"])
    tap.ok(status == 64 and accounts_of(ada) == ["example.ini"], "a no writes nothing", said)


def several(lab):
    """Which account is meant? Neither is named as if it were to blame."""
    ada = lab.person("several")
    for name in ("home", "work"):
        ada.account(name)
    for command in ("verify", "adopt"):
        result = ada.run("tappal", command)
        tap.same((result.status, result.err.splitlines()[:1]), (64, ["tappal: There are several accounts that fetch mail."]), f"{command}: one must be named")


def there_and_back(lab):
    site = lab.site
    ada = lab.person("ada")
    (ada.config / "tappal.ini").unlink()
    servers = ["--smtp", f"localhost:{site['SUBMISSIONS_PORT']}", "--imap", f"localhost:{site['IMAPS_PORT']}", "--tls", "implicit"]
    add = ["account", "add", site["USER"], "--name", "post", *servers, "--password-from", "file secrets/post", "--password-from-stdin"]
    password = site["PASSWORD"].encode() + b"\n"
    wrong = ada.run("tappal", *add, stdin=password)
    tap.ok(wrong.status == 69 and "tappal auth login post" in wrong.out, "an untrusted certificate ends the test with 69", wrong)
    (ada.config / "accounts/post.ini").unlink(missing_ok=True)
    wrong = ada.run("tappal", *add, "--tls-ca", site["CA"], stdin=b"wrong\n")
    tap.ok(wrong.status == 77, "a wrong password with 77", wrong)
    (ada.config / "accounts/post.ini").unlink(missing_ok=True)
    good = ada.run("tappal", *add, "--tls-ca", site["CA"], stdin=password)
    tap.ok(good.status == 0 and "sent a message to" in good.out and "fetched it back" in good.out, "a message goes there and comes back", good)
    mail = [p.read_text() for p in (ada.home / "Mail/post/new").glob("*")]
    tap.ok(len(mail) == 1 and "tappal works" in mail[0], "it is in the maildir", *mail)
    tap.same(ada.queue(), [], "the queue is empty")
    status = ada.run("tappal", "status")
    tap.ok(status.status == 0 and "post: " in status.out and "No message waits." in status.out, "status says so", status)


with Lab() as the_lab:
    the_command_line(the_lab)
    providers(the_lab)
    written_files(the_lab)
    secrets_are_not_shown(the_lab)
    examples(the_lab)
    asked(the_lab)
    several(the_lab)
    there_and_back(the_lab)
tap.done()
