/* imap_namespace - what servers say of their folders' names, and what a name comes to by it. */
#include "unit.h"

#include <string.h>

#include "wire/imap_namespace.h"

static bool read_text(struct imap_namespaces *out, const char *text)
{
    struct err err = {0};
    bool ok = imap_namespaces_read(out, text, strlen(text), &err);
    ck_assert(ok || err.kind == ERR_PROTOCOL);
    return ok;
}

#define COURIER "((\"INBOX.\" \".\")) NIL ((\"#shared.\" \".\") (\"shared.\" \".\"))"
#define CYRUS "((\"INBOX.\" \".\")) ((\"user.\" \".\")) ((\"\" \".\"))"
#define DOVECOT "((\"\" \"/\")) ((\"Users/\" \"/\")) ((\"Public/\" \"/\"))"
#define UW "((\"\" \"/\")(\"#mhinbox\" NIL)(\"#mh/\" \"/\")) ((\"~\" \"/\")) NIL"

static const struct {
    const char *text, *wire, *plain;
    const char *foreign; /* the prefix; NULL: one's own */
} names[] = {
    {COURIER, "INBOX", "INBOX", NULL},
    {COURIER, "inbox", "inbox", NULL},
    {COURIER, "INBOX.Sent", "Sent", NULL},
    {COURIER, "Inbox.Sent", "Sent", NULL},
    {COURIER, "INBOX.Lists.git", "Lists.git", NULL},
    {COURIER, "INBOX.INBOX", "INBOX.INBOX", NULL},
    {COURIER, "INBOX.inbox.x", "inbox.x", NULL},
    {COURIER, "INBOX.", "INBOX.", NULL},
    {COURIER, "INBOXES", "INBOXES", NULL},
    {COURIER, "Other", "Other", NULL},
    {COURIER, "#shared.x", "#shared.x", "#shared."},
    {COURIER, "shared", "shared", "shared."},
    {COURIER, "share", "share", NULL},
    {COURIER, "sharedness", "sharedness", NULL},
    {CYRUS, "INBOX.a", "a", NULL},
    {CYRUS, "user.grace.a", "user.grace.a", "user."},
    {CYRUS, "bulletin", "bulletin", ""},
    {CYRUS, "INBOX", "INBOX", NULL},
    {DOVECOT, "Sent", "Sent", NULL},
    {DOVECOT, "Public/x", "Public/x", "Public/"},
    {DOVECOT, "Public", "Public", "Public/"},
    {DOVECOT, "Users/grace", "Users/grace", "Users/"},
    {UW, "mail/x", "mail/x", NULL},
    {UW, "#mh/x", "#mh/x", NULL},
    {UW, "~grace/x", "~grace/x", "~"},
    {"NIL NIL NIL", "INBOX.a", "INBOX.a", NULL},
    {"((\"Mail/\" \"/\" \"X-PARAM\" (\"FLAG1\" \"FLAG2\"))) NIL NIL", "Mail/a", "a", NULL},
    {"((\"\" NIL)) NIL NIL", "a", "a", NULL},
    {"NIL ((\"a/\" \"/\")) NIL", "a/b", "a/b", "a/"},
    {"(({6}\r\nINBOX. \".\")) NIL NIL", "INBOX.a", "a", NULL},
    {"((\"a\\\\\" \"\\\\\")) NIL NIL", "a\\b", "b", NULL},
};

START_TEST(test_imap_namespace_names)
{
    struct imap_namespaces namespaces;
    ck_assert(read_text(&namespaces, names[_i].text));
    ck_assert_str_eq(imap_namespace_plain(&namespaces, names[_i].wire), names[_i].plain);
    const struct imap_namespace *foreign = imap_namespace_foreign(&namespaces, names[_i].wire);
    ck_assert((foreign != NULL) == (names[_i].foreign != NULL));
    if (foreign)
        ck_assert_str_eq(foreign->prefix, names[_i].foreign);
    imap_namespaces_free(&namespaces);
}
END_TEST

static const char *const wrong[] = {
    "",
    "NIL",
    "NIL NIL",
    "() NIL (",
    "((\"\" \"/\") NIL NIL",
    "((NIL \"/\")) NIL NIL",
    "((\"\" /)) NIL NIL",
    "((\"\")) NIL NIL",
    "(\"\" \"/\") NIL NIL",
    "((\"\" \"/\" (((\"x\"))) NIL NIL",
};

START_TEST(test_imap_namespace_wrong)
{
    struct imap_namespaces namespaces;
    ck_assert(!read_text(&namespaces, wrong[_i]));
}
END_TEST

/* One more byte at a time: only the whole is taken. */
START_TEST(test_imap_namespace_parts)
{
    struct imap_namespaces namespaces;
    struct err err;
    for (size_t n = 0; n < strlen(CYRUS); n++)
        ck_assert_msg(!imap_namespaces_read(&namespaces, CYRUS, n, &err), "%zu", n);
    ck_assert(read_text(&namespaces, CYRUS));
    ck_assert_uint_eq(namespaces.count, 3);
    imap_namespaces_free(&namespaces);
}
END_TEST

START_TEST(test_imap_namespace_many)
{
    struct imap_namespaces namespaces;
    struct str text = STR_INIT(65536);
    struct err err;
    ck_assert(str_addc(&text, '(', &err));
    for (int i = 0; i < 3 * IMAP_NAMESPACES_MAX; i++)
        ck_assert(str_addf(&text, &err, "(\"n%d/\" \"/\")", i));
    ck_assert(str_addz(&text, ") NIL NIL", &err) && read_text(&namespaces, text.buf));
    ck_assert_uint_eq(namespaces.count, IMAP_NAMESPACES_MAX);
    imap_namespaces_free(&namespaces);
    str_free(&text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("imap_namespace");
    TCase *tc = tcase_create("imap_namespace");
    tcase_add_loop_test(tc, test_imap_namespace_names, 0, sizeof names / sizeof *names);
    tcase_add_loop_test(tc, test_imap_namespace_wrong, 0, sizeof wrong / sizeof *wrong);
    tcase_add_test(tc, test_imap_namespace_parts);
    tcase_add_test(tc, test_imap_namespace_many);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
