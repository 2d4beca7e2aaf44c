/* imap_reply, imap_token - responses as the RFC, odd servers and hostile ones write them. */
#include "unit.h"

#include <string.h>

#include "mail/flags.h"
#include "wire/imap_reply.h"

static bool same(const struct imap_part *p, const char *z)
{
    return p->n == strlen(z) && (p->n == 0 || memcmp(p->at, z, p->n) == 0);
}

static const struct {
    const char *line;
    enum imap_form form;
    enum imap_status status;
    const char *tag, *name, *code, *arguments, *text;
    uint64_t number;
} replies[] = {
    {"* OK ready", IMAP_UNTAGGED, IMAP_OK, "", "OK", "", "", "ready", 0},
    {"* OK", IMAP_UNTAGGED, IMAP_OK, "", "OK", "", "", "", 0},
    {"* OK [UIDVALIDITY 3857529045] UIDs valid", IMAP_UNTAGGED, IMAP_OK, "", "OK", "UIDVALIDITY",
     "3857529045", "UIDs valid", 0},
    {"* OK [HIGHESTMODSEQ]", IMAP_UNTAGGED, IMAP_OK, "", "OK", "HIGHESTMODSEQ", "", "", 0},
    {"* OK [open", IMAP_UNTAGGED, IMAP_OK, "", "OK", "", "", "[open", 0},
    {"* PREAUTH hello", IMAP_UNTAGGED, IMAP_PREAUTH, "", "PREAUTH", "", "", "hello", 0},
    {"* BYE [ALERT] away {5}", IMAP_UNTAGGED, IMAP_BYE, "", "BYE", "ALERT", "", "away {5}", 0},
    {"* 18 EXISTS", IMAP_UNTAGGED, IMAP_DATA, "", "EXISTS", "", "", "", 18},
    {"* 0 FETCH (UID 1)", IMAP_UNTAGGED, IMAP_DATA, "", "FETCH", "", "", "(UID 1)", 0},
    {"* SEARCH 2 84 ", IMAP_UNTAGGED, IMAP_DATA, "", "SEARCH", "", "", "2 84 ", 0},
    {"* 99999999999999999999 EXISTS", IMAP_UNTAGGED, IMAP_DATA, "", "99999999999999999999", "", "", "EXISTS",
     0},
    {"*", IMAP_GARBAGE, IMAP_DATA, "", "", "", "", "", 0},
    {"T7 OK [READ-ONLY] done", IMAP_TAGGED, IMAP_OK, "T7", "", "READ-ONLY", "", "done", 0},
    {"T7 no  sorry", IMAP_TAGGED, IMAP_NO, "T7", "", "", "", "sorry", 0},
    {"T7 BAD", IMAP_TAGGED, IMAP_NOT_UNDERSTOOD, "T7", "", "", "", "", 0},
    {"T7 OKAY done", IMAP_GARBAGE, IMAP_DATA, "", "", "", "", "T7 OKAY done", 0},
    {"T7 NONE", IMAP_GARBAGE, IMAP_DATA, "", "", "", "", "T7 NONE", 0},
    {"T7 BYE", IMAP_GARBAGE, IMAP_BYE, "", "", "", "", "T7 BYE", 0},
    {"+", IMAP_CONTINUE, IMAP_DATA, "", "", "", "", "", 0},
    {"+ ", IMAP_CONTINUE, IMAP_DATA, "", "", "", "", "", 0},
    {"+ cGFzcw==", IMAP_CONTINUE, IMAP_DATA, "", "", "", "", "cGFzcw==", 0},
    {"", IMAP_GARBAGE, IMAP_DATA, "", "", "", "", "", 0},
    {"220 smtp.example.org", IMAP_GARBAGE, IMAP_DATA, "", "", "", "", "220 smtp.example.org", 0},
};

START_TEST(test_imap_reply_read)
{
    struct imap_reply r = imap_reply_read(replies[_i].line, strlen(replies[_i].line));
    ck_assert_int_eq(r.form, replies[_i].form);
    ck_assert_int_eq(r.status, replies[_i].status);
    ck_assert_uint_eq(r.number, replies[_i].number);
    if (r.form == IMAP_GARBAGE)
        return;
    ck_assert(same(&r.tag, replies[_i].tag) && same(&r.name, replies[_i].name) &&
              same(&r.code, replies[_i].code) && same(&r.arguments, replies[_i].arguments) &&
              same(&r.text, replies[_i].text));
}
END_TEST

static const struct {
    const char *line;
    int due;
    uint64_t size;
} literals[] = {
    {"* LIST () \"/\" {5}", 1, 5},
    {"* 1 FETCH (BODY[] {0}", 1, 0},
    {"* 1 FETCH (BODY[] {2147483648}", 1, 2147483648u},
    {"* 1 FETCH (BODY[] {4294967295}", 1, 4294967295u},
    {"* 1 FETCH (BODY[] ~{3+}", 1, 3},
    {"* 1 FETCH (BODY[] {9223372036854775807}", 1, INT64_MAX},
    {"* 1 FETCH (BODY[] {9223372036854775808}", -1, 0},
    {"* 1 FETCH (BODY[] {18446744073709551616}", -1, 0},
    {"* 1 FETCH (BODY[] {-1}", -1, 0},
    {"* 1 FETCH (BODY[] {}", -1, 0},
    {"* LIST () \"/\" a{b}", 0, 0},
    {"* LIST () \"/\" a}", 0, 0},
    {"* 1 FETCH (UID 5)", 0, 0},
    {"", 0, 0},
};

START_TEST(test_imap_literal_at_end)
{
    uint64_t size = 0;
    ck_assert_int_eq(imap_literal_at_end(literals[_i].line, strlen(literals[_i].line), &size),
                     literals[_i].due);
    if (literals[_i].due > 0)
        ck_assert_uint_eq(size, literals[_i].size);
}
END_TEST

static const struct {
    const char *text;
    enum imap_fetch_end end;
    uint32_t uid;
    uint64_t size, due;
    int64_t date;
    enum imap_body body;
    uint8_t flags;
} fetches[] = {
    {.text = "()", .end = IMAP_FETCH_WHOLE},
    {.text = "(UID 5 RFC822.SIZE 120)", .uid = 5, .size = 120},
    {.text = "(uid 5 FLAGS (\\Seen $Forwarded) rfc822.size 120)",
     .uid = 5,
     .size = 120,
     .flags = FLAG_SEEN | FLAG_PASSED},
    {.text = "(FLAGS () UID 5)", .uid = 5},
    {.text = "(FLAGS (\\Recent \"odd\" \\FLAGGED Junk) MODSEQ (5) UID 5)", .uid = 5, .flags = FLAG_FLAGGED},
    {.text = "(FLAGS NIL UID 5)", .uid = 5},
    {.text = "(FLAGS (\\Seen (x)) UID 5)", .end = IMAP_FETCH_BROKEN, .flags = FLAG_SEEN},
    {.text = "(FLAGS (\\Seen", .end = IMAP_FETCH_BROKEN, .flags = FLAG_SEEN},
    {.text = "(UID 5 RFC822.SIZE 9.37e+06)", .uid = 5},
    {.text = "(UID 5 INTERNALDATE \"17-Jul-1996 02:44:25 -0700\")", .uid = 5, .date = 837596665},
    {.text = "(UID 5 INTERNALDATE \" 1-Jan-1970 00:00:00 +0000\")", .uid = 5, .date = 0},
    {.text = "(UID 5 INTERNALDATE \"29-Feb-2024 12:00:00 +0530\")", .uid = 5, .date = 1709188200},
    {.text = "(UID 5 INTERNALDATE \"rubbish\")", .uid = 5},
    {.text = "(UID 5 INTERNALDATE NIL)", .uid = 5},
    {.text = "(UID 5 BODY[] {3}", .end = IMAP_FETCH_BODY_DUE, .uid = 5, .due = 3},
    {.text = "(BODY[] {3}", .end = IMAP_FETCH_BODY_DUE, .due = 3},
    {.text = "(BODY[] {0}\r\n UID 9)", .uid = 9, .body = IMAP_BODY_TEXT},
    {.text = "(UID 5 BODY[] NIL)", .uid = 5, .body = IMAP_BODY_NIL},
    {.text = "(UID 5 BODY[] \"a\\\"b\")", .uid = 5, .body = IMAP_BODY_TEXT},
    {.text = "(UID 5 BODY[] \"\")", .uid = 5, .body = IMAP_BODY_TEXT},
    {.text = "(BODY[HEADER.FIELDS (DATE FROM)] {9}", .end = IMAP_FETCH_LITERAL_DUE, .due = 9},
    {.text = "(BODY[HEADER.FIELDS (DATE FROM)] {2}\r\nab UID 6)", .uid = 6},
    {.text = "(ENVELOPE (NIL ((NIL NIL {4}", .end = IMAP_FETCH_LITERAL_DUE, .due = 4},
    {.text = "(ENVELOPE (NIL ((NIL NIL {4}\r\na)b( \"x\"))) UID 7)", .uid = 7},
    {.text = "(FLAGS ([Gmail] a[b) UID 8)", .uid = 8},
    {.text = "(MODSEQ (624140003) UID 4)", .uid = 4},
    {.text = "(UID 5", .end = IMAP_FETCH_BROKEN, .uid = 5},
    {.text = "(UID 0)", .end = IMAP_FETCH_BROKEN},
    {.text = "(UID 4294967296)", .end = IMAP_FETCH_BROKEN},
    {.text = "(UID x)", .end = IMAP_FETCH_BROKEN},
    {.text = "(UID)", .end = IMAP_FETCH_BROKEN},
    {.text = "(BODY[] {-1}", .end = IMAP_FETCH_BROKEN},
    {.text = "(BODY[] {18446744073709551616}", .end = IMAP_FETCH_BROKEN},
    {.text = "(BODY[] {5}\r\nab)", .end = IMAP_FETCH_BROKEN},
    {.text = "(BODY[", .end = IMAP_FETCH_BROKEN},
    {.text = "(\"UID\" 5)", .end = IMAP_FETCH_BROKEN},
    {.text = "(X \"open", .end = IMAP_FETCH_BROKEN},
    {.text = "", .end = IMAP_FETCH_BROKEN},
    {.text = "UID 5", .end = IMAP_FETCH_BROKEN},
};

START_TEST(test_imap_fetch_names)
{
    static const char text[] = "(EMAILID (M6d99ac3275bb4e) X-GM-MSGID 1278455344230334865 THREADID NIL "
                               "BODY[HEADER.FIELDS (DATE)] {5}\r\nab\r\n\x01 UID 9)";
    struct imap_fetch f = {0};
    uint64_t due;
    ck_assert_int_eq(imap_fetch_read(&f, text, sizeof text - 1, &due), IMAP_FETCH_WHOLE);
    ck_assert_uint_eq(f.uid, 9);
    ck_assert(imap_part_is(&f.email_id, "M6d99ac3275bb4e") &&
              imap_part_is(&f.gm_msgid, "1278455344230334865"));
    ck_assert(f.header.kind == IMAP_LITERAL && f.header.n == 5 &&
              memcmp(f.header.bytes, "ab\r\n\x01", 5) == 0);
    static const char odd[] = "(EMAILID NIL X-GM-MSGID (x y) EMAILID (a b) EMAILID (NIL) X-GM-MSGID NIL "
                              "X-GM-MSGID 0 BODY[HEADER] NIL UID 3)";
    ck_assert_int_eq(imap_fetch_read(&f, odd, sizeof odd - 1, &due), IMAP_FETCH_WHOLE);
    ck_assert(f.uid == 3 && f.email_id.n == 0 && f.gm_msgid.n == 0);
}
END_TEST

START_TEST(test_imap_fetch_read)
{
    struct imap_fetch f = {0};
    uint64_t due = 0;
    ck_assert_int_eq(imap_fetch_read(&f, fetches[_i].text, strlen(fetches[_i].text), &due), fetches[_i].end);
    ck_assert_uint_eq(f.uid, fetches[_i].uid);
    ck_assert_uint_eq(f.size, fetches[_i].size);
    ck_assert_int_eq(f.date, fetches[_i].date);
    ck_assert_int_eq(f.body, fetches[_i].body);
    ck_assert_uint_eq(f.flags, fetches[_i].flags);
    if (fetches[_i].due)
        ck_assert_uint_eq(due, fetches[_i].due);
}
END_TEST

/* Every beginning of every text: never a crash, never whole before its end. */
START_TEST(test_imap_fetch_cut_short)
{
    size_t n = strlen(fetches[_i].text);
    for (size_t i = 0; i < n; i++) {
        struct imap_fetch f;
        uint64_t due;
        ck_assert_int_ne(imap_fetch_read(&f, fetches[_i].text, i, &due), IMAP_FETCH_WHOLE);
    }
}
END_TEST

START_TEST(test_imap_fetch_too_deep)
{
    char text[256] = "(X ";
    memset(text + 3, '(', 40);
    memset(text + 43, ')', 41);
    struct imap_fetch f;
    uint64_t due;
    ck_assert_int_eq(imap_fetch_read(&f, text, strlen(text), &due), IMAP_FETCH_BROKEN);
}
END_TEST

static const struct {
    const char *text;
    bool ok;
    char delimiter;
    size_t attributes;
    const char *name;
} lists[] = {
    {"(\\HasNoChildren) \"/\" INBOX", true, '/', 1, "INBOX"},
    {"() NIL \"INBOX\"", true, '\0', 0, "INBOX"},
    {"(\\Noselect \\HasChildren) \".\" \"a\\\"b\"", true, '.', 2, "a\"b"},
    {"() \"\\\\\" \"a\\\\b\"", true, '\\', 0, "a\\b"},
    {"() \"/\" {3}\r\na\nb", true, '/', 0, "a\nb"},
    {"() \"/\" Sent Items", true, '/', 0, "Sent Items"},
    {"() \"\" flat", true, '\0', 0, "flat"},
    {"() \"/\" ../../etc", true, '/', 0, "../../etc"},
    {"() \"/\"", false, '\0', 0, ""},
    {"\\x \"/\" a", false, '\0', 0, ""},
    {"(\"x\") \"/\" a", false, '\0', 0, ""},
    {"(\\x", false, '\0', 0, ""},
    {"() (x) a", false, '\0', 0, ""},
    {"", false, '\0', 0, ""},
};

START_TEST(test_imap_list_read)
{
    struct imap_list list;
    struct err err = {0};
    bool ok = imap_list_read(&list, lists[_i].text, strlen(lists[_i].text), &err);
    ck_assert_int_eq(ok, lists[_i].ok);
    if (!ok)
        return;
    ck_assert_int_eq(list.delimiter, lists[_i].delimiter);
    ck_assert_uint_eq(list.attributes.count, lists[_i].attributes);
    ck_assert_str_eq(list.name.buf, lists[_i].name);
    imap_list_free(&list);
}
END_TEST

static const struct {
    const char *text;
    bool extended;
    const char *set; /* NULL: broken */
} searches[] = {
    {"", false, ""},
    {"2 84 882", false, "2,84,882"},
    {"2 3 ", false, "2:3"},
    {"2 5 (MODSEQ 917162500)", false, "2,5"},
    {"0", false, NULL},
    {"a", false, NULL},
    {"4294967296", false, NULL},
    {"(TAG \"A282\") UID ALL 2,10:11", true, "2,10:11"},
    {"(TAG \"A283\") UID", true, ""},
    {"(TAG \"A283\") UID COUNT 3 MODSEQ 5 ALL 7", true, "7"},
    {"UID ALL 1:4294967295", true, "1:4294967295"},
    {"UID ALL 1:*", true, NULL},
    {"UID ALL", true, NULL},
    {"(TAG", true, NULL},
};

START_TEST(test_imap_state_read)
{
    static const struct {
        const char *text, *name;
        uint32_t validity, next;
        uint64_t modseq;
    } states[] = {
        {"INBOX (UIDNEXT 5 UIDVALIDITY 7)", "INBOX", 7, 5, 0},
        {"INBOX (HIGHESTMODSEQ 9223372036854775807 UIDNEXT 5)", "INBOX", 0, 5, INT64_MAX},
        {"INBOX (HIGHESTMODSEQ -1 UIDNEXT 5)", "INBOX", 0, 5, 0},
        {"\"two words\" (MESSAGES 1 UIDVALIDITY 4294967295)", "two words", 4294967295u, 0, 0},
        {"{3}\r\na\"b (X (a b) uidnext 5 SIZE \"1\")", "a\"b", 0, 5, 0},
        {"a (UIDNEXT 9.3e6 UIDVALIDITY -1)", "a", 0, 0, 0},
        {"a (UIDNEXT 4294967296)", "a", 0, 0, 0},
        {"a ()", "a", 0, 0, 0},
        {"a", NULL, 0, 0, 0},
        {"a (UIDNEXT 5", NULL, 0, 0, 0},
        {"(UIDNEXT 5)", NULL, 0, 0, 0},
        {"a (((", NULL, 0, 0, 0},
    };
    struct imap_state state;
    struct err err;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        bool ok = imap_state_read(&state, states[i].text, strlen(states[i].text), &err);
        ck_assert_msg(ok == (states[i].name != NULL), "%s", states[i].text);
        if (!ok)
            continue;
        ck_assert_str_eq(state.name.buf, states[i].name);
        ck_assert_uint_eq(state.validity, states[i].validity);
        ck_assert_uint_eq(state.next, states[i].next);
        ck_assert_uint_eq(state.modseq, states[i].modseq);
        imap_state_free(&state);
    }
}
END_TEST

START_TEST(test_imap_search)
{
    struct uidset set = UIDSET_INIT;
    struct str out = STR_INIT(100);
    struct err err = {0};
    const char *text = searches[_i].text;
    bool ok = searches[_i].extended ? imap_esearch_read(&set, text, strlen(text), &err)
                                    : imap_search_read(&set, text, strlen(text), &err);
    ck_assert_int_eq(ok, searches[_i].set != NULL);
    if (ok) {
        ck_assert(uidset_write(&set, &out, &err));
        ck_assert_str_eq(out.buf, searches[_i].set);
    }
    uidset_free(&set);
    str_free(&out);
}
END_TEST

START_TEST(test_imap_vanished)
{
    static const struct {
        const char *text, *set; /* NULL: broken */
    } cases[] = {
        {"(EARLIER) 41,43:116", "41,43:116"},
        {"405,407", "405,407"},
        {"(EARLIER) 1:4294967295", "1:4294967295"},
        {"", NULL},
        {"(EARLIER)", NULL},
        {"(EARLIER 5", NULL},
        {"5 6", NULL},
        {"(EARLIER) 0", NULL},
        {"\"5\"", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct uidset set = UIDSET_INIT;
        struct str out = STR_INIT(100);
        struct err err = {0};
        bool ok = imap_vanished_read(&set, cases[i].text, strlen(cases[i].text), &err);
        ck_assert_msg(ok == (cases[i].set != NULL), "%s", cases[i].text);
        ck_assert(!ok || uidset_write(&set, &out, &err));
        ck_assert(!ok || strcmp(out.buf, cases[i].set) == 0);
        uidset_free(&set);
        str_free(&out);
    }
}
END_TEST

START_TEST(test_imap_flags)
{
    uint8_t flags;
    bool any;
    ck_assert(imap_flags_read("(\\Seen \\Draft)", 14, &flags, &any) && flags == (FLAG_SEEN | FLAG_DRAFT) &&
              !any);
    ck_assert(imap_flags_read("(\\Seen \\*)", 10, &flags, &any) && flags == FLAG_SEEN && any);
    ck_assert(imap_flags_read("()", 2, &flags, &any) && flags == 0 && !any);
    ck_assert(!imap_flags_read("\\Seen", 5, &flags, &any));
    ck_assert(!imap_flags_read("(\\Seen", 6, &flags, &any));
}
END_TEST

static const struct {
    const char *line;
    bool temporary;
} refusals[] = {
    {"T1 NO [UNAVAILABLE] later", true},
    {"T1 NO [INUSE] locked", true},
    {"T1 BAD Request is throttled. Suggested Backoff Time: 5000 milliseconds", true},
    {"T1 NO [ALERT] Too many simultaneous connections. (Failure)", true},
    {"T1 NO [AUTHENTICATIONFAILED] Invalid credentials", false},
    {"T1 NO", false},
};

START_TEST(test_imap_temporary)
{
    struct imap_reply r = imap_reply_read(refusals[_i].line, strlen(refusals[_i].line));
    ck_assert_int_eq(imap_reply_is_temporary(&r), refusals[_i].temporary);
}
END_TEST

START_TEST(test_imap_add_quoted)
{
    struct str out = STR_INIT(100);
    struct err err = {0};
    ck_assert(imap_add_quoted(&out, "a\"b\\c \xc3\xbc", 8, &err));
    ck_assert_str_eq(out.buf, "\"a\\\"b\\\\c \xc3\xbc\"");
    ck_assert(!imap_add_quoted(&out, "a\r\nT1 LOGOUT", 12, &err));
    ck_assert(!imap_add_quoted(&out, "a\0", 2, &err));
    str_free(&out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("imap_reply");
    TCase *tc = tcase_create("imap_reply");
    tcase_add_loop_test(tc, test_imap_reply_read, 0, sizeof replies / sizeof *replies);
    tcase_add_loop_test(tc, test_imap_literal_at_end, 0, sizeof literals / sizeof *literals);
    tcase_add_loop_test(tc, test_imap_fetch_read, 0, sizeof fetches / sizeof *fetches);
    tcase_add_test(tc, test_imap_fetch_names);
    tcase_add_loop_test(tc, test_imap_fetch_cut_short, 0, sizeof fetches / sizeof *fetches);
    tcase_add_test(tc, test_imap_fetch_too_deep);
    tcase_add_test(tc, test_imap_vanished);
    tcase_add_test(tc, test_imap_flags);
    tcase_add_test(tc, test_imap_state_read);
    tcase_add_loop_test(tc, test_imap_list_read, 0, sizeof lists / sizeof *lists);
    tcase_add_loop_test(tc, test_imap_search, 0, sizeof searches / sizeof *searches);
    tcase_add_loop_test(tc, test_imap_temporary, 0, sizeof refusals / sizeof *refusals);
    tcase_add_test(tc, test_imap_add_quoted);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
