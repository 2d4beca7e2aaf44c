/* Chats over memory: what is sent, what is remembered, what is refused. */
#include "net/chat.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

static struct chat chat;
static struct str sent, seen;

static void watch(void *arg, char direction, const char *line)
{
    struct err err;
    ck_assert(str_addf(arg, &err, "%c %s\n", direction, line));
}

static void open_chat(const char *input, size_t n)
{
    struct err err;
    str_init(&sent, 200000);
    str_init(&seen, 200000);
    chat_init(&chat, stream_from_memory(input, n, &sent, &err), "mail.example.org:25", watch, &seen);
}

static void close_chat(void)
{
    chat_close(&chat);
    str_free(&sent);
    str_free(&seen);
}

START_TEST(test_chat_dialogue)
{
    struct str line = STR_INIT(CHAT_LINE_MAX), all = STR_INIT(10000);
    struct err err;
    open_chat("220 hi\r\n250 \033[2Jok\r\n", 20);
    ck_assert(chat_read_line(&chat, &line, &err));
    ck_assert_str_eq(line.buf, "220 hi");
    ck_assert(chat_send(&chat, &err, "EHLO %s", "me"));
    ck_assert_uint_eq(sent.len, 0);
    ck_assert(chat_flush(&chat, &err));
    ck_assert(chat_read_line(&chat, &line, &err));
    ck_assert_str_eq(line.buf, "250 \033[2Jok");
    ck_assert_str_eq(sent.buf, "EHLO me\r\n");
    ck_assert_str_eq(seen.buf, "< 220 hi\n> EHLO me\n< 250 \\x1b[2Jok\n");
    ck_assert(chat_transcript(&chat, &all, &err));
    ck_assert_str_eq(all.buf, seen.buf);
    str_free(&line);
    str_free(&all);
    close_chat();
}
END_TEST

static const struct {
    const char *line;
    size_t n;
} smuggled[] = {{"RCPT TO:<a>\r\nDATA", 17}, {"a\nb", 3}, {"a\r", 2}, {"a\0b", 3}, {"\n", 1}};

START_TEST(test_chat_refuses_line_ends_inside)
{
    struct err err = {0};
    open_chat("", 0);
    ck_assert(!chat_send_bytes(&chat, smuggled[_i].line, smuggled[_i].n, &err));
    ck_assert_int_eq(err.kind, ERR_INTERNAL);
    err.kind = ERR_NONE;
    ck_assert(!chat_send_secret(&chat, smuggled[_i].line, smuggled[_i].n, "x", &err));
    ck_assert_int_eq(err.kind, ERR_INTERNAL);
    if (!memchr(smuggled[_i].line, '\0', smuggled[_i].n)) {
        err.kind = ERR_NONE;
        ck_assert(!chat_send(&chat, &err, "NOOP %s", smuggled[_i].line));
        ck_assert_int_eq(err.kind, ERR_INTERNAL);
    }
    ck_assert(chat_flush(&chat, &err));
    ck_assert_uint_eq(sent.len, 0);
    close_chat();
}
END_TEST

START_TEST(test_chat_secret_is_nowhere_but_on_the_wire)
{
    struct str line = STR_INIT(100), all = STR_INIT(10000);
    struct err err;
    open_chat("535 no\r\n", 8);
    ck_assert(chat_send_secret(&chat, "AUTH PLAIN aHVzaA==", 19, "AUTH PLAIN ***", &err));
    ck_assert(chat_read_line(&chat, &line, &err));
    ck_assert_str_eq(sent.buf, "AUTH PLAIN aHVzaA==\r\n");
    ck_assert(!chat_read_line(&chat, &line, &err));
    ck_assert(chat_transcript(&chat, &all, &err));
    ck_assert_str_eq(all.buf, "> AUTH PLAIN ***\n< 535 no\n");
    ck_assert_str_eq(seen.buf, all.buf);
    ck_assert_ptr_null(strstr(err.what, "aHVz"));
    str_free(&line);
    str_free(&all);
    close_chat();
}
END_TEST

/* What a server repeats of a secret, and what it may say all the same. */
static const struct {
    const char *line, *shown, *secret, *heard, *read;
} echoes[] = {
    {"AUTH PLAIN AGFkYQBodXNoaHVzaA==", "AUTH PLAIN ***", "hushhush",
     "500 what is AUTH PLAIN AGFkYQBodXNoaHVzaA==?", "500 what is AUTH PLAIN ***?"},
    {"AUTH PLAIN AGFkYQBodXNoaHVzaA==", "AUTH PLAIN ***", "hushhush", "500 what is AUTH PLAIN AGFkYQBodXNo",
     "500 what is AUTH PLAIN ***"},
    {"AUTH PLAIN AGFkYQBodXNoaHVzaA==", "AUTH PLAIN ***", "hushhush", "AGFkYQBodXNoaHVzaA==", "***"},
    {"AUTH PLAIN AGFkYQBodXNoaHVzaA==", "AUTH PLAIN ***", "hushhush", "535 hushhush is not it, hushhush",
     "535 *** is not it, ***"},
    {"AUTH PLAIN AGFkYQBodXNoaHVzaA==", "AUTH PLAIN ***", "hushhush", "535 AGFkYQ is not all",
     "535 AGFkYQ is not all"},
    {"aHVzaGh1c2g=", "***", "hushhush", "334 UGFzc3dvcmQ6", "334 UGFzc3dvcmQ6"},
    {"aHVzaGh1c2g=", "***", "hushhush", "535 bad aHVzaGh1c2g=", "535 bad ***"},
    {"PASS hushh", "PASS ***", "hushh", "-ERR PASS hushh: no", "-ERR PASS ***: no"},
    {"PASS -ERRx", "PASS ***", "-ERRx", "-ERRx no", "-ERRx no"},
    {"PASS hush", "PASS ***", "hush", "-ERR hush", "-ERR hush"}, /* as short as that, it stands in any line */
};

START_TEST(test_chat_secret_is_not_read_back)
{
    struct str line = STR_INIT(100), all = STR_INIT(10000), input = STR_INIT(300);
    struct err err;
    ck_assert(str_addf(&input, &err, "%s\r\n%s\r\n", echoes[_i].heard, echoes[_i].heard));
    open_chat(input.buf, input.len);
    ck_assert(chat_hide(&chat, echoes[_i].secret, strlen(echoes[_i].secret), &err));
    ck_assert(chat_send_secret(&chat, echoes[_i].line, strlen(echoes[_i].line), echoes[_i].shown, &err));
    ck_assert(chat_read_line(&chat, &line, &err));
    ck_assert_str_eq(line.buf, echoes[_i].read);
    ck_assert(chat_transcript(&chat, &all, &err));
    ck_assert_ptr_nonnull(strstr(all.buf, echoes[_i].read));
    ck_assert_ptr_nonnull(strstr(seen.buf, echoes[_i].read));
    chat_forget(&chat);
    ck_assert(chat_read_line(&chat, &line, &err));
    ck_assert_str_eq(line.buf, echoes[_i].heard);
    str_free(&line);
    str_free(&all);
    str_free(&input);
    close_chat();
}
END_TEST

START_TEST(test_chat_ring_keeps_the_last_lines)
{
    struct str all = STR_INIT(10000);
    struct err err;
    char expected[1000] = "";
    open_chat("", 0);
    for (int i = 0; i < 2 * CHAT_RING + 3; i++) {
        ck_assert(chat_send(&chat, &err, "line %d", i));
        if (i >= CHAT_RING + 3)
            snprintf(expected + strlen(expected), 100, "> line %d\n", i);
    }
    ck_assert(chat_transcript(&chat, &all, &err));
    ck_assert_str_eq(all.buf, expected);
    str_free(&all);
    close_chat();
}
END_TEST

/* -- TLS where it does not belong -- */

static const struct {
    const char *input;
    size_t n;
    enum err_kind kind;
    const char *what, *hint;
} greetings[] = {
    {"\x15\x03\x01\0\2\2\x46", 7, ERR_TLS, "wants TLS from the first byte", "tls = implicit"},
    {"\x16\x03\x03\0\x7a\n\n", 7, ERR_TLS, "wants TLS from the first byte", "tls = implicit"},
    {"", 0, ERR_NETWORK, "closed the connection.", "tls = implicit"},
};

START_TEST(test_chat_greeting_that_is_none)
{
    struct str line = STR_INIT(100);
    struct err err = {0};
    open_chat(greetings[_i].input, greetings[_i].n);
    ck_assert(!chat_read_line(&chat, &line, &err));
    ck_assert_int_eq(err.kind, greetings[_i].kind);
    ck_assert_msg(strstr(err.what, greetings[_i].what) != NULL, "%s", err.what);
    ck_assert_msg(strstr(err.hint, greetings[_i].hint) != NULL, "%s", err.hint);
    str_free(&line);
    close_chat();
}
END_TEST

START_TEST(test_chat_starttls_refuses_injected_replies)
{
    struct str line = STR_INIT(100);
    struct err err = {0};
    struct tls_settings settings = {.mode = TLS_STARTTLS};
    open_chat("220 go ahead\r\n250-injected\r\n", 28);
    ck_assert(chat_read_line(&chat, &line, &err));
    ck_assert(!chat_start_tls(&chat, NULL, &settings, "mail.example.org", &err));
    ck_assert_int_eq(err.kind, ERR_TLS);
    ck_assert(!chat.tls);
    ck_assert_uint_eq(sent.len, 0);
    str_free(&line);
    close_chat();
}
END_TEST

START_TEST(test_chat_line_limit)
{
    struct str line = STR_INIT(4);
    struct err err = {0};
    open_chat("12345\r\nok\r\n", 11);
    ck_assert(!chat_read_line(&chat, &line, &err));
    ck_assert_int_eq(err.kind, ERR_PROTOCOL);
    str_free(&line);
    close_chat();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("chat");
    TCase *t = tcase_create("chat");
    tcase_add_test(t, test_chat_dialogue);
    tcase_add_loop_test(t, test_chat_refuses_line_ends_inside, 0, sizeof smuggled / sizeof *smuggled);
    tcase_add_test(t, test_chat_secret_is_nowhere_but_on_the_wire);
    tcase_add_loop_test(t, test_chat_secret_is_not_read_back, 0, sizeof echoes / sizeof *echoes);
    tcase_add_test(t, test_chat_ring_keeps_the_last_lines);
    tcase_add_loop_test(t, test_chat_greeting_that_is_none, 0, sizeof greetings / sizeof *greetings);
    tcase_add_test(t, test_chat_starttls_refuses_injected_replies);
    tcase_add_test(t, test_chat_line_limit);
    suite_add_tcase(suite, t);
    return unit_run(suite);
}
