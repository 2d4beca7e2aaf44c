/* folders - patterns as people write them; names as hostile servers do. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "fetch/folders.h"

static const struct {
    const char *pattern, *name;
    bool match;
} matches[] = {
    {"INBOX", "INBOX", true},
    {"inbox", "INBOX", true},
    {"INBOX", "INBOX/sub", false},
    {"Lists/*", "Lists/git", true},
    {"Lists/*", "Lists/a/b", true},
    {"Lists/%", "Lists/git", true},
    {"Lists/%", "Lists/a/b", false},
    {"*", "a/b/c", true},
    {"%", "a", true},
    {"%", "a/b", false},
    {"%/b", "a/b", true},
    {"*/%", "a/b/c", true},
    {"*b%", "a/b/abc", true},
    {"%a%/b", "xaya/b", true},
    {"*x%y", "x/xy", true},
    {"*x%y", "xz/zy", false},
    {"a*", "a", true},
    {"a%", "a", true},
    {"a", "ab", false},
    {"lists/*", "Lists/git", false},
    {"", "", true},
    {"*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
};

START_TEST(test_folders_match)
{
    ck_assert_int_eq(folders_match(matches[_i].pattern, matches[_i].name), matches[_i].match);
}
END_TEST

static const struct {
    const char *wire;
    char delimiter;
    const char *maildirpp, *nested; /* NULL: refused */
} names[] = {
    {"INBOX", '/', "", "INBOX"},
    {"inbox", '.', "", "INBOX"},
    {"Lists/git", '/', ".Lists.git", "Lists/git"},
    {"Lists.git", '.', ".Lists.git", "Lists/git"},
    {"a.b/c", '/', ".a%2Eb.c", "a.b/c"},
    {"a/b.c", '.', ".a%2Fb.c", "a%2Fb/c"},
    {"INBOX/x", '/', ".INBOX.x", "INBOX/x"},
    {"../x", '/', ".%2E%2E.x", "%2E./x"},
    {"a/../../b", '/', ".a.%2E%2E.%2E%2E.b", "a/%2E./%2E./b"},
    {"..", '\0', ".%2E%2E", "%2E."},
    {".", '/', ".%2E", "%2E"},
    {".hidden", '/', ".%2Ehidden", "%2Ehidden"},
    {"/abs", '/', NULL, NULL},
    {"a//b", '/', NULL, NULL},
    {"a/", '/', NULL, NULL},
    {"", '/', NULL, NULL},
    {"cur", '/', ".cur", "%63ur"},
    {"a/new", '/', ".a.new", "a/%6Eew"},
    {"tmp/x", '/', ".tmp.x", "%74mp/x"},
    {"current", '/', ".current", "current"},
    {"100%", '/', ".100%25", "100%25"},
    {"a%2Eb", '/', ".a%252Eb", "a%252Eb"},
    {"a\nb\x7f", '/', ".a%0Ab%7F", "a%0Ab%7F"},
    {"Entw&APw-rfe", '/', ".Entw\xc3\xbcrfe", "Entw\xc3\xbcrfe"},
    {"&AC4ALg-/x", '/', ".&AC4ALg-.x", "&AC4ALg-/x"}, /* ".." in base64: no valid name, so these very bytes */
    {"&AC8-etc", '/', ".&AC8-etc", "&AC8-etc"},
    {"a\xff", '/', ".a%FF", "a%FF"},
    {"a\xc3\xbc", '/', ".a\xc3\xbc", "a\xc3\xbc"},
};

START_TEST(test_folders_path)
{
    for (enum layout layout = LAYOUT_MAILDIRPP; layout <= LAYOUT_NESTED; layout++) {
        const char *expect = layout == LAYOUT_MAILDIRPP ? names[_i].maildirpp : names[_i].nested;
        struct str path = STR_INIT(4096);
        struct err err = {0};
        bool ok = folders_path(layout, names[_i].wire, names[_i].delimiter, &path, &err);
        ck_assert_msg(ok == (expect != NULL), "%s: %s", names[_i].wire, path.buf);
        if (ok)
            ck_assert_str_eq(path.buf, expect);
        else
            ck_assert_int_eq(err.kind, ERR_DATA);
        str_free(&path);
    }
}
END_TEST

START_TEST(test_folders_path_too_long)
{
    char wire[400];
    struct str path = STR_INIT(4096);
    struct err err = {0};
    memset(wire, 'x', sizeof wire);
    wire[300] = '\0';
    ck_assert(!folders_path(LAYOUT_NESTED, wire, '/', &path, &err) && err.kind == ERR_DATA);
    wire[150] = '/';
    str_clear(&path);
    ck_assert(!folders_path(LAYOUT_MAILDIRPP, wire, '/', &path, &err));
    str_clear(&path);
    ck_assert(folders_path(LAYOUT_NESTED, wire, '/', &path, &err));
    for (int i = 0; i < 120; i++)
        wire[i] = i % 2 ? '/' : 'a';
    str_clear(&path);
    ck_assert(!folders_path(LAYOUT_NESTED, wire, '/', &path, &err)); /* too deep */
    str_free(&path);
}
END_TEST

/* By attribute, whatever the name; and a name that looks like one is none. */
START_TEST(test_folders_special_use)
{
    static const struct {
        const char *pattern, *name, *attribute;
        bool wanted;
    } cases[] = {
        {"\\Sent", "Gesendet", "\\sent", true},  {"\\Sent", "Sent", "\\HasNoChildren", false},
        {"\\Sent", "\\Sent", "\\Drafts", false}, {"\\Inbox", "INBOX", "\\HasChildren", true},
        {"\\INBOX", "Other", "\\All", false},    {"!\\Junk", "Werbung", "\\Junk", false},
        {"!\\Junk", "Junk", "\\Other", true},
    };
    struct strv patterns = STRV_INIT, attributes = STRV_INIT;
    struct err err = {0};
    ck_assert(strv_add(&patterns, cases[_i].pattern, &err) &&
              strv_add(&attributes, cases[_i].attribute, &err));
    if (cases[_i].pattern[0] == '!')
        ck_assert(strv_add(&patterns, "*", &err));
    struct folder folder = {
        .wire = strdup(cases[_i].name), .name = strdup(cases[_i].name), .attributes = attributes};
    ck_assert_int_eq(folders_wanted(&patterns, &folder), cases[_i].wanted);
    strv_free(&patterns);
    strv_free(&attributes);
    free(folder.wire);
    free(folder.name);
}
END_TEST

/* take_all - what the server lists, by its namespaces and the account's patterns; the first refusal in *why_r */
static void take_all(const char *const *wires, size_t count, const char *namespaces, struct fetch_conf *conf,
                     const char *const *patterns, struct folders *wanted, struct err *why_r)
{
    struct folders listed = {0};
    struct imap_namespaces ns = {0};
    struct err err = {0};
    ck_assert(!namespaces || imap_namespaces_read(&ns, namespaces, strlen(namespaces), &err));
    for (; *patterns; patterns++)
        ck_assert(strv_add(&conf->folders, *patterns, &err));
    for (size_t i = 0; i < count; i++) {
        struct imap_list list = {.delimiter = '.', .name = STR_INIT(100)};
        ck_assert(str_addz(&list.name, wires[i], &err) && folders_list(&listed, &list, &err));
        imap_list_free(&list);
        struct folder *f = &listed.items[i];
        ck_assert(folders_name(f, &ns, &err));
        if (folders_wanted(&conf->folders, f) && !folders_take(wanted, conf, &ns, f, &err) &&
            why_r->kind == ERR_NONE)
            *why_r = err;
    }
    imap_namespaces_free(&ns);
    folders_free(&listed);
    strv_free(&conf->folders);
}

START_TEST(test_folders_take)
{
    struct fetch_conf conf = {.layout = LAYOUT_NESTED};
    struct folders folders = {0};
    struct err why = {0};
    static const char *const patterns[] = {"Lists/*", "INBOX", "!Lists/spam*", "!Lists/%/old", NULL};
    static const char *const wires[] = {"Lists.git", "Lists.spam", "Lists.git.old", "Other",
                                        "inbox",     "Lists.git",  "INBOX",         "Lists..x"};
    take_all(wires, sizeof wires / sizeof *wires, NULL, &conf, patterns, &folders, &why);
    ck_assert_uint_eq(folders.count, 2);
    ck_assert_str_eq(folders.items[0].name, "INBOX");
    ck_assert_str_eq(folders.items[0].wire, "inbox");
    ck_assert_str_eq(folders.items[1].name, "Lists/git");
    ck_assert_str_eq(folders.items[1].path, "Lists/git");
    ck_assert_int_eq(why.kind, ERR_DATA);
    folders_free(&folders);
}
END_TEST

/* Where the person wants them, whatever the layout; never two in one place. */
START_TEST(test_folders_targets)
{
    static const struct {
        const char *target, *wires[4], *paths[4];
        bool clash;
    } cases[] = {
        {"Sent: sent", {"INBOX", "Sent", "Old"}, {"", "sent", ".Old"}, false},
        {"INBOX : here/in", {"inbox", "Sent"}, {"here/in", ".Sent"}, false},
        {"a: b/c: c", {"a: b.c", "c"}, {"c", ".c"}, false},
        {"a/b: .", {"a.b"}, {""}, false},
        {"a: .", {"INBOX", "a"}, {""}, true},
        {"a: .b", {"b", "a"}, {".b"}, true},
        {"\\Sent: sent", {"Sent"}, {".Sent"}, false},
    };
    static const char *const patterns[] = {"*", NULL};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fetch_conf conf = {.layout = LAYOUT_MAILDIRPP};
        struct folders folders = {0};
        struct err why = {0};
        size_t listed = 0, expected = 0;
        ck_assert(strv_add(&conf.targets, cases[i].target, &why));
        while (cases[i].wires[listed])
            listed++;
        while (cases[i].paths[expected])
            expected++;
        take_all(cases[i].wires, listed, NULL, &conf, patterns, &folders, &why);
        ck_assert_msg(folders.count == expected, "case %zu: %zu", i, folders.count);
        for (size_t k = 0; k < expected; k++)
            ck_assert_str_eq(folders.items[k].path, cases[i].paths[k]);
        ck_assert_msg((why.kind == ERR_DATA) == cases[i].clash, "case %zu: %s", i, why.what);
        folders_free(&folders);
        strv_free(&conf.targets);
    }
}
END_TEST

/* By its use; but that of somebody else's folder is none of ours. */
START_TEST(test_folders_target_by_use)
{
    static const char *const paths[] = {"sent", ".Public.sent"};
    struct fetch_conf conf = {.layout = LAYOUT_MAILDIRPP};
    struct imap_namespaces none = {0};
    struct folders folders = {0};
    struct err err = {0};
    ck_assert(strv_add(&conf.targets, "\\Sent: sent", &err));
    for (int foreign = 0; foreign < 2; foreign++) {
        const char *name = foreign ? "Public/sent" : "Gesendet";
        struct folder f = {
            .wire = strdup(name), .name = strdup(name), .delimiter = '/', .foreign = foreign != 0};
        ck_assert(strv_add(&f.attributes, "\\sent", &err) && folders_take(&folders, &conf, &none, &f, &err));
        ck_assert_str_eq(folders.items[foreign].path, paths[foreign]);
    }
    folders_free(&folders);
    strv_free(&conf.targets);
}
END_TEST

#define PREFIXED "((\"INBOX.\" \".\")) ((\"user.\" \".\")) ((\"\" \".\"))"
#define PLAIN "((\"\" \".\")) ((\"Users.\" \".\")) ((\"Public.\" \".\"))"

/* Names and places by what the server says of whose a folder is. */
START_TEST(test_folders_of_whom)
{
    static const struct {
        const char *namespaces, *patterns[4], *wires[6];
        const char *names[4], *paths[4];
        bool clash;
    } cases[] = {
        {PREFIXED,
         {"*"},
         {"INBOX", "INBOX.Sent", "INBOX.a.b", "user.grace.x", "bulletin"},
         {"INBOX", "Sent", "a/b"},
         {"", ".Sent", ".a.b"},
         false},
        {PREFIXED, {"Sent"}, {"INBOX.Sent", "INBOX.Sent.x"}, {"Sent"}, {".Sent"}, false},
        {PREFIXED, {"INBOX/Sent"}, {"INBOX.Sent", "INBOX.Sent.x"}, {"Sent"}, {".Sent"}, false},
        {PREFIXED, {"INBOX/%"}, {"INBOX", "INBOX.Sent", "INBOX.a.b"}, {"Sent"}, {".Sent"}, false},
        {PREFIXED, {"%", "!INBOX/a"}, {"INBOX.Sent", "INBOX.a"}, {"Sent"}, {".Sent"}, false},
        {PREFIXED, {"user/grace/*"}, {"INBOX.x", "user.grace.x"}, {"user/grace/x"}, {".user.grace.x"}, false},
        {PREFIXED, {"Sent"}, {"Sent", "INBOX.Sent"}, {"Sent"}, {".Sent"}, false},
        {PREFIXED, {"Sent"}, {"INBOX.Sent", "Sent"}, {"Sent"}, {".Sent"}, false},
        {PREFIXED, {"*"}, {"INBOX", "INBOX.INBOX"}, {"INBOX", "INBOX/INBOX"}, {"", ".INBOX.INBOX"}, false},
        {PLAIN,
         {"*"},
         {"INBOX", "Sent", "Public", "Public.x", "Users.grace"},
         {"INBOX", "Sent"},
         {"", ".Sent"},
         false},
        {PLAIN,
         {"*", "Public/*"},
         {"Sent", "Public.x", "Users.grace"},
         {"Sent", "Public/x"},
         {".Sent", ".Public.x"},
         false},
        {PLAIN, {"Pub*"}, {"Public.x", "Publicity"}, {"Publicity"}, {".Publicity"}, false},
        {PLAIN, {"Public"}, {"Public", "Public.x"}, {"Public"}, {".Public"}, false},
        {PLAIN, {"Public/*", "!*/x"}, {"Public.x", "Public.y"}, {"Public/y"}, {".Public.y"}, false},
        {PLAIN, {"*"}, {"Entw&APw-rfe", "Entw\xc3\xbcrfe"}, {"Entw\xc3\xbcrfe"}, {".Entw\xc3\xbcrfe"}, true},
        {NULL,
         {"*"},
         {"INBOX.Sent", "Public.x"},
         {"INBOX/Sent", "Public/x"},
         {".INBOX.Sent", ".Public.x"},
         false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fetch_conf conf = {.layout = LAYOUT_MAILDIRPP};
        struct folders folders = {0};
        struct err why = {0};
        size_t listed = 0, expected = 0;
        while (cases[i].wires[listed])
            listed++;
        while (cases[i].names[expected])
            expected++;
        take_all(cases[i].wires, listed, cases[i].namespaces, &conf, cases[i].patterns, &folders, &why);
        ck_assert_msg(folders.count == expected, "case %zu: %zu", i, folders.count);
        for (size_t k = 0; k < expected; k++) {
            ck_assert_str_eq(folders.items[k].name, cases[i].names[k]);
            ck_assert_str_eq(folders.items[k].path, cases[i].paths[k]);
            ck_assert(!folders.items[k].foreign || strncmp(folders.items[k].wire, "INBOX.", 6) != 0);
        }
        ck_assert_msg((why.kind == ERR_DATA) == cases[i].clash, "case %zu: %s", i, why.what);
        folders_free(&folders);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("folders");
    TCase *tc = tcase_create("folders");
    tcase_add_loop_test(tc, test_folders_match, 0, sizeof matches / sizeof *matches);
    tcase_add_loop_test(tc, test_folders_path, 0, sizeof names / sizeof *names);
    tcase_add_test(tc, test_folders_path_too_long);
    tcase_add_loop_test(tc, test_folders_special_use, 0, 7);
    tcase_add_test(tc, test_folders_take);
    tcase_add_test(tc, test_folders_targets);
    tcase_add_test(tc, test_folders_target_by_use);
    tcase_add_test(tc, test_folders_of_whom);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
