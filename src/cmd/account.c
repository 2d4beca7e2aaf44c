/* account - `tappal account add | list | show`. */
#include "cmd/account.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/say.h"
#include "conf/show.h"

static const char usage[] =
    "Usage: tappal account add ADDRESS [OPTIONS]   set an account up\n"
    "       tappal account list                    one line for each\n"
    "       tappal account show NAME               all its settings, and where each was set\n"
    "\n"
    "Options of add; what is neither given nor known is asked on a terminal:\n"
    "  --imap HOST[:PORT]       server to fetch from by IMAP\n"
    "  --pop3 HOST[:PORT]       server to fetch from by POP3\n"
    "  --smtp HOST[:PORT]       server to send by\n"
    "  --tls implicit|starttls  how TLS begins, where the port does not say\n"
    "  --tls-ca FILE            certificates to trust instead of the system's\n"
    "  --login NAME             user name at the servers, if not the address\n"
    "  --name ACCOUNT           what the account is called here\n"
    "  --full-name NAME         your name, for From\n"
    "  --maildir DIR            where fetched mail goes (default: ~/Mail/ACCOUNT)\n"
    "  --password-from SOURCE   where the password is already: \"file PATH\", \"command ARGV\", keyring, "
    "...\n"
    "  --password-from-stdin    the password is the first line of stdin\n"
    "  --no-test                send and fetch no message\n"
    "  --yes                    ask nothing\n"
    "  --config DIR             the configuration folder";

static int show_usage(void)
{
    say("%s", usage);
    return 0;
}

static const char *server_name(bool on, const struct endpoint *server)
{
    return !on ? "-" : server->host ? server->host : server->socket ? server->socket : "a tunnel";
}

static int list(const struct config *config)
{
    for (size_t i = 0; i < config->count; i++) {
        const struct account *a = &config->accounts[i];
        bool is_default = config->default_account && strcmp(config->default_account, a->name) == 0;
        say("%s%s  %s  sends by %s  fetches from %s", a->name, is_default ? " (default)" : "",
            a->address ? a->address : "-", server_name(a->send.on, &a->send.server),
            server_name(a->fetch.on, &a->fetch.server));
    }
    return 0;
}

static int show(const struct config *config, const char *name)
{
    struct err err;
    struct strv lines = STRV_INIT;
    const struct account *account = conf_find(config, name, &err);
    bool ok = account && conf_show_account(account, &lines, &err);
    for (size_t i = 0; ok && i < lines.count; i++)
        say("%s", lines.items[i]);
    strv_free(&lines);
    return ok ? 0 : say_error(NULL, &err);
}

static int with_config(const char *dir, const char *name)
{
    struct err err;
    struct place place;
    struct config config;
    if (!place_find(dir, &place, &err))
        return say_error(NULL, &err);
    int status;
    if (place_load(&place, &config, &err)) {
        status = name ? show(&config, name) : list(&config);
        conf_free(&config);
    } else {
        status = say_error(NULL, &err);
    }
    place_free(&place);
    return status;
}

/* Up to 11 they take a text into the wish. */
static const struct option long_options[] = {
    {"imap", required_argument, NULL, 1},    {"pop3", required_argument, NULL, 2},
    {"smtp", required_argument, NULL, 3},    {"tls", required_argument, NULL, 4},
    {"tls-ca", required_argument, NULL, 5},  {"login", required_argument, NULL, 6},
    {"name", required_argument, NULL, 7},    {"full-name", required_argument, NULL, 8},
    {"maildir", required_argument, NULL, 9}, {"password-from", required_argument, NULL, 10},
    {"config", required_argument, NULL, 11}, {"password-from-stdin", no_argument, NULL, 12},
    {"no-test", no_argument, NULL, 13},      {"yes", no_argument, NULL, 14},
    {"help", no_argument, NULL, 15},         {NULL, 0, NULL, 0},
};

/* only_add_r: the last option that means nothing to `list` and `show` */
static int parse(int argc, char **argv, struct account_wish *wish, bool *help_r, const char **only_add_r)
{
    const char **texts[] = {
        NULL,         &wish->imap, &wish->pop3,      &wish->smtp,    &wish->tls,           &wish->tls_ca,
        &wish->login, &wish->name, &wish->full_name, &wish->maildir, &wish->password_from, &wish->config};
    bool *flags[] = {&wish->password_from_stdin, &wish->no_test, &wish->yes, help_r};
    optind = 0;
    for (int c; (c = getopt_long(argc, argv, ":", long_options, NULL)) != -1;) {
        if (c < 1 || c > 15)
            return cmd_bad_option("account", c, argv, long_options);
        if (c != 11 && c != 15)
            *only_add_r = long_options[c - 1].name;
        if (c <= 11)
            *texts[c] = optarg;
        else
            *flags[c - 12] = true;
    }
    return 0;
}

/* A file that a person wrote is theirs to delete. */
static int say_no_removal(const char *verb)
{
    struct err err;
    err_set(&err, ERR_USAGE, "There is no command `tappal account %s`: an account is a file.", verb);
    err_hint(&err, "Forget its password with tappal auth logout NAME, then delete accounts/NAME.ini "
                   "(tappal account show NAME says where it is).");
    return say_error(NULL, &err);
}

static int bad_words(const char *verb, char **words, int count)
{
    static const struct {
        const char *verb, *command, *lacks;
    } rows[] = {{"add", "account add", "an address"},
                {"list", "account list", NULL},
                {"show", "account show", "a name"}};
    static const char *const verbs[] = {"add", "list", "show", NULL};
    static const char *const removals[] = {"remove", "delete", "rm", "del"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int most = rows[i].lacks ? 2 : 1;
        if (strcmp(verb, rows[i].verb) != 0)
            continue;
        return count < most ? cmd_lacks(rows[i].command, rows[i].lacks)
                            : cmd_surplus(rows[i].command, words[most]);
    }
    for (size_t i = 0; i < sizeof removals / sizeof *removals; i++)
        if (strcmp(verb, removals[i]) == 0)
            return say_no_removal(verb);
    return verb[0] ? cmd_unknown("tappal account", verb, verbs)
                   : cmd_lacks("account", "a command: add, list or show");
}

int cmd_account(int argc, char **argv)
{
    struct account_wish wish = {0};
    struct err err = {0};
    bool help = false;
    const char *only_add = NULL;
    int status = parse(argc, argv, &wish, &help, &only_add);
    if (status || help)
        return status ? status : show_usage();
    int words = argc - optind;
    const char *verb = words > 0 ? argv[optind] : "";
    const char *word = words > 1 ? argv[optind + 1] : NULL;
    if (strcmp(verb, "add") == 0 && words == 2) {
        wish.address = word;
        return account_add(&wish);
    }
    if (only_add && (strcmp(verb, "list") == 0 || strcmp(verb, "show") == 0)) {
        err_set(&err, ERR_USAGE, "`tappal account %s` does not take --%s.", verb, only_add);
        return cmd_wrong("account", &err);
    }
    if (strcmp(verb, "list") == 0 && words == 1)
        return with_config(wish.config, NULL);
    if (strcmp(verb, "show") == 0 && words == 2)
        return with_config(wish.config, word);
    return bad_words(verb, argv + optind, words);
}
