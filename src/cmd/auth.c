/* auth - `tappal auth login | status | logout`: puts a password where the account keeps it, after a live
 * test; says where passwords are; deletes them. A password is never printed and never an argument. */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "base/text.h"
#include "client/hint.h"
#include "cmd/account.h"
#include "cmd/auth.h"
#include "cmd/cmd.h"
#include "cmd/say.h"
#include "conf/place.h"
#include "queue/breaker.h"

#define SERVICES_MAX 2
#define STDIN_MAX 65536
#define PATH_BYTES_MAX 4096
#define TRIES 3 /* at the terminal, for one password */

static const char usage[] =
    "Usage: tappal auth login ACCOUNT [--password-from-stdin] [--file] [--no-test]\n"
    "       tappal auth status [ACCOUNT]\n"
    "       tappal auth logout ACCOUNT\n"
    "  --config DIR            the configuration folder\n"
    "  --password-from-stdin   read the password from the first line of stdin\n"
    "  --file                  keep it in secrets/ACCOUNT beside the configuration, not in the keyring\n"
    "  --no-test               store it without signing in at the servers first";

struct auth_options {
    const char *config;
    bool from_stdin, in_file, no_test;
};

/* The services of one account that sign in with a password. */
struct services {
    const struct account *account;
    struct auth_service of[SERVICES_MAX];
    size_t count;
};

struct secret_query auth_query(const struct account *account, const struct auth_service *service)
{
    enum protocol protocol = service->server->protocol;
    return (struct secret_query){
        .account = account->name,
        .host = service->server->host,
        .service = protocol == PROTO_IMAP   ? "imap"
                   : protocol == PROTO_POP3 ? "pop3"
                                            : "smtp",
        .login = service->who->login,
        .config_dir = account->config_dir,
        .may_prompt = account_on_terminal(),
    };
}

static void add_service(struct services *s, const char *section, bool on, const struct endpoint *server,
                        const struct credentials *who)
{
    if (!on || who->auth == AUTH_NONE || who->auth == AUTH_EXTERNAL)
        return;
    struct auth_service *service = &s->of[s->count++];
    *service = (struct auth_service){.section = section, .server = server, .who = who};
    secret_init(&service->password);
}

static void find_services(const struct account *account, struct services *s)
{
    *s = (struct services){.account = account};
    add_service(s, "send", account->send.on, &account->send.server, &account->send.who);
    add_service(s, "fetch", account->fetch.on, &account->fetch.server, &account->fetch.who);
}

static void wipe_services(struct services *s)
{
    for (size_t i = 0; i < s->count; i++)
        secret_wipe(&s->of[i].password);
}

static const char *host_of(const struct auth_service *service)
{
    return service->server->host != NULL ? service->server->host : "its server";
}

static const char *login_of(const struct auth_service *service)
{
    return service->who->login != NULL ? service->who->login : "the account";
}

/* -- login: asking -- */

/* The first source that we can store in: "keyring" or "file PATH". NULL: there is none. */
static const char *storable(const struct credentials *who)
{
    for (size_t i = 0; i < who->password_from.count; i++) {
        const char *source = who->password_from.items[i];
        if (strcmp(source, "keyring") == 0 || text_starts(source, "file "))
            return source;
    }
    return NULL;
}

static bool read_stdin(struct secret *password, struct err *err)
{
    struct str text = STR_INIT(STDIN_MAX);
    bool ok = str_reserve(&text, text.max, err) && fs_read_all(STDIN_FILENO, &text, "stdin", err);
    size_t n = strcspn(text.buf, "\r\n");
    if (ok && n == 0)
        ok = err_set(err, ERR_USAGE, "Standard input holds no password.");
    ok = ok && secret_set(password, text.buf, n, err);
    str_wipe(&text);
    return ok;
}

static bool ask_person(const struct services *s, size_t which, bool shared, struct secret *password,
                       struct err *err)
{
    const struct auth_service *one = &s->of[which], *other = shared ? one + 1 : one;
    bool two_logins = strcmp(login_of(one), login_of(other)) != 0;
    bool two_hosts = two_logins || strcmp(host_of(one), host_of(other)) != 0;
    struct str question = STR_INIT(2048);
    bool ok = str_addf(&question, err, "Password of %s at %s%s", login_of(one), host_of(one),
                       two_hosts ? " and " : "") &&
              (!two_logins || str_addf(&question, err, "of %s at ", login_of(other))) &&
              str_addf(&question, err, "%s: ", two_hosts ? host_of(other) : "") &&
              secret_prompt(question.buf, password, err) == SECRET_FOUND;
    /* To try again later, as for a keyring that is locked, does not help: somebody has to type it. */
    if (!ok && err->kind == ERR_SECRET)
        err->kind = ERR_AUTH;
    str_free(&question);
    return ok;
}

/* Both servers know the person by the same name: one password is asked for. */
static bool same_person(const struct services *s)
{
    return s->count == 2 && storable(s->of[1].who) != NULL && storable(s->of[0].who) != NULL &&
           strcmp(login_of(&s->of[0]), login_of(&s->of[1])) == 0;
}

static bool is_in_file(const struct auth_service *service)
{
    const char *source = storable(service->who);
    return source != NULL && text_starts(source, "file ");
}

static bool file_of(const struct account *account, const struct auth_service *service, struct str *path,
                    struct err *err)
{
    const char *written = storable(service->who) + strlen("file ");
    return secret_file_path(written + strspn(written, " \t"), account->config_dir, path, err);
}

/* Do both keep their password in one file? */
static bool share_file(const struct account *account, const struct auth_service *service,
                       const struct account *other_account, const struct auth_service *other)
{
    struct str one = STR_INIT(PATH_BYTES_MAX), two = STR_INIT(PATH_BYTES_MAX);
    struct err ignored; /* a path that cannot be is a fault when something is to be stored there */
    bool same = is_in_file(service) && is_in_file(other) && file_of(account, service, &one, &ignored) &&
                file_of(other_account, other, &two, &ignored) && strcmp(one.buf, two.buf) == 0;
    str_free(&one);
    str_free(&two);
    return same;
}

/* What is stored for the first server serves the second, whatever name it knows the person by. */
static bool in_same_file(const struct services *s)
{
    return s->count == 2 && share_file(s->account, &s->of[0], s->account, &s->of[1]);
}

static bool ask(struct services *s, bool from_stdin, struct err *err)
{
    bool shared = same_person(s) || in_same_file(s) || from_stdin;
    const struct secret *first = NULL;
    for (size_t i = 0; i < s->count; i++) {
        struct secret *password = &s->of[i].password;
        if (storable(s->of[i].who) == NULL)
            continue;
        bool ok = first != NULL && shared ? secret_set(password, first->bytes.buf, first->bytes.len, err)
                  : from_stdin            ? read_stdin(password, err)
                                          : ask_person(s, i, shared && s->count == 2, password, err);
        if (!ok)
            return false;
        first = password;
    }
    return true;
}

static bool test(const struct account *account, const struct services *s, struct err *err)
{
    for (size_t i = 0; i < s->count; i++) {
        if (!auth_try(account, &s->of[i], err))
            return false;
        say("%s: signed in to %s at %s as %s.", account->name, s->of[i].section, host_of(&s->of[i]),
            login_of(&s->of[i]));
    }
    return true;
}

/* -- login: storing -- */

/* No keyring took it. A person is asked whether a file may; a script has to say so beforehand. */
static bool may_use_file(const struct account *account, struct err *err)
{
    char question[1024];
    if (!account_on_terminal()) {
        err_hint(err, "To keep the password in %s/secrets/%s, readable by you alone, add --file.",
                 account->config_dir, account->name);
        return false;
    }
    say_warning("%s", err->what);
    snprintf(question, sizeof question,
             "Keep the password in %.400s/secrets/%.200s instead, readable by you alone?",
             account->config_dir, account->name);
    return account_ask_yes(question) ? true : err_set(err, ERR_SECRET, "The password was not stored.");
}

static bool store_in_file(const struct account *account, const struct services *s, size_t which,
                          struct err *err)
{
    /* Where the two servers have different passwords one line cannot say where both are. */
    if (s->count == 2 && !same_person(s)) {
        err_set(err, ERR_CONFIG,
                "Sending and fetching have different passwords, which one file cannot hold.");
        return err_hint(
            err,
            "Write password_from = file PATH into both [send] and [fetch], each with its own path, then "
            "run tappal auth login %s again.",
            account->name);
    }
    struct str line = STR_INIT(8192);
    bool ok = auth_keep_in_file(account, &s->of[which].password, account->name, &line, err);
    if (ok)
        say("%s: stored; %s now says: %s", account->name, account->file, line.buf);
    str_free(&line);
    return ok;
}

static bool store_in_keyring(const struct account *account, const struct auth_service *service,
                             struct err *err)
{
    struct secret_query query = auth_query(account, service);
    if (secret_keyring_store(&query, &service->password, err) != SECRET_FOUND)
        return false;
    say("%s: stored in the keyring, for %s.", account->name, host_of(service));
    return true;
}

static bool store_in_named_file(const struct account *account, const struct auth_service *service,
                                struct err *err)
{
    struct str full = STR_INIT(PATH_BYTES_MAX);
    bool ok = file_of(account, service, &full, err) && auth_write_file(full.buf, &service->password, err);
    if (ok)
        say("%s: stored in %s.", account->name, full.buf);
    str_free(&full);
    return ok;
}

static bool store(const struct account *account, const struct services *s, bool in_file, struct err *err)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct auth_service *service = &s->of[i];
        const char *source = storable(service->who);
        if (source == NULL || (i > 0 && in_same_file(s)))
            continue;
        if (is_in_file(service)) {
            if (!store_in_named_file(account, service, err))
                return false;
        } else if (in_file || !store_in_keyring(account, service, err)) {
            /* one file for both, written once */
            return (in_file || may_use_file(account, err)) && store_in_file(account, s, i, err);
        }
    }
    return true;
}

/* The file of another account, for another login: one password would overwrite the other. */
static bool check_sharing(const struct config *config, const struct services *s, struct err *err)
{
    for (size_t i = 0; i < config->count * s->count; i++) {
        const struct account *other = &config->accounts[i / s->count];
        const struct auth_service *service = &s->of[i % s->count];
        struct services theirs;
        find_services(other, &theirs);
        for (size_t k = 0; k < theirs.count && strcmp(other->name, s->account->name) != 0; k++) {
            if (!share_file(s->account, service, other, &theirs.of[k]) ||
                strcmp(login_of(service), login_of(&theirs.of[k])) == 0)
                continue;
            err_set(
                err, ERR_CONFIG,
                "The account %s keeps the password of %s in the same file; that of %s would overwrite it.",
                other->name, login_of(&theirs.of[k]), login_of(service));
            return err_hint(err, "Give each account a file of its own: password_from = file secrets/%s",
                            s->account->name);
        }
    }
    return true;
}

static void advise(const struct services *s)
{
    const char *before = NULL;
    for (size_t i = 0; i < s->count; i++) {
        const char *advice = storable(s->of[i].who) ? hint_before_login(s->of[i].server->host) : NULL;
        if (advice != NULL && (before == NULL || strcmp(advice, before) != 0))
            say_warning("%s", advice);
        before = advice;
    }
}

/* A person who mistyped is asked again. */
static bool ask_and_test(struct services *s, const struct auth_options *options, bool typed, struct err *err)
{
    if (typed)
        advise(s);
    for (int left = typed ? TRIES : 1;;) {
        if (!ask(s, options->from_stdin, err))
            return false;
        if (options->no_test || test(s->account, s, err))
            return true;
        if (--left == 0 || err->kind != ERR_AUTH)
            return false;
        (void)say_error(s->account->name, err);
        wipe_services(s);
    }
}

static bool login_steps(const struct config *config, const struct account *account,
                        const struct auth_options *options, struct services *s, struct err *err)
{
    bool any = false;
    for (size_t i = 0; i < s->count; i++)
        any = any || storable(s->of[i].who) != NULL;
    if (!any && options->from_stdin) {
        err_set(err, ERR_CONFIG,
                "The account %s takes its password from elsewhere; there is nothing to store.",
                account->name);
        return err_hint(err, "Set password_from = keyring or file PATH to have it stored.");
    }
    return check_sharing(config, s, err) && ask_and_test(s, options, any && !options->from_stdin, err) &&
           store(account, s, options->in_file, err);
}

/* With a new password the queue need not wait out what the old one brought about. */
static void close_breaker(const struct account *account)
{
    struct place place;
    struct breaker breaker;
    struct err ignored;
    if (!place_find(NULL, &place, &ignored))
        return;
    if (breaker_load(&place, account, &breaker, &ignored)) {
        (void)!breaker_close(&breaker, &ignored);
        breaker_free(&breaker);
    }
    place_free(&place);
}

static int login(const struct config *config, const struct account *account,
                 const struct auth_options *options)
{
    struct err err = {0};
    struct services s;
    find_services(account, &s);
    if (s.count == 0) {
        say("%s: no server wants a password.", account->name);
        return 0;
    }
    bool ok = login_steps(config, account, options, &s, &err);
    wipe_services(&s);
    if (!ok)
        return say_error(account->name, &err);
    close_breaker(account);
    return 0;
}

int cmd_auth_login(const struct config *config, const struct account *account, bool password_from_stdin)
{
    return login(config, account, &(struct auth_options){.from_stdin = password_from_stdin});
}

/* -- status -- */

static int status_of_source(const struct account *account, const struct auth_service *service,
                            const char *source)
{
    static const char *const words[] = {"found", "absent", "locked", "failed"};
    struct strv one = STRV_INIT;
    struct secret secret;
    struct err err = {0};
    struct secret_query query = auth_query(account, service);
    bool is_command = text_starts(source, "command ");
    int shown = is_command ? (int)strlen("command") : (int)strlen(source);
    if (strcmp(source, "prompt") == 0) {
        say("  %-5s  %s at %s  prompt: asked for each time", service->section, login_of(service),
            host_of(service));
        return 0;
    }
    secret_init(&secret);
    enum secret_answer answer =
        strv_add(&one, source, &err) ? secret_get(&one, &query, &secret, &err) : SECRET_FAILED;
    secret_wipe(&secret);
    strv_free(&one);
    say("  %-5s  %s at %s  %.*s: %s", service->section, login_of(service), host_of(service), shown, source,
        words[answer]);
    if (answer == SECRET_LOCKED || answer == SECRET_FAILED)
        say("         %s%s%s", err.what, err.hint[0] != '\0' ? "\n         hint: " : "", err.hint);
    return answer == SECRET_FOUND ? 0 : err_exit_status(err.kind);
}

/* The exit status is that of the first service without a password. */
static int status_of(const struct account *account)
{
    struct services s;
    int status = 0;
    find_services(account, &s);
    say("%s%s", account->name, s.count == 0 ? "  (no server wants a password)" : "");
    for (size_t i = 0; i < s.count; i++) {
        const struct strv *sources = &s.of[i].who->password_from;
        int one = err_exit_status(ERR_AUTH);
        for (size_t k = 0; one == err_exit_status(ERR_AUTH) && k < sources->count; k++)
            one = status_of_source(account, &s.of[i], sources->items[k]);
        if (status == 0)
            status = one;
    }
    return status;
}

static int status(const struct config *config, const struct account *account)
{
    int worst = 0;
    if (account != NULL)
        return status_of(account);
    for (size_t i = 0; i < config->count; i++) {
        int one = status_of(&config->accounts[i]);
        worst = worst != 0 ? worst : one;
    }
    return worst;
}

/* -- logout -- */

/* Deletes a file only where it is one of ours: in secrets/ beside the configuration. */
static bool delete_file(const struct account *account, const char *written, struct err *err)
{
    struct str path = STR_INIT(PATH_BYTES_MAX), ours = STR_INIT(PATH_BYTES_MAX);
    bool ok = secret_file_path(written, account->config_dir, &path, err) &&
              fs_join(&ours, account->config_dir, "secrets/", err);
    bool in_ours = ok && text_starts(path.buf, ours.buf) && strchr(path.buf + ours.len, '/') == NULL;
    const bool there = ok && access(path.buf, F_OK) == 0;
    if (in_ours)
        ok = fs_unlink(AT_FDCWD, path.buf, err);
    if (ok)
        say(!there    ? "%s: there is no %s, so nothing was deleted."
            : in_ours ? "%s: %s is deleted."
                      : "%s: %s is not one of ours; delete it yourself.",
            account->name, path.buf);
    str_free(&path);
    str_free(&ours);
    return ok;
}

static bool delete_from_keyring(const struct account *account, const struct auth_service *service,
                                struct err *err)
{
    struct secret_query query = auth_query(account, service);
    enum secret_answer answer = secret_keyring_delete(&query, err);
    if (answer == SECRET_FOUND || answer == SECRET_ABSENT)
        say("%s: %s, for %s.", account->name,
            answer == SECRET_FOUND ? "deleted from the keyring" : "nothing of ours is in the keyring",
            host_of(service));
    return answer == SECRET_FOUND || answer == SECRET_ABSENT;
}

static int logout(const struct account *account)
{
    struct services s;
    struct err err = {0};
    bool ok = true;
    find_services(account, &s);
    for (size_t i = 0; ok && i < s.count; i++) {
        const struct strv *sources = &s.of[i].who->password_from;
        for (size_t k = 0; ok && k < sources->count; k++) {
            if (strcmp(sources->items[k], "keyring") == 0)
                ok = delete_from_keyring(account, &s.of[i], &err);
            else if (text_starts(sources->items[k], "file "))
                ok = delete_file(account, sources->items[k] + strlen("file "), &err);
        }
    }
    return ok ? 0 : say_error(account->name, &err);
}

/* -- the command line -- */

static int parse(int argc, char **argv, struct auth_options *options)
{
    enum { CONFIG = 1, STDIN, IN_FILE, NO_TEST };
    static const struct option long_options[] = {
        {"config", required_argument, NULL, CONFIG},
        {"password-from-stdin", no_argument, NULL, STDIN},
        {"file", no_argument, NULL, IN_FILE},
        {"no-test", no_argument, NULL, NO_TEST},
        {NULL, 0, NULL, 0},
    };
    optind = 0;
    for (int c; (c = getopt_long(argc, argv, ":", long_options, NULL)) != -1;) {
        switch (c) {
        case CONFIG:
            options->config = optarg;
            break;
        case STDIN:
            options->from_stdin = true;
            break;
        case IN_FILE:
            options->in_file = true;
            break;
        case NO_TEST:
            options->no_test = true;
            break;
        default:
            return cmd_bad_option("auth", c, argv, long_options);
        }
    }
    return 0;
}

static int run(const char *what, const char *name, const struct auth_options *options)
{
    struct place place = {0};
    struct config config = {0};
    struct err err = {0};
    const struct account *account = NULL;
    int result;
    bool ok = place_find(options->config, &place, &err) && place_load(&place, &config, &err);
    if (ok && name != NULL) {
        account = conf_find(&config, name, &err);
        ok = account != NULL;
    }
    if (!ok)
        result = say_error(NULL, &err);
    else if (strcmp(what, "login") == 0)
        result = login(&config, account, options);
    else if (strcmp(what, "logout") == 0)
        result = logout(account);
    else
        result = status(&config, account);
    conf_free(&config);
    place_free(&place);
    return result;
}

static int bad_words(bool known, const char *verb, const char *surplus, const char *const *verbs)
{
    char command[32];
    snprintf(command, sizeof command, "auth %s", verb);
    if (known)
        return surplus ? cmd_surplus(command, surplus) : cmd_lacks(command, "the name of an account");
    return verb[0] ? cmd_unknown("tappal auth", verb, verbs)
                   : cmd_lacks("auth", "a command: login, status or logout");
}

int cmd_auth(int argc, char **argv)
{
    static const char *const verbs[] = {"login", "status", "logout", NULL};
    struct auth_options options = {0};
    struct err err = {0};
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0) {
            say("%s", usage);
            return 0;
        }
    int bad = parse(argc, argv, &options);
    if (bad)
        return bad;
    int words = argc - optind;
    const char *verb = words > 0 ? argv[optind] : "";
    bool known = false;
    for (size_t i = 0; verbs[i] != NULL; i++)
        known = known || strcmp(verbs[i], verb) == 0;
    bool needs_account = strcmp(verb, "status") != 0;
    if (!known || words > 2 || (needs_account && words != 2))
        return bad_words(known, verb, words > 2 ? argv[optind + 2] : NULL, verbs);
    if (strcmp(verb, "login") != 0 && (options.from_stdin || options.in_file || options.no_test)) {
        err_set(&err, ERR_USAGE, "`tappal auth %s` takes no option but --config.", verb);
        return cmd_wrong("auth", &err);
    }
    return run(verb, words == 2 ? argv[optind + 1] : NULL, &options);
}
