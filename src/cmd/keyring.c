/* tappal-keyring - the one program that knows libsecret (and with it GLib and D-Bus). It reads one
 * request on stdin, answers on stdout (auth/keyring_talk.h) and leaves; its caller limits its time.
 *
 * What is looked for, in this order: what we stored; entries by msmtp's and mpop's attributes (host, service,
 * user); entries of the old network schema (user, protocol, server), as git and getmail use it. The schema's
 * name never has to match: secret-tool sets none of ours. What we store bears msmtp's attributes too,
 * so that msmtp and mpop find it. */
#include <libsecret/secret.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/keyring_talk.h"
#include "base/err.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"

static const SecretSchema schema = {
    "org.tappal.Password",
    SECRET_SCHEMA_DONT_MATCH_NAME,
    {
        {"account", SECRET_SCHEMA_ATTRIBUTE_STRING},
        {"host", SECRET_SCHEMA_ATTRIBUTE_STRING},
        {"service", SECRET_SCHEMA_ATTRIBUTE_STRING},
        {"user", SECRET_SCHEMA_ATTRIBUTE_STRING},
        {"protocol", SECRET_SCHEMA_ATTRIBUTE_STRING},
        {"server", SECRET_SCHEMA_ATTRIBUTE_STRING},
        {NULL, SECRET_SCHEMA_ATTRIBUTE_STRING},
    },
    0,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
};

struct request {
    char *command, *account, *host, *service, *user, *interactive; /* into the request's text; may be NULL */
    const char *secret;
    size_t secret_len;
};

/* -- the request -- */

static char **field(struct request *r, const char *key)
{
    const struct {
        const char *key;
        char **value;
    } fields[] = {
        {"command", &r->command}, {"account", &r->account}, {"host", &r->host},
        {"service", &r->service}, {"user", &r->user},       {"interactive", &r->interactive},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (strcmp(fields[i].key, key) == 0)
            return fields[i].value;
    return NULL;
}

/* Cuts the text into lines in place; behind the empty line is the secret. */
static bool parse_request(struct str *text, struct request *r, struct err *err)
{
    char *at = text->buf, *end = text->buf + text->len;
    for (;;) {
        char *line_end = memchr(at, '\n', (size_t)(end - at));
        if (line_end == NULL)
            return err_set(err, ERR_USAGE, "the request does not end");
        *line_end = '\0';
        if (line_end == at)
            break;
        char *colon = strstr(at, ": ");
        if (colon == NULL)
            return err_set(err, ERR_USAGE, "a line of the request has no colon");
        *colon = '\0';
        char **value = field(r, at);
        if (value == NULL)
            return err_set(err, ERR_USAGE, "the request has an unknown key");
        *value = colon + 2;
        at = line_end + 1;
    }
    r->secret = at + 1;
    r->secret_len = (size_t)(end - r->secret);
    return r->command != NULL || err_set(err, ERR_USAGE, "the request has no command");
}

/* -- the answer -- */

static bool answer(enum secret_answer word, const char *sentence, const char *secret, size_t n)
{
    struct str line = STR_INIT(4096);
    struct err err = {0};
    bool ok = str_addf(&line, &err, "%s%s%.2000s", keyring_talk_words[word], sentence != NULL ? " " : "",
                       sentence != NULL ? sentence : "");
    for (size_t i = 0; i < line.len; i++)
        if (line.buf[i] == '\n')
            line.buf[i] = ' ';
    ok = ok && str_addc(&line, '\n', &err) &&
         fs_write_all(STDOUT_FILENO, line.buf, line.len, "stdout", &err) &&
         fs_write_all(STDOUT_FILENO, secret, n, "stdout", &err);
    str_free(&line);
    return ok;
}

static bool answer_error(GError *error)
{
    bool locked = g_error_matches(error, SECRET_ERROR, SECRET_ERROR_IS_LOCKED);
    bool ok = answer(locked ? SECRET_LOCKED : SECRET_FAILED, error->message, "", 0);
    g_error_free(error);
    return ok;
}

/* -- attributes -- */

static void add(GHashTable *attributes, const char *key, char *value)
{
    if (value != NULL)
        g_hash_table_insert(attributes, (gpointer)(uintptr_t)key, value);
}

static GHashTable *new_attributes(void)
{
    return g_hash_table_new(g_str_hash, g_str_equal);
}

static GHashTable *msmtp_attributes(const struct request *r)
{
    GHashTable *a = new_attributes();
    add(a, "host", r->host);
    add(a, "service", r->service);
    add(a, "user", r->user);
    return a;
}

static GHashTable *our_attributes(const struct request *r)
{
    GHashTable *a = msmtp_attributes(r);
    add(a, "account", r->account);
    return a;
}

static GHashTable *network_attributes(const struct request *r)
{
    GHashTable *a = new_attributes();
    add(a, "server", r->host);
    add(a, "protocol", r->service);
    add(a, "user", r->user);
    return a;
}

/* -- looking -- */

/* All items with these attributes, locked ones too. The simple lookup would call a locked one absent. */
static GList *search(GHashTable *attributes, GError **error)
{
    GList *items = secret_password_searchv_sync(&schema, attributes, SECRET_SEARCH_ALL, NULL, error);
    g_hash_table_unref(attributes);
    return items;
}

static bool is_locked(gpointer item)
{
    return SECRET_IS_ITEM(item) && secret_item_get_locked(SECRET_ITEM(item));
}

/* A person may be asked by the desktop's own window. Without one the item simply stays locked. */
static void unlock(gpointer item)
{
    GList one = {.data = item};
    secret_service_unlock_sync(NULL, &one, NULL, NULL, NULL);
}

static gpointer first_unlocked(GList *items)
{
    for (GList *i = items; i != NULL; i = i->next)
        if (!is_locked(i->data))
            return i->data;
    return NULL;
}

/* The first item that can be read, its secret taken. `locked_r` is set where one is there but locked. */
static SecretValue *take(GList *items, bool interactive, bool *locked_r, GError **error)
{
    gpointer item = first_unlocked(items);
    if (item == NULL && items != NULL && interactive) {
        unlock(items->data);
        item = first_unlocked(items);
    }
    *locked_r = *locked_r || (items != NULL && item == NULL);
    return item != NULL ? secret_retrievable_retrieve_secret_sync(SECRET_RETRIEVABLE(item), NULL, error)
                        : NULL;
}

static bool find(const struct request *r)
{
    GHashTable *(*const kinds[])(const struct request *) = {our_attributes, msmtp_attributes,
                                                            network_attributes};
    bool locked = false;
    /* Without host and user the latter two would take any entry for ours. */
    size_t usable = r->host != NULL && r->user != NULL && r->service != NULL ? 3 : 1;
    SecretValue *value = NULL;
    for (size_t i = 0; value == NULL && i < usable; i++) {
        GError *error = NULL;
        GList *items = search(kinds[i](r), &error);
        if (error == NULL)
            value = take(items, r->interactive != NULL, &locked, &error);
        g_list_free_full(items, g_object_unref);
        if (error != NULL)
            return answer_error(error);
    }
    if (value == NULL)
        return answer(locked ? SECRET_LOCKED : SECRET_ABSENT, NULL, "", 0);
    gsize n = 0;
    const char *bytes = secret_value_get(value, &n);
    bool ok = answer(SECRET_FOUND, NULL, bytes, n);
    secret_value_unref(value);
    return ok;
}

static bool store(const struct request *r)
{
    GError *error = NULL;
    struct str label = STR_INIT(4096);
    struct err err = {0};
    if (!str_addf(&label, &err, "Mail password of %s at %s (%s)", r->user != NULL ? r->user : r->account,
                  r->host != NULL ? r->host : "its server", r->service != NULL ? r->service : "mail"))
        return answer(SECRET_FAILED, err.what, "", 0);
    GHashTable *attributes = our_attributes(r);
    SecretValue *value = secret_value_new(r->secret, (gssize)r->secret_len, "text/plain");
    secret_password_storev_binary_sync(&schema, attributes, SECRET_COLLECTION_DEFAULT, label.buf, value, NULL,
                                       &error);
    secret_value_unref(value);
    g_hash_table_unref(attributes);
    str_free(&label);
    return error != NULL ? answer_error(error) : answer(SECRET_FOUND, NULL, "", 0);
}

/* Removes what we stored, and nothing of anybody else's. */
static bool delete_ours(const struct request *r)
{
    GError *error = NULL;
    GList *items = search(our_attributes(r), &error);
    bool any = items != NULL, locked = any && first_unlocked(items) == NULL;
    g_list_free_full(items, g_object_unref);
    if (error == NULL && any && !locked) {
        GHashTable *attributes = our_attributes(r);
        secret_password_clearv_sync(&schema, attributes, NULL, &error);
        g_hash_table_unref(attributes);
    }
    if (error != NULL)
        return answer_error(error);
    return answer(!any ? SECRET_ABSENT : locked ? SECRET_LOCKED : SECRET_FOUND, NULL, "", 0);
}

static bool obey(const struct request *r)
{
    if (r->account == NULL)
        return answer(SECRET_FAILED, "the request names no account", "", 0);
    if (strcmp(r->command, "find") == 0)
        return find(r);
    if (strcmp(r->command, "store") == 0)
        return store(r);
    if (strcmp(r->command, "delete") == 0)
        return delete_ours(r);
    return answer(SECRET_FAILED, "the request's command is not known", "", 0);
}

/* cron, at and system services start us without the variables that name the session's bus, though the
 * bus is where systemd puts it. */
static void find_bus(void)
{
    if (getenv("DBUS_SESSION_BUS_ADDRESS") != NULL || getenv("XDG_RUNTIME_DIR") != NULL)
        return;
    char folder[64], path[96], address[128];
    struct stat st;
    snprintf(folder, sizeof folder, "/run/user/%lu", (unsigned long)geteuid());
    snprintf(path, sizeof path, "%s/bus", folder);
    snprintf(address, sizeof address, "unix:path=%s", path);
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_uid == geteuid()) {
        setenv("XDG_RUNTIME_DIR", folder, 1);
        setenv("DBUS_SESSION_BUS_ADDRESS", address, 1);
    }
}

int main(int argc, char **argv)
{
    struct str text = STR_INIT(KEYRING_TALK_MAX);
    struct request request = {0};
    struct err err = {0};
    proc_begin(argv[0]);
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("tappal-keyring %s\n", TAPPAL_VERSION);
        return 0;
    }
    if (argc > 1) {
        puts("Usage: tappal-keyring <REQUEST\n       tappal-keyring --help | --version\nAnswers one request "
             "of tappal for a password; see "
             "tappal-keyring(8).");
        return strcmp(argv[1], "--help") == 0 ? 0 : err_exit_status(ERR_USAGE);
    }
    find_bus();
    bool ok = str_reserve(&text, text.max, &err) && fs_read_all(STDIN_FILENO, &text, "stdin", &err) &&
              parse_request(&text, &request, &err);
    ok = ok ? obey(&request) : answer(SECRET_FAILED, err.what, "", 0);
    str_wipe(&text);
    return ok ? 0 : err_exit_status(ERR_LOCAL);
}
