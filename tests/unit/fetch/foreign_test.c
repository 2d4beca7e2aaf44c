/* foreign - the states of other fetchers, whole, damaged, and cut at every byte. */
#include "fetch/foreign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define TEXT(t) .text = t, .n = sizeof t - 1

/* Messages as "VALIDITY/UID-NEAR " or "UIDL ". */
static const struct {
    const char *text;
    size_t n;
    bool ok;
    enum foreign_kind kind;
    const char *messages;
    size_t others;
} cases[] = {
    {TEXT("FarUidValidity 7\nNearUidValidity 5\nMaxPulledUid 3\nMaxPushedUid 3\n\n1 11 S\n2 12 \n3 0 X\n0 13 "
          "\n"),
     true, FOREIGN_MBSYNC, "7/1-11 7/2-12 7/3-0 ", 0},
    {TEXT("MasterUidValidity 4294967295\nSlaveUidValidity 5\nMaxPulledUid 3\nSmaxxUid 3\n\n4294967295 1\n"),
     true, FOREIGN_MBSYNC, "4294967295/4294967295-1 ", 0},
    {TEXT("NearUidValidity 7\nFarUidValidity 8\n\n"), true, FOREIGN_MBSYNC, "", 0},
    {TEXT("NearUidValidity 7\n\n1 1\n"), .ok = false},
    {TEXT("FarUidValidity x\n\n1 1\n"), .ok = false},
    {TEXT("FarUidValidity 1\n\n1\n"), .ok = false},
    {TEXT("FarUidValidity 1\n\n4294967296 1\n"), .ok = false},
    {TEXT("u1\0001795333469\nu 2\0001795333469\n\n"), true, FOREIGN_GETMAIL, "u1 u 2 ", 0},
    {TEXT("1795333468/3\0001795333469\nfolder/3\0001795333469\n"), true, FOREIGN_GETMAIL,
     "1795333468/3-0 folder/3 ", 0},
    {TEXT("u1\0001795333469\nu2\n"), .ok = false},
    {TEXT("# made by mpop\n#\n 1 pop.example.org eve\nu7\n 2 pop.example.test ada lovelace\nu1\nu 2\n"), true,
     FOREIGN_MPOP, "u1 u 2 ", 1},
    {TEXT(" 0 pop.example.test ada lovelace\n"), true, FOREIGN_MPOP, "", 0},
    {TEXT(" 2 pop.example.test ada lovelace\nu1\n"), .ok = false},
    {TEXT("# made by mpop\nu1\n"), .ok = false},
    {TEXT("ada@pop.example.org u1\n"), true, FOREIGN_FETCHMAIL, "", 1},
    {TEXT("eve@POP.example.test u1\n"), true, FOREIGN_FETCHMAIL, "", 1},
    {TEXT("Dear Ada,\nhow are you?\n"), .ok = false},
    {TEXT("ada@pop.example.test\n"), .ok = false},
    {TEXT(""), true, FOREIGN_FETCHMAIL, "", 0},
};

static void show(const struct foreign *f, char *out, size_t size)
{
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < f->count; i++) {
        const struct foreign_message *m = &f->messages[i];
        at += (size_t)(m->uidl ? snprintf(out + at, size - at, "%s ", m->uidl)
                               : snprintf(out + at, size - at, "%u/%u-%u ", m->validity, m->uid, m->near));
    }
}

START_TEST(test_foreign_read)
{
    struct foreign f = {0};
    struct err err = {0};
    char shown[400];
    bool ok =
        foreign_read(cases[_i].text, cases[_i].n, "ada lovelace", "pop.example.test", "/state", &f, &err);
    ck_assert_msg(ok == cases[_i].ok, "%s", err.what);
    if (!ok) {
        ck_assert_int_eq(err.kind, ERR_DATA);
        ck_assert(strstr(err.what, "/state") && err.hint[0]);
        return;
    }
    show(&f, shown, sizeof shown);
    ck_assert_int_eq(f.kind, cases[_i].kind);
    ck_assert_str_eq(shown, cases[_i].messages);
    ck_assert_uint_eq(f.others, cases[_i].others);
    foreign_free(&f);
}
END_TEST

START_TEST(test_foreign_fetchmail_user_with_at)
{
    static const char text[] = "ada@example.test@pop.Example.test u1\nada@example.test@pop.example.org u2\n";
    struct foreign f = {0};
    struct err err;
    ck_assert(foreign_read(text, sizeof text - 1, "ada@example.test", "pop.example.test", "x", &f, &err));
    ck_assert(f.count == 1 && f.others == 1 && strcmp(f.messages[0].uidl, "u1") == 0);
    foreign_free(&f);
}
END_TEST

/* Nothing is read beyond the end, and what is read names no more than the whole does. */
START_TEST(test_foreign_cut_at_every_byte)
{
    for (size_t n = 0; n < cases[_i].n; n++) {
        char *copy = malloc(n + 1);
        struct foreign f = {0};
        struct err err;
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, cases[_i].text, n);
        char *exact = realloc(copy, n ? n : 1);
        if (foreign_read(exact, n, "ada lovelace", "pop.example.test", "x", &f, &err))
            foreign_free(&f);
        free(exact);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("foreign");
    TCase *tc = tcase_create("foreign");
    tcase_add_loop_test(tc, test_foreign_read, 0, sizeof cases / sizeof *cases);
    tcase_add_loop_test(tc, test_foreign_cut_at_every_byte, 0, sizeof cases / sizeof *cases);
    tcase_add_test(tc, test_foreign_fetchmail_user_with_at);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
