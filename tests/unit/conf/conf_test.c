/* conf: the text of a file, and the sentence that must come out of it; or what it then says. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/text.h"
#include "conf/conf.h"
#include "conf/options.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void write_file(const char *path, const char *text, size_t n)
{
    struct err err = {0};
    ck_assert_msg(fs_replace(path, text, n, 0600, &err), "%s", err.what);
}

static void make_root(void)
{
    struct err err = {0};
    unit_folder_make();
    ck_assert(fs_make_dirs("accounts", &err));
    setenv("HOME", unit_folder, 1);
}

/* where - the sentence without the temporary folder before it */
static const char *where(const char *what)
{
    size_t n = strlen(unit_folder);
    return strncmp(what, unit_folder, n) == 0 ? what + n + 1 : what;
}

#define GOOD_ACCOUNT "[account]\naddress = ada@example.org\n"
#define GOOD_SEND GOOD_ACCOUNT "[send]\nhost = smtp.example.org\n"
#define GOOD_FETCH GOOD_ACCOUNT "[fetch]\nhost = imap.example.org\nmaildir = ~/Mail\n"
#define TEN "aaaaaaaaaa"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define A "accounts/work.ini:"

/* -- whatever is wrong -- */

static const struct {
    const char *text;        /* of accounts/work.ini */
    const char *what, *hint; /* the hint: how it begins */
} faulty[] = {
    /* lines */
    {"host\n", A "1: This line has no equals sign.", "Write `name = value`"},
    {"host = x\n", A "1: `host` stands before the first section.", "Put [account]"},
    {"[account]\n = x\n", A "2: This line does not begin with the name of an option.", ""},
    {"[account]\na:b = x\n", A "2: This line does not begin with the name of an option.", ""},
    {"[account]\n" HUNDRED " = x\n", A "2: This line does not begin with the name of an option.", ""},
    {GOOD_SEND "set_from = a\x01@b\n", A "5: There is a control character (0x01) in this line.", ""},
    {GOOD_SEND "# \xff\n", A "5: This line is not valid UTF-8.", "Save the file as UTF-8"},
    /* sections */
    {"[sedn]\n", A "1: There is no section [sedn].", "Did you mean [send]?"},
    {"[receive]\n", A "1: There is no section [receive].", "Known are [account], [send] and [fetch]."},
    {"[queue]\n", A "1: There is no section [queue].", "[queue] belongs in tappal.ini"},
    {"[send\n", A "1: The name of a section is not closed by `]`.", ""},
    {"[send] # mine\n", A "1: Something follows the `]` of a section.", "Put the comment"},
    {GOOD_SEND "[account]\nname = A\n", A "5: The section [account] is there a second time.",
     "Put both parts"},
    {GOOD_SEND "[account " HUNDRED "]\n", A "5: There is no section [account " HUNDRED "].", ""},
    /* names */
    {GOOD_SEND "hsot = x\n", A "5: [send] has no option `hsot`.", "Did you mean `host`?"},
    {GOOD_SEND "maildir = ~/x\n", A "5: [send] has no option `maildir`.", "`maildir` belongs under [fetch]."},
    {GOOD_SEND "tls-ca = x\n", A "5: [send] has no option `tls-ca`.", "Did you mean `tls_ca`?"},
    {GOOD_SEND "Host = x\n", A "5: [send] has no option `Host`.", "Did you mean `host`?"},
    {GOOD_SEND "wibble = x\n", A "5: [send] has no option `wibble`.", "tappal.ini(5) lists"},
    {GOOD_SEND "default = x\n", A "5: [send] has no option `default`.", "tappal.ini(5) lists"},
    {GOOD_SEND "host = y\n", A "5: `host` was set already, in line 4.", "Take one"},
    {"[account]\npassword = hunter2\n",
     A "2: `password` would keep a password in this file, which tappal does not do.",
     "Take the line out, say where the password is kept"},
    {GOOD_SEND "password = hunter2\n",
     A "5: `password` would keep a password in this file, which tappal does not do.", ""},
    {"[account]\npasword_from = keyring\n", A "2: [account] has no option `pasword_from`.",
     "Did you mean `password_from`?"},
    {GOOD_SEND "token_from = file x\n", A "5: `token_from` is not in this version of tappal yet.",
     "Take it out"},
    {GOOD_FETCH "tls_crl = x\n", A "6: `tls_crl` is not in this version of tappal yet.", "Take it out"},
    {GOOD_FETCH "connections = 17\n", A "6: `connections` cannot be more than 16.", "Few servers let in"},
    {GOOD_FETCH "connections = 0\n", A "6: `connections` cannot be `0`.", "It is a number"},
    {GOOD_FETCH "protocol = pop3\nconnections = 2\n", A "7: POP3 knows nothing of `connections`.",
     "Take it out"},
    {GOOD_FETCH "flags = on\n", A "6: `flags` cannot be `on`.", "It can be one of: off, pull, both."},
    {GOOD_FETCH "flags = pull\nmark_seen = yes\n",
     A "7: `mark_seen` marks as read on the server what `flags` then marks as read here.", "Take one"},
    {GOOD_FETCH "protocol = pop3\ndeletions = pull\n", A "7: POP3 knows nothing of `deletions`.",
     "Take it out, or use"},
    {GOOD_SEND "auth = oauth2\n", A "5: `auth = oauth2` is not in this version of tappal yet.",
     "Take it out"},
    {GOOD_FETCH "keep = 0d\n", A "6: `keep` cannot be `0d`.", ""},
    /* values */
    {GOOD_SEND "sent = yes\n", A "5: `sent` cannot be `yes`.", "It can be: maildir DIR, imap"},
    {GOOD_SEND "sent = maildir\n", A "5: `sent` cannot be `maildir`.", ""},
    {GOOD_SEND "sent = off please\n", A "5: `sent` cannot be `off please`.", ""},
    {GOOD_SEND "sent = maildir Mail/Sent\n", A "5: Mail/Sent is not a full path.", ""},
    {GOOD_SEND "sent = imap\n", A "5: `sent = imap` needs a [fetch] section that speaks IMAP.",
     "Add one, or keep the copies here: sent = maildir ~/Mail/work/.Sent"},
    {GOOD_SEND "sent = imap\n[fetch]\nprotocol = pop3\nhost = pop.example.org\nmaildir = ~/Mail\n",
     A "5: `sent = imap` needs a [fetch] section that speaks IMAP.", ""},
    {GOOD_SEND "ehlo = mine.example ; me\n",
     A "5: A `;` or `#` behind a blank looks like a comment behind the value.",
     "Put the comment on a line of its own"},
    {GOOD_SEND "ehlo =\t#x\n", A "5: A `;` or `#` behind a blank looks like a comment behind the value.", ""},
    {GOOD_SEND "login = \"x\" # y\n",
     A "5: A `;` or `#` behind a blank looks like a comment behind the value.", ""},
    {GOOD_SEND "login = \"x\n", A "5: A double quote is opened and never closed.", ""},
    {GOOD_SEND "login = \"x\"y\n", A "5: Something follows the closing double quote.", ""},
    {GOOD_SEND "ehlo =\n", A "5: `ehlo` has no value.", ""},
    {GOOD_SEND "ehlo = \"\"\n", A "5: `ehlo` has no value.", ""},
    {GOOD_SEND "port = 0\n", A "5: `0` is not a port.", "A port is a number"},
    {GOOD_SEND "port = 65536\n", A "5: `65536` is not a port.", ""},
    {GOOD_SEND "timeout = soon\n", A "5: `soon` is not a length of time.", ""},
    {GOOD_SEND "timeout = 0\n", A "5: `0` is not a length of time.", ""},
    {GOOD_SEND "senders = \"x\n", A "5: [send] has no option `senders`.",
     "`senders` belongs under [account]."},
    {"[account]\nsenders = \"x, y\n", A "2: A double quote is opened and never closed.", ""},
    {GOOD_SEND "timeout = 4294967296\n", A "5: `4294967296` is not a length of time.", ""},
    {GOOD_SEND "tls = yes\n", A "5: `tls` cannot be `yes`.",
     "It can be one of: implicit, starttls, off, ssl, ssl/tls."},
    {GOOD_SEND "auth = digest-md5\n", A "5: `auth` cannot be `digest-md5`.",
     "It can be one of: auto, none, scram, plain, login, external, cram-md5."},
    {GOOD_SEND "tls_ca = ca.pem\n", A "5: ca.pem is not a full path.", "Write it beginning with /"},
    {GOOD_SEND "source_ip = here\n", A "5: `here` is not an IP address.", ""},
    {GOOD_SEND "proxy = http://u:hunter2@h:1\n", A "5: This is not the address of a SOCKS proxy.",
     "Write socks5://"},
    {GOOD_SEND "set_from = nobody\n", A "5: `nobody` is not a mail address.", ""},
    {GOOD_SEND "set_from = %X@example.org\n", A "5: A % here must be followed by U, H, M or another %.", ""},
    {GOOD_SEND "domain = a b\n", A "5: `a b` is not the name of a domain or host.", ""},
    {GOOD_SEND "tunnel = ssh gw nc ; x\n",
     A "5: A `;` or `#` behind a blank looks like a comment behind the value.", ""},
    {GOOD_SEND "tunnel = ssh 'gw\n", A "5: A quote (') is opened and never closed.", ""},
    {GOOD_SEND "password_from = keyrign\n", A "5: This is no place that a password can come from.",
     "Did you mean `keyring`?"},
    {GOOD_SEND "password_from = hunter2\n", A "5: This is no place that a password can come from.",
     "Known are: keyring"},
    {GOOD_SEND "password_from = command\n", A "5: `command` needs something behind it.", "Write the command"},
    {GOOD_SEND "password_from = netrc mine\n", A "5: Nothing may follow `netrc`.", ""},
    {GOOD_FETCH "folders = INBOX,,x\n", A "6: There is an empty item in the list.", ""},
    {GOOD_SEND "rate = 20\n", A "5: `rate` cannot be `20`.", ""},
    {GOOD_SEND "rate = 0/min\n", A "5: `rate` cannot be `0/min`.", ""},
    {GOOD_SEND "rate = /min\n", A "5: `rate` cannot be `/min`.", ""},
    {GOOD_SEND "rate = 20/week\n", A "5: `rate` cannot be `20/week`.", ""},
    {GOOD_SEND "rate = 20 / min\n", A "5: `rate` cannot be `20 / min`.", ""},
    {GOOD_SEND "rate = 11111111111111111111/min\n", A "5: `rate` cannot be `11111111111111111111/min`.", ""},
    {GOOD_SEND "daily = 0\n", A "5: `daily` cannot be `0`.", ""},
    {GOOD_FETCH "keep = maybe\n", A "6: `keep` cannot be `maybe`.", ""},
    {GOOD_ACCOUNT "[send]\nhost = imaps://x\n", A "4: `imaps://x` is not the name or address of a server.",
     "Write only the name"},
    {GOOD_ACCOUNT "[send]\nhost = x:y\n", A "4: `y` is not a port.", ""},
    {GOOD_ACCOUNT "[send]\nhost = ::zz:1\n", A "4: `::zz:1` is not the name or address of a server.", ""},
    /* contradictions */
    {GOOD_ACCOUNT, "accounts/work.ini: The account has neither [send] nor [fetch].", ""},
    {"[send]\nhost = x\n", "accounts/work.ini: The account has neither an address nor a login.", ""},
    {"[account]\nlogin = ada\n[send]\nhost = x\n",
     "accounts/work.ini: The account has no address to send from.", ""},
    {GOOD_ACCOUNT "[send]\nport = 465\n", "accounts/work.ini: [send] names no server.",
     "Add a line like `host = smtp"},
    {GOOD_ACCOUNT "[fetch]\nmaildir = /m\n", "accounts/work.ini: [fetch] names no server.",
     "Add a line like `host = imap"},
    {GOOD_ACCOUNT "[fetch]\nhost = x\n", "accounts/work.ini: [fetch] does not say where the mail goes.",
     "Add a line like `maildir = ~/Mail/work`."},
    {GOOD_SEND "port = 465\ntls = starttls\n", A "5: Port 465 contradicts tls = starttls.",
     "Port 465 goes with tls = implicit; tls = starttls goes with port 587."},
    {GOOD_SEND "tls = implicit\nport = 587\n", A "6: Port 587 contradicts tls = implicit.", ""},
    {GOOD_ACCOUNT "[send]\ntls = implicit\nhost = x:25\n", A "5: Port 25 contradicts tls = implicit.", ""},
    {GOOD_FETCH "port = 143\ntls = ssl\n", A "6: Port 143 contradicts tls = implicit.", ""},
    {GOOD_FETCH "port = 993\nprotocol = pop3\n", A "6: Port 993 is for IMAP, and [fetch] speaks POP3.",
     "Take the port out: tappal knows the usual one, 995."},
    {GOOD_SEND "protocol = lmtp\nport = 465\n", A "6: Port 465 is for SMTP, and [send] speaks LMTP.",
     "Take the port out: tappal knows the usual one, 24."},
    {GOOD_SEND "port = 24\n", A "5: Port 24 is for LMTP, and [send] speaks SMTP.", ""},
    {GOOD_SEND "protocol = lmtp\ntls = off\n",
     A "6: With tls = off, the password would cross the network for everybody to read.", ""},
    {GOOD_FETCH "deliver = maildrop\n", A "6: `deliver` is `command` or `lmtp`, not `maildrop`.",
     "Write it like this: deliver = command maildrop"},
    {GOOD_FETCH "deliver = command a\nflags = pull\n",
     A "7: `flags` means nothing where the mail is handed over (`deliver`).", ""},
    {GOOD_FETCH "folders = *\ntargets = Sent: ../sent\n",
     A "7: \"../sent\" cannot be a place below the maildir.", "Write it like this: targets = "},
    {GOOD_FETCH "folders = *\ntargets = INBOX: ., Sent: a/tmp\n",
     A "7: \"a/tmp\" cannot be a place below the maildir.", ""},
    {GOOD_FETCH "folders = *\ntargets = Sent: /tmp/sent\n",
     A "7: \"/tmp/sent\" cannot be a place below the maildir.", ""},
    {GOOD_FETCH "folders = *\ntargets = Sent: a//b\n", A "7: \"a//b\" cannot be a place below the maildir.",
     ""},
    {GOOD_FETCH "folders = *\ntargets = Sent:\n", A "7: \"\" cannot be a place below the maildir.", ""},
    {GOOD_FETCH "folders = *\ntargets = Sent\n", A "7: \"Sent\" does not say which folder goes where.", ""},
    {GOOD_FETCH "folders = *\ntargets = : sent\n", A "7: \": sent\" does not say which folder goes where.",
     ""},
    {GOOD_FETCH "folders = *\ntargets = Lists/*: lists\n",
     A "7: \"Lists/*\" is not one folder: a target has no wildcards.", ""},
    {GOOD_FETCH "targets = inbox: in, Sent: sent\n",
     A "6: `targets` names \"Sent\", and only the INBOX is fetched.", ""},
    {GOOD_FETCH "protocol = pop3\ntargets = INBOX: in\n", A "7: POP3 knows nothing of `targets`.", ""},
    {GOOD_FETCH "deliver = command\n", A "6: There is no command.", ""},
    {GOOD_FETCH "deliver = command a ; b\n",
     A "6: A `;` or `#` behind a blank looks like a comment behind the value.", ""},
    {GOOD_FETCH "deliver = lmtp /run/lmtp\n",
     A "6: `deliver = lmtp` needs the path of a socket and one recipient.", ""},
    {GOOD_FETCH "deliver = lmtp run/lmtp ada\n", A "6: run/lmtp is not a full path.", ""},
    {GOOD_SEND "protocol = imap\n", A "5: `protocol` cannot be `imap`.", ""},
    {GOOD_SEND "port = 993\n", A "5: Port 993 is for IMAP, and [send] speaks SMTP.", ""},
    {GOOD_ACCOUNT "[send]\nhost = x:587\nport = 465\n", A "5: `host` names port 587, and `port` says 465.",
     ""},
    {GOOD_SEND "tls = off\n",
     A "5: With tls = off, the password would cross the network for everybody to read.",
     "Use tls = implicit"},
    {GOOD_ACCOUNT "[send]\nhost = 127.evil.example\ntls = off\n",
     A "5: With tls = off, the password would cross the network for everybody to read.", ""},
    {GOOD_ACCOUNT "[send]\nhost = localhost\ntls = off\nproxy = socks5://h:1\n",
     A "5: With tls = off, the password would cross the network for everybody to read.", ""},
    {GOOD_SEND "auth = none\ntls = off\ntls_ca = /x\n", A "7: `tls_ca` means nothing where tls is off.", ""},
    {GOOD_SEND "tls_cert = /x\n", A "5: A client certificate needs both tls_cert and tls_key.", ""},
    {GOOD_SEND "auth = external\n",
     "accounts/work.ini: auth = external signs in by a client certificate, and [send] has none.", ""},
    {GOOD_ACCOUNT "[send]\nsocket = /run/x\n",
     A "4: [send] does not say which name the server's certificate must bear.", "Add `host"},
    {GOOD_SEND "socket = /run/x\ntunnel = y\n", A "6: `socket` and `tunnel` contradict each other.", ""},
    {GOOD_FETCH "max_age = 30\n", A "6: `max_age` is less than a day.", "It is counted in whole days"},
    {GOOD_FETCH "folders = INBOX, \\Sendt\n", A "6: `\\Sendt` is not what a server marks a folder with.",
     "Did you mean `\\Sent`?"},
    {GOOD_FETCH "folders = *, !\\junc\n", A "6: `\\junc` is not what a server marks a folder with.",
     "Did you mean `\\Junk`?"},
    {GOOD_FETCH "folders = \\Sent Items\n", A "6: `\\Sent Items` is not what a server marks a folder with.",
     "It is one word"},
    {GOOD_FETCH "folders = \\\n", A "6: `\\` is not what a server marks a folder with.", "It is one word"},
    {GOOD_FETCH "folders = !\\Junk, !Old\n", A "6: `folders` leaves out \\Junk, and asks for no folder.",
     "Write what is wanted before it: folders = *, !\\Junk"},
    {GOOD_FETCH "folders = *\ntargets = \\Sendt: sent\n",
     A "7: `\\Sendt` is not what a server marks a folder with.", "Did you mean `\\Sent`?"},
    {GOOD_FETCH "move_to = \\Archiv\n", A "6: `\\Archiv` is not what a server marks a folder with.",
     "Did you mean `\\Archive`?"},
    {GOOD_FETCH "protocol = pop3\nfolders = Lists\n", A "7: POP3 knows one folder only, the INBOX.", ""},
    {GOOD_SEND "[fetch]\nhost = x\nmaildir = ~/M\nport = 465\n",
     A "8: Port 465 is for SMTP, and [fetch] speaks IMAP.", ""},
    {"[account]\naddress = ada@example.org\nsenders = lists\n[send]\nhost = x\n",
     A "3: `lists` is not an address or a pattern of addresses.", ""},
};

START_TEST(test_conf_faults)
{
    struct err err = {0};
    struct config config;
    write_file("accounts/work.ini", faulty[_i].text, strlen(faulty[_i].text));
    ck_assert_msg(!conf_load(unit_folder, &config, &err), "accepted: %s", faulty[_i].text);
    ck_assert_str_eq(where(err.what), faulty[_i].what);
    ck_assert_int_eq(err.kind, ERR_CONFIG);
    ck_assert_msg(text_starts(err.hint, faulty[_i].hint), "hint: %s", err.hint);
    ck_assert_ptr_null(strstr(err.what, "hunter2"));
    ck_assert_ptr_null(strstr(err.hint, "hunter2"));
}
END_TEST

/* Marks that servers have, or may have: those of RFC 6154 and 8457, in any case, and others. */
static const char *const marks[] = {"\\All",   "\\Archive", "\\Drafts",    "\\Flagged", "\\Junk",  "\\Sent",
                                    "\\Trash", "\\Inbox",   "\\Important", "\\sent",    "!\\Junk", "\\Spam",
                                    "\\XYZ-1", "\\Starred", "\\Memos",     "\\Snoozed", "!\\TRASH"};

START_TEST(test_conf_marks)
{
    struct err err = {0};
    struct config config;
    char text[400];
    int n = snprintf(text, sizeof text, "%sfolders = INBOX, %s\n", GOOD_FETCH, marks[_i]);
    write_file("accounts/work.ini", text, (size_t)n);
    ck_assert_msg(conf_load(unit_folder, &config, &err), "%s: %s", marks[_i], err.what);
    ck_assert_str_eq(config.accounts[0].fetch.folders.items[1], marks[_i]);
    conf_free(&config);
}
END_TEST

START_TEST(test_conf_line_lengths)
{
    /* what libinih would have made of it: the tail of a comment as a live setting */
    static char text[6000];
    struct err err = {0};
    struct config config;
    for (int over = 0; over < 2; over++) {
        int n = snprintf(text, sizeof text, GOOD_SEND);
        memset(text + n, 'z', 4096);
        text[n] = ';';
        memcpy(text + n + 199, "tls = off", 9);
        n += 4096 + over;
        text[n - 1] = 'z';
        text[n++] = '\n';
        write_file("accounts/work.ini", text, (size_t)n);
        ck_assert(conf_load(unit_folder, &config, &err) == !over);
        if (!over) {
            ck_assert_int_eq(config.accounts[0].send.server.tls.mode, TLS_IMPLICIT);
            conf_free(&config);
        }
    }
    ck_assert_str_eq(where(err.what), A "5: This line has 4097 bytes; 4096 are allowed.");
}
END_TEST

START_TEST(test_conf_nul)
{
    static const char text[] = GOOD_SEND "ehlo = a\0b\n";
    struct err err = {0};
    struct config config;
    write_file("accounts/work.ini", text, sizeof text - 1);
    ck_assert(!conf_load(unit_folder, &config, &err));
    ck_assert_str_eq(where(err.what), A "5: There is a NUL byte in this line.");
}
END_TEST

/* -- what is right -- */

static struct config load(const char *main_text, const char *account_text)
{
    struct err err = {0};
    struct config config = {0};
    if (main_text)
        write_file("tappal.ini", main_text, strlen(main_text));
    write_file("accounts/work.ini", account_text, strlen(account_text));
    ck_assert_msg(conf_load(unit_folder, &config, &err), "%s", err.what);
    return config;
}

static const struct {
    const char *text;
    const char *section, *name, *value; /* as option_get writes it */
} good[] = {
    {GOOD_SEND, "send", "port", "465"},
    {GOOD_SEND, "send", "login", "ada@example.org"},
    {GOOD_SEND, "send", "password_from", "keyring"},
    {GOOD_SEND, "send", "wait", "30s"},
    {GOOD_SEND "wait = 0\n", "send", "wait", "0s"},
    {GOOD_SEND "tls = starttls\n", "send", "port", "587"},
    {GOOD_SEND "port = 587\n", "send", "tls", "starttls"},
    {GOOD_SEND "port = 25\n", "send", "tls", "starttls"},
    {GOOD_SEND "tls = ssl/tls\n", "send", "tls", "implicit"},
    {GOOD_SEND "tls = off\nauth = none\n", "send", "port", "25"},
    {GOOD_SEND "tls = off\nauth = none\nport=587\n", "send", "port", "587"},
    {GOOD_SEND "port = 2525\ntls = starttls\n", "send", "port", "2525"},
    {GOOD_ACCOUNT "[send]\nhost = 127.0.0.1:2525\ntls = off\n", "send", "port", "2525"},
    {GOOD_ACCOUNT "[send]\nhost = [2001:db8::7]:465\n", "send", "host", "2001:db8::7"},
    {GOOD_ACCOUNT "[send]\nhost = [2001:db8::7]:587\n", "send", "tls", "starttls"},
    {GOOD_ACCOUNT "[send]\nhost = 2001:db8::7\n", "send", "host", "2001:db8::7"},
    {GOOD_ACCOUNT "[send]\nhost = x:587\nport = 587\n", "send", "port", "587"},
    {GOOD_ACCOUNT "[send]\nsocket = /run/x\ntls = off\n", "send", "socket", "/run/x"},
    {GOOD_SEND, "send", "protocol", "smtp"},
    {GOOD_SEND "protocol = lmtp\n", "send", "port", "24"},
    {GOOD_SEND "protocol = lmtp\n", "send", "tls", "starttls"},
    {GOOD_SEND "protocol = lmtp\ntls = implicit\n", "send", "port", "24"},
    {GOOD_SEND "protocol = lmtp\nauth = none\ntls = off\n", "send", "port", "24"},
    {GOOD_ACCOUNT "[fetch]\nhost = x\ndeliver = command maildrop -d \"a b\"\n", "fetch", "deliver",
     "command maildrop -d \"a b\""},
    {GOOD_FETCH "deliver = command sh: a | b ; c\n", "fetch", "deliver", "command sh: a | b ; c"},
    {GOOD_FETCH "deliver = lmtp /run/dovecot/lmtp ada\n", "fetch", "deliver", "lmtp /run/dovecot/lmtp ada"},
    {GOOD_FETCH "on_new = notmuch new\nreceived = yes\n", "fetch", "on_new", "notmuch new"},
    {GOOD_FETCH, "fetch", "port", "993"},
    {GOOD_FETCH, "fetch", "folders", "INBOX"},
    {GOOD_FETCH, "fetch", "keep", "yes"},
    {GOOD_SEND "rate = 20/min\n", "send", "rate", "20/min"},
    {GOOD_SEND "rate = 2/s\n", "send", "rate", "2/sec"},
    {GOOD_SEND "rate = 300/h\n", "send", "rate", "300/hour"},
    {GOOD_SEND "rate = 1000/day\n", "send", "rate", "1000/day"},
    {GOOD_SEND, "send", "rate", ""},
    {GOOD_SEND "daily = 500\n", "send", "daily", "500"},
    {GOOD_FETCH "keep = 30d\n", "fetch", "keep", "30d"},
    {GOOD_FETCH "keep = no\n", "fetch", "keep", "no"},
    {GOOD_FETCH "protocol = pop3\n", "fetch", "port", "995"},
    {GOOD_FETCH "protocol = pop3\ntls = starttls\n", "fetch", "port", "110"},
    {GOOD_FETCH "tls = starttls\n", "fetch", "port", "143"},
    {GOOD_FETCH "folders = INBOX, \"a, b\", c\nfolders = d\n", "fetch", "folders", "INBOX, \"a, b\", c, d"},
    {"\xef\xbb\xbf" GOOD_SEND "ehlo = x\r\n\r\n", "send", "ehlo", "x"},
    {GOOD_SEND, "send", "sent", "off"},
    {GOOD_SEND "sent = maildir  /home/ada/Mail/my Sent\n", "send", "sent", "maildir /home/ada/Mail/my Sent"},
    {GOOD_SEND "sent = imap\n[fetch]\nhost = x\nmaildir = ~/Mail\n", "send", "sent", "imap"},
    {GOOD_SEND "sent = imap Post/Gesendet\n[fetch]\nhost = x\nmaildir = ~/Mail\n", "send", "sent",
     "imap Post/Gesendet"},
    {GOOD_SEND "  \t ehlo\t=   x  \t", "send", "ehlo", "x"},
    {GOOD_SEND "login = \"a ; b \"\"c\"\" \"\n", "send", "login", "\"a ; b \"\"c\"\" \""},
    {GOOD_SEND "login = a;b#c = d\n", "send", "login", "a;b#c = d"},
    {GOOD_SEND "login = a\"b\"\n", "send", "login", "a\"b\""},
    {GOOD_SEND "password_from = keyring, command pass show a, b ; # c\n", "send", "password_from",
     "keyring, command pass show a, b ; # c"},
    {GOOD_SEND "password_from = file /x\npassword_from = netrc\n", "send", "password_from",
     "\"file /x\", netrc"},
    {GOOD_SEND "password_from = \"file /x\", netrc\n", "send", "password_from", "\"file /x\", netrc"},
    {GOOD_SEND "tunnel = ssh gw 'nc -q 0 x ; y'\ntls_host=x\n", "send", "tunnel", "ssh gw \"nc -q 0 x ; y\""},
    {GOOD_SEND "tunnel = sh: a | b ; c # d\n", "send", "tunnel", "sh: a | b ; c # d"},
    {GOOD_SEND "tls_cert = pkcs11:token=x\ntls_key = pkcs11:token=x\n", "send", "tls_cert", "pkcs11:token=x"},
    {GOOD_SEND "proxy = socks5://u:p@h:1080\n", "send", "proxy", "socks5://u:p@h:1080"},
    {"[account]\naddress = ada@example.org\nlogin = common\n[send]\nhost = x\nlogin = own\n", "send", "login",
     "own"},
    {"[account]\naddress = ada@example.org\nlogin = common\n[send]\nhost = x\n", "send", "login", "common"},
    {"[account]\naddress = ada@example.org\nauth = plain\n[send]\nhost = x\n", "send", "auth", "plain"},
    {"[account]\naddress = a%%b@example.org\n[send]\nhost = x\n", "account", "address", "a%%b@example.org"},
};

START_TEST(test_conf_values)
{
    struct err err = {0};
    struct str out = STR_INIT(10000);
    struct config config = load(NULL, good[_i].text);
    const struct conf_option *option = option_find(good[_i].section, good[_i].name);
    ck_assert(option_get(option, &config.accounts[0], &out, &err));
    ck_assert_str_eq(out.buf, good[_i].value);
    str_free(&out);
    conf_free(&config);
}
END_TEST

/* write, read, write: the second text must be the first */
START_TEST(test_conf_write_round_trip)
{
    struct err err = {0};
    struct str once = STR_INIT(100000);
    struct str twice = STR_INIT(100000);
    struct config config = load(NULL, good[_i].text);
    ck_assert(conf_write_account(&config.accounts[0], &once, &err));
    conf_free(&config);
    config = load(NULL, once.buf);
    ck_assert(conf_write_account(&config.accounts[0], &twice, &err));
    ck_assert_str_eq(once.buf, twice.buf);
    struct str out = STR_INIT(10000);
    ck_assert(option_get(option_find(good[_i].section, good[_i].name), &config.accounts[0], &out, &err));
    ck_assert_str_eq(out.buf, good[_i].value);
    conf_free(&config);
    str_free(&out);
    str_free(&once);
    str_free(&twice);
}
END_TEST

START_TEST(test_conf_write_is_short)
{
    struct err err = {0};
    struct str out = STR_INIT(100000);
    struct config config = load(NULL, GOOD_FETCH "[send]\nhost = smtp.example.org\ntls = implicit\n");
    ck_assert(conf_write_account(&config.accounts[0], &out, &err));
    ck_assert_ptr_null(strstr(out.buf, "tls"));
    ck_assert_ptr_null(strstr(out.buf, "login"));
    ck_assert_ptr_nonnull(strstr(out.buf, "[send]\n# "));
    str_free(&out);
    conf_free(&config);
}
END_TEST

START_TEST(test_conf_defaults_come_from_tappal_ini)
{
    static const char main_text[] =
        "[tappal]\ndefault = work\nlog = ~/log\n"
        "[account]\nname = Ada\nsenders = a@x, b@x\n[send]\nhost = smtp.example.org:587\n"
        "[fetch]\nfolders = one, two\nmaildir = ~/Mail\nhost = imap.example.org\n";
    struct config config = load(main_text, GOOD_ACCOUNT "senders = *@lists\n[send]\nlogin = me\n");
    const struct account *work = &config.accounts[0];
    char log[64];
    snprintf(log, sizeof log, "%s/log", unit_folder);
    ck_assert_str_eq(config.log, log);
    ck_assert_str_eq(work->full_name, "Ada");
    ck_assert_uint_eq(work->senders.count, 1); /* an account's list replaces the default */
    ck_assert_str_eq(work->send.server.host, "smtp.example.org");
    ck_assert_int_eq(work->send.server.tls.mode, TLS_STARTTLS);
    ck_assert_str_eq(work->send.who.login, "me");
    ck_assert(work->send.on);
    ck_assert(!work->fetch.on); /* defaults make no fetcher of an account without [fetch] */
    ck_assert_ptr_null(work->fetch.maildir);
    conf_free(&config);
}
END_TEST

START_TEST(test_conf_faults_in_tappal_ini)
{
    static const struct {
        const char *text, *what;
    } rows[] = {
        {"[tappal]\ndefault = home\n", "tappal.ini:2: There is no account called `home`."},
        {"[tappal]\nlog = here\n", "tappal.ini:2: here is not a full path."},
        {"[send]\nport = x\n", "tappal.ini:2: `x` is not a port."},
        {"[queue]\nmax_bytes = 2X\n", "tappal.ini:2: `max_bytes` cannot be `2X`."},
        {"[queue]\nmax_messages = 0\n", "tappal.ini:2: `max_messages` cannot be `0`."},
        {"[tappal]\nhost = x\n", "tappal.ini:2: [tappal] has no option `host`."},
        {"[fetch]\nport = 465\n[send]\nhost=x\n", NULL}, /* nobody fetches */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err err = {0};
        struct config config;
        write_file("accounts/work.ini", GOOD_SEND, strlen(GOOD_SEND));
        write_file("tappal.ini", rows[i].text, strlen(rows[i].text));
        ck_assert_msg(conf_load(unit_folder, &config, &err) == !rows[i].what, "row %zu", i);
        if (rows[i].what)
            ck_assert_str_eq(where(err.what), rows[i].what);
        else
            conf_free(&config);
    }
}
END_TEST

START_TEST(test_conf_check_says_everything)
{
    struct err err = {0};
    struct strv lines = STRV_INIT;
    static const char text[] = "[account]\naddres = x\n[send]\nport = y\ntls = z\n[zend]\nhost = 1\n";
    static const char defaults[] = "[send]\ntls = 1\nport = q\n"; /* the table has port before tls */
    write_file("accounts/work.ini", text, strlen(text));
    write_file("accounts/home.ini", "[send]\nx\n", 9);
    write_file("accounts/.work.ini.swp", "junk", 4);
    write_file("accounts/work.ini~", "junk", 4);
    write_file("tappal.ini", defaults, strlen(defaults));
    ck_assert(!conf_check(unit_folder, NULL, &lines, &err));
    static const char *const expect[] = {
        "tappal.ini:2: `tls` cannot be `1`.",
        "tappal.ini:3: `q` is not a port.",
        "accounts/home.ini:2: This line has no equals sign.",
        "accounts/home.ini: [send] names no server.",
        "accounts/work.ini:2: [account] has no option `addres`.",
        "accounts/work.ini:4: `y` is not a port.",
        "accounts/work.ini:5: `tls` cannot be `z`.",
        "accounts/work.ini:6: There is no section [zend].",
        "accounts/work.ini: [send] names no server.",
    };
    size_t n = 0;
    for (size_t i = 0; i < lines.count; i++)
        if (!text_starts(lines.items[i], "  hint: "))
            ck_assert_str_eq(where(lines.items[i]), n < COUNT(expect) ? expect[n++] : "nothing more");
    ck_assert_uint_eq(n, COUNT(expect));
    strv_free(&lines);
    ck_assert_int_eq(unlink("tappal.ini"), 0);
    ck_assert(!conf_check(unit_folder, "accounts/home.ini", &lines, &err));
    ck_assert_uint_eq(lines.count, 4);
    strv_free(&lines);
    static const char url[] = GOOD_ACCOUNT "[send]\nhost = https://x/\n"; /* wrong, but not missing as well */
    write_file("accounts/home.ini", url, strlen(url));
    ck_assert(!conf_check(unit_folder, "accounts/home.ini", &lines, &err));
    ck_assert_uint_eq(lines.count, 2);
    strv_free(&lines);
    write_file("accounts/home.ini", GOOD_SEND, strlen(GOOD_SEND));
    ck_assert(conf_check(unit_folder, "accounts/home.ini", &lines, &err));
    ck_assert_uint_eq(lines.count, 0);
    ck_assert(!conf_check(unit_folder, "missing.ini", &lines, &err));
    strv_free(&lines);
}
END_TEST

START_TEST(test_conf_file_must_be_ours_alone)
{
    struct err err = {0};
    struct config config;
    write_file("accounts/work.ini", GOOD_SEND, strlen(GOOD_SEND));
    ck_assert_int_eq(chmod("accounts/work.ini", 0620), 0);
    ck_assert(!conf_load(unit_folder, &config, &err));
    ck_assert_ptr_nonnull(strstr(err.what, "Others can write"));
    ck_assert_ptr_nonnull(strstr(err.hint, "chmod go-w "));
    ck_assert_int_eq(chmod("accounts/work.ini", 0644), 0);
    ck_assert(conf_load(unit_folder, &config, &err));
    conf_free(&config);
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(chown("accounts/work.ini", 65534, 65534), 0);
    ck_assert(!conf_load(unit_folder, &config, &err));
    ck_assert_ptr_nonnull(strstr(err.what, " belongs to "));
}
END_TEST

START_TEST(test_conf_account_names)
{
    struct err err = {0};
    struct config config;
    ck_assert(conf_load("/no/such/folder", &config, &err));
    ck_assert_uint_eq(config.count, 0);
    conf_free(&config);
    write_file("accounts/my mail.ini", GOOD_SEND, strlen(GOOD_SEND));
    ck_assert(!conf_load(unit_folder, &config, &err));
    ck_assert_ptr_nonnull(strstr(err.what, "cannot be the name of an account"));
}
END_TEST

/* -- who sends -- */

static const struct {
    const char *envelope, *header, *chosen; /* NULL: nobody */
    const char *default_account;
} choices[] = {
    {"ada@example.org", NULL, "a", NULL},
    {"ADA@Example.ORG", "bob@example.org", "a", NULL},
    {"x@lists.example.org", NULL, "b", NULL},
    {"who@else", "bob@example.org", "b", NULL},
    {NULL, "y@lists.example.org", "b", NULL},
    {"", "who@else", NULL, NULL},
    {"", "who@else", "b", "b"},
    {"", NULL, "a", "a"},
    {"twin@example.org", NULL, "c", NULL},
    {"both@example.net", NULL, NULL, NULL},
    {"both@example.net", NULL, "c", "c"},
    {"fetch@example.org", NULL, NULL, NULL}, /* only fetches */
};

START_TEST(test_conf_choose_sender)
{
    static const struct {
        const char *path, *text;
    } files[] = {
        {"accounts/a.ini", GOOD_SEND},
        {"accounts/b.ini", "[account]\naddress=bob@example.org\nsenders=*@lists.example.org, *@example.net, "
                           "twin@*\n[send]\nhost=x\n"},
        {"accounts/c.ini", "[account]\naddress=twin@example.org\nsenders=*@example.net\n[send]\nhost=x\n"},
        {"accounts/f.ini", "[account]\naddress=fetch@example.org\n[fetch]\nhost=x\nmaildir=/m\n"},
    };
    struct err err = {0};
    struct config config;
    char main_text[64] = "";
    for (size_t i = 0; i < COUNT(files); i++)
        write_file(files[i].path, files[i].text, strlen(files[i].text));
    if (choices[_i].default_account)
        snprintf(main_text, sizeof main_text, "[tappal]\ndefault = %s\n", choices[_i].default_account);
    write_file("tappal.ini", main_text, strlen(main_text));
    ck_assert_msg(conf_load(unit_folder, &config, &err), "%s", err.what);
    const struct account *chosen =
        conf_choose_sender(&config, choices[_i].envelope, choices[_i].header, &err);
    ck_assert_msg(!chosen == !choices[_i].chosen, "%s", chosen ? chosen->name : err.what);
    if (chosen)
        ck_assert_str_eq(chosen->name, choices[_i].chosen);
    else
        ck_assert_int_eq(err.kind, ERR_CONFIG);
    const struct account *teller = conf_stand_in(&config, "gone", choices[_i].envelope);
    chosen = conf_choose_sender(&config, choices[_i].envelope, NULL, &err);
    ck_assert_ptr_eq(teller, chosen ? chosen : &config.accounts[0]);
    teller = conf_stand_in(&config, "f", choices[_i].envelope);
    ck_assert_str_eq(teller->name, "f"); /* it does not send, but has a maildir */
    conf_free(&config);
}
END_TEST

START_TEST(test_conf_the_only_sender)
{
    struct err err = {0};
    struct config config = load(NULL, GOOD_SEND);
    const struct account *chosen = conf_choose_sender(&config, "who@else", NULL, &err);
    ck_assert_str_eq(chosen->name, "work");
    ck_assert_ptr_eq(conf_find(&config, "work", &err), chosen);
    ck_assert_ptr_null(conf_find(&config, "wrok", &err));
    ck_assert_str_eq(err.hint, "There are: work.");
    conf_free(&config);
    config = load(NULL, GOOD_FETCH);
    ck_assert_ptr_null(conf_choose_sender(&config, "ada@example.org", NULL, &err));
    conf_free(&config);
}
END_TEST

START_TEST(test_option_table)
{
    size_t rows = 0;
    for (const struct conf_option *o = option_table; o->section; o++, rows++) {
        ck_assert_ptr_eq(option_find(o->section, o->name), o); /* no name twice */
        ck_assert_msg(o->doc && strlen(o->doc) < 110, "%s.%s", o->section, o->name);
        ck_assert(o->later || o->offset != 0 || strcmp(o->name, "x") != 0);
    }
    ck_assert_uint_gt(rows, 80);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("conf/conf");
    TCase *tc = tcase_create("conf");
    tcase_add_checked_fixture(tc, make_root, unit_folder_remove);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, test_conf_faults, 0, COUNT(faulty));
    tcase_add_loop_test(tc, test_conf_marks, 0, COUNT(marks));
    tcase_add_test(tc, test_conf_line_lengths);
    tcase_add_test(tc, test_conf_nul);
    tcase_add_loop_test(tc, test_conf_values, 0, COUNT(good));
    tcase_add_loop_test(tc, test_conf_write_round_trip, 0, COUNT(good));
    tcase_add_test(tc, test_conf_write_is_short);
    tcase_add_test(tc, test_conf_defaults_come_from_tappal_ini);
    tcase_add_test(tc, test_conf_faults_in_tappal_ini);
    tcase_add_test(tc, test_conf_check_says_everything);
    tcase_add_test(tc, test_conf_file_must_be_ours_alone);
    tcase_add_test(tc, test_conf_account_names);
    tcase_add_loop_test(tc, test_conf_choose_sender, 0, COUNT(choices));
    tcase_add_test(tc, test_conf_the_only_sender);
    tcase_add_test(tc, test_option_table);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
