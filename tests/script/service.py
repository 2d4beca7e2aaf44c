#!/usr/bin/python3
"""service - tappal service on and off, with a systemctl and a crontab that only write down what they are asked."""
# run: limit=60
import json
import os
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from deliver_home import BUILD, Home
from tap import done, matches, ok, same, skip

CRONTAB = '#!/bin/sh\ncase $1 in\n-l) test -e "$HOME/table" && cat "$HOME/table" ;;\n-) cat >"$HOME/table" ;;\nesac\n'
SYSTEMCTL = '#!/bin/sh\necho "$*" >>"$HOME/asked"\n'
NO_SYSTEMCTL = "#!/bin/sh\nexit 1\n"


def stub(home, name, text):
    folder = home.dir / "bin"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    (folder / name).chmod(0o700)
    home.env["PATH"] = f"{folder}:{BUILD}:/usr/bin:/bin"


def tappal(home, *arguments, before=()):
    return subprocess.run([*before, BUILD / "tappal", *arguments], env=home.environment(), capture_output=True, text=True, check=False, timeout=30)


def test_crontab():
    with Home() as home:
        home.account(1, maildir=False)
        stub(home, "systemctl", NO_SYSTEMCTL)
        stub(home, "crontab", CRONTAB)
        (home.dir / "table").write_text("MAILTO=ada\n0 0 * * * true\n")
        for _ in range(2):
            result = tappal(home, "service", "on")
            same((result.returncode, result.stdout), (0, "The queue is looked at each 5 minutes, by cron.\n"), "no systemd: on")
        same((home.dir / "table").read_text(), f"MAILTO=ada\n0 0 * * * true\n*/5 * * * * {BUILD}/tappal-deliver # tappal service\n", "one line is added, once; the others stay")
        same(json.loads(tappal(home, "status", "--json").stdout)["woken_by"], "a line in the crontab", "status knows of it")
        same(tappal(home, "service", "off").returncode, 0, "off")
        same((home.dir / "table").read_text(), "MAILTO=ada\n0 0 * * * true\n", "the line is gone, the others stay")
        stub(home, "crontab", "#!/bin/sh\nexit 1\n")
        result = tappal(home, "service", "on")
        same(result.returncode, 75, "neither systemd nor cron")
        matches(result.stderr, r"crontab did not .*\n  hint: There is no systemd", "and it says so")
        for arguments in ([], ["up"], ["on", "off"]):
            same(tappal(home, "service", *arguments).returncode, 64, f"{arguments}: bad usage")


def test_crontab_fetch():
    with Home() as home:
        home.account(1)
        stub(home, "systemctl", NO_SYSTEMCTL)
        stub(home, "crontab", CRONTAB)
        for _ in range(2):
            result = tappal(home, "service", "on")
            same((result.returncode, result.stdout.splitlines()[1:]), (0, ["New mail is fetched each 5 minutes, by cron."]), "an account that fetches: said")
        same((home.dir / "table").read_text(), f"*/5 * * * * {BUILD}/tappal-deliver # tappal service\n*/5 * * * * {BUILD}/tappal-fetch --quiet # tappal service\n", "two lines")
        same((tappal(home, "service", "off").returncode, (home.dir / "table").read_text()), (0, ""), "off: both are gone")


# Root's units are the machine's: in a namespace of its own, where /etc/systemd is empty.
HIDDEN = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /etc/systemd && "$@"; s=$?; cp -r /etc/systemd/. "$HOME/units/"; exit $s', "sh"]


def test_systemd():
    root = os.geteuid() == 0
    if root and (not os.path.isdir("/etc/systemd") or subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/etc/systemd"], check=False, stderr=subprocess.DEVNULL).returncode):
        skip("units of systemd", "no mount namespaces here")
        return
    with Home() as home:
        home.account(1, maildir=False)
        stub(home, "systemctl", SYSTEMCTL)
        (home.dir / "units").mkdir()
        result = tappal(home, "service", "on", before=HIDDEN if root else ())
        same((result.returncode, result.stdout), (0, "The queue is looked at each minute, by systemd: tappal.timer.\n"), "systemd: on", )
        who, units = ("--system", home.dir / "units/system") if root else ("--user", home.dir / ".config/systemd/user")
        same((home.dir / "asked").read_text().splitlines(), [f"{who} show-environment", f"{who} daemon-reload", f"{who} enable --now tappal.timer tappal.path"], "what systemctl is asked for")
        matches((units / "tappal.service").read_text(), rf'ExecStart="{BUILD}/tappal-deliver"\n', "the service")
        matches((units / "tappal.path").read_text(), rf"PathChanged={home.queue}/msg\n", "the path")
        matches((units / "tappal.timer").read_text(), r"OnUnitInactiveSec=1min\n", "the timer")
        for name in ("service", "path", "timer"):
            if subprocess.run(["systemd-analyze", "--version"], check=False, stdout=subprocess.DEVNULL).returncode == 0:
                checked = subprocess.run(["systemd-analyze", "verify", "--man=no", units / f"tappal.{name}"], check=False, capture_output=True, text=True)
                ok(f"tappal.{name}:" not in checked.stderr, f"tappal.{name}: systemd has nothing to say against it", checked.stderr)
        if not root:
            (units / "tappal.timer").write_text("[Timer]\n")
            matches(tappal(home, "service", "off").stderr, "was not written by tappal", "another's unit is left alone")


def test_systemd_fetch():
    """In one namespace on and off, so that root's off finds what on has put there."""
    root = os.geteuid() == 0
    with Home() as home:
        home.account(1)
        stub(home, "systemctl", SYSTEMCTL)
        (home.dir / "units").mkdir()
        script = f"{BUILD}/tappal service on && cp {'/etc/systemd/system' if root else '$HOME/.config/systemd/user'}/tappal-fetch.service $HOME/ && {BUILD}/tappal service off"
        result = subprocess.run([*(HIDDEN if root else ()), "sh", "-c", script], env=home.environment(), capture_output=True, text=True, check=False, timeout=30)
        same(result.returncode, 0, "an account that fetches: on and off") or print("#", result)
        matches(result.stdout, r"New mail is fetched as it comes, by systemd: tappal-fetch.service\.\n.*New mail is fetched by tappal-fetch only", "both are said")
        matches((home.dir / "tappal-fetch.service").read_text(), rf'Type=notify\n.*ExecStart="{BUILD}/tappal-fetch" --watch --quiet\n', "the unit")
        asked = (home.dir / "asked").read_text()
        matches(asked, "enable --now tappal.timer tappal.path tappal-fetch.service\n.*disable --now tappal.timer tappal.path tappal-fetch.service\n", "what systemctl is asked for")
        left = home.dir / "units/system" if root else home.dir / ".config/systemd/user"
        ok(not (left / "tappal-fetch.service").exists(), "off: the unit is gone")


test_crontab()
test_crontab_fetch()
try:
    test_systemd()
    test_systemd_fetch()
except FileNotFoundError as missing:
    skip("units of systemd", f"{missing.filename} is missing")
done()
