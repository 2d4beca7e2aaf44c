/* Streams over memory, over a layer that moves little at a time, and over socket pairs. */
#include "net/stream.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "drip.h"
#include "unit.h"

static struct stream *open_drip(const char *input, size_t n, struct str *output, size_t step)
{
    struct err err;
    struct stream *s = stream_from_memory(input, n, output, &err);
    drip_push(s, step);
    return s;
}

/* -- lines -- */

static const struct {
    const char *input;
    size_t n, max;
    const char *lines[4];
    size_t len[4];
    enum err_kind end;
} line_cases[] = {
    {.input = "a\r\nb\n", .n = 5, .max = 10, .lines = {"a", "b"}, .len = {1, 1}, .end = ERR_NETWORK},
    {.input = "\r\n\n", .n = 3, .max = 10, .lines = {"", ""}, .end = ERR_NETWORK},
    {.input = "a\rb\r\r\n", .n = 6, .max = 10, .lines = {"a\rb\r"}, .len = {4}, .end = ERR_NETWORK},
    {.input = "a\0b\r\n", .n = 5, .max = 10, .lines = {"a\0b"}, .len = {3}, .end = ERR_NETWORK},
    {.input = "12345\r\n1234\r\n",
     .n = 13,
     .max = 5,
     .lines = {"12345", "1234"},
     .len = {5, 4},
     .end = ERR_NETWORK},
    {.input = "123456\r\n", .n = 8, .max = 5, .end = ERR_PROTOCOL},
    {.input = "ok\r\ncut", .n = 7, .max = 10, .lines = {"ok"}, .len = {2}, .end = ERR_NETWORK},
    {.input = "cut\r", .n = 4, .max = 10, .end = ERR_NETWORK},
};

START_TEST(test_stream_lines)
{
    for (size_t step = 1; step <= line_cases[_i].n; step++) {
        struct stream *s = open_drip(line_cases[_i].input, line_cases[_i].n, NULL, step);
        struct str line = STR_INIT(line_cases[_i].max);
        struct err err = {0};
        for (int k = 0; k < 4 && line_cases[_i].lines[k]; k++) {
            ck_assert_msg(stream_read_line(s, &line, &err), "line %d: %s", k, err.what);
            ck_assert_uint_eq(line.len, line_cases[_i].len[k]);
            ck_assert_mem_eq(line.buf, line_cases[_i].lines[k], line.len);
        }
        ck_assert(!stream_read_line(s, &line, &err));
        ck_assert_int_eq(err.kind, line_cases[_i].end);
        ck_assert(stream_is_cut(s));
        ck_assert(!stream_read_line(s, &line, &err)); /* stays failed */
        ck_assert_int_eq(err.kind, line_cases[_i].end);
        str_free(&line);
        stream_close(&s);
    }
}
END_TEST

START_TEST(test_stream_line_longer_than_the_buffer)
{
    static char input[50002];
    memset(input, 'x', 50000);
    memcpy(input + 50000, "\r\n", 2);
    struct stream *s = open_drip(input, sizeof input, NULL, 16384);
    struct str line = STR_INIT(50000);
    struct err err;
    ck_assert(stream_read_line(s, &line, &err));
    ck_assert_uint_eq(line.len, 50000);
    str_free(&line);
    stream_close(&s);
}
END_TEST

START_TEST(test_stream_body_behind_a_line)
{
    struct stream *s = open_drip("* 1 FETCH {6}\r\nabc\r\nd)\r\n", 25, NULL, 3);
    struct str line = STR_INIT(100);
    struct err err;
    char body[7] = "";
    ck_assert(stream_read_line(s, &line, &err));
    for (size_t have = 0, got; have < 6; have += got) {
        const char *bytes;
        ck_assert(stream_peek(s, &bytes, &got, &err));
        got = got < 6 - have ? got : 6 - have;
        memcpy(body + have, bytes, got);
        stream_consume(s, got);
    }
    ck_assert_str_eq(body, "abc\r\nd");
    ck_assert(stream_read_line(s, &line, &err));
    ck_assert_str_eq(line.buf, ")");
    str_free(&line);
    stream_close(&s);
}
END_TEST

START_TEST(test_stream_read_tells_a_clean_end)
{
    struct stream *s = open_drip("ab", 2, NULL, 9);
    struct err err;
    char buf[8];
    size_t got;
    ck_assert(stream_read(s, buf, sizeof buf, &got, &err));
    ck_assert_uint_eq(got, 2);
    ck_assert(stream_read(s, buf, sizeof buf, &got, &err));
    ck_assert_uint_eq(got, 0);
    stream_close(&s);
}
END_TEST

/* -- writing -- */

START_TEST(test_stream_writes_leave_together)
{
    struct str out = STR_INIT(100000);
    struct err err;
    struct stream *s = stream_from_memory("reply\r\n", 7, &out, &err);
    struct str line = STR_INIT(100);
    ck_assert(stream_write(s, "MAIL\r\n", 6, &err));
    ck_assert(stream_write(s, "RCPT\r\n", 6, &err));
    ck_assert_uint_eq(out.len, 0);
    ck_assert(stream_read_line(s, &line, &err)); /* flushes first */
    ck_assert_str_eq(out.buf, "MAIL\r\nRCPT\r\n");
    str_free(&line);
    stream_close(&s);
    str_free(&out);
}
END_TEST

START_TEST(test_stream_write_sizes)
{
    static const size_t sizes[] = {0, 1, 16383, 16384, 16385, 32768, 50000};
    static char bytes[50000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7 + i / 251);
    for (size_t first = 0; first < 3; first++) {
        struct str out = STR_INIT(100000);
        struct err err;
        struct stream *s = open_drip("", 0, &out, 1000);
        ck_assert(stream_write(s, bytes, first, &err));
        ck_assert(stream_write(s, bytes + first, sizes[_i] > first ? sizes[_i] - first : 0, &err));
        ck_assert(stream_flush(s, &err));
        ck_assert_uint_eq(out.len, sizes[_i] > first ? sizes[_i] : first);
        ck_assert_mem_eq(out.buf, bytes, out.len);
        stream_close(&s);
        str_free(&out);
    }
}
END_TEST

START_TEST(test_stream_push_refuses_what_came_before)
{
    struct stream *s = open_drip("220 go\r\n250 injected\r\n", 22, NULL, 22);
    struct str line = STR_INIT(100);
    struct drip *d = calloc(1, sizeof *d);
    struct err err = {0};
    d->layer.ops = &drip_ops;
    ck_assert(stream_read_line(s, &line, &err));
    ck_assert_uint_eq(stream_buffered(s), 14);
    ck_assert(!stream_push(s, &d->layer, &err));
    ck_assert_int_eq(err.kind, ERR_PROTOCOL);
    free(d);
    str_free(&line);
    stream_close(&s);
}
END_TEST

/* -- real fds -- */

static struct stream *open_pair(int *other)
{
    int fds[2], small = 4096;
    struct err err;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    for (int i = 0; i < 2; i++)
        setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    *other = fds[1];
    struct stream *s = stream_from_fds(fds[0], fds[0], "mail.example.org:25", &err);
    ck_assert_ptr_nonnull(s);
    return s;
}

/* Answers 5 bytes for each one it reads, and reads on only when all of its answer is taken. */
static _Noreturn void talkative_peer(int fd, size_t expected)
{
    char in[64], out[320];
    size_t got = 0;
    memset(out, 'r', sizeof out);
    while (got < expected) {
        ssize_t n = read(fd, in, sizeof in);
        if (n <= 0)
            _exit(1);
        got += (size_t)n;
        for (ssize_t put, at = 0; at < n * 5; at += put)
            if ((put = write(fd, out + at, (size_t)(n * 5 - at))) <= 0)
                _exit(2);
    }
    _exit(0);
}

START_TEST(test_stream_reads_while_it_writes)
{
    int other, status;
    static char bytes[100000];
    struct err err = {0};
    struct stream *s = open_pair(&other);
    pid_t child = fork();
    if (child == 0)
        talkative_peer(other, sizeof bytes);
    close(other);
    stream_set_deadline(s, clock_mono_ms() + 20000);
    memset(bytes, 'w', sizeof bytes);
    ck_assert_msg(stream_write(s, bytes, sizeof bytes, &err) && stream_flush(s, &err), "%s", err.what);
    size_t total = 0, got = 1;
    while (got > 0) {
        const char *at;
        ck_assert_msg(stream_peek(s, &at, &got, &err), "%s", err.what);
        stream_consume(s, got);
        total += got;
    }
    ck_assert_uint_eq(total, 5 * sizeof bytes);
    stream_close(&s);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(test_stream_read_ahead_is_bounded)
{
    int other;
    struct err err = {0};
    struct stream *s = open_pair(&other);
    pid_t child = fork();
    if (child == 0) { /* never reads, always writes */
        static char bytes[65536];
        stream_close(&s);
        signal(SIGPIPE, SIG_DFL);
        while (write(other, bytes, sizeof bytes) > 0)
            ;
        _exit(0);
    }
    static char bytes[1 << 20];
    stream_set_deadline(s, clock_mono_ms() + 400);
    ck_assert(!stream_write(s, bytes, sizeof bytes, &err));
    ck_assert_int_eq(err.sys, ETIMEDOUT);
    ck_assert_uint_le(stream_buffered(s), 1 << 20);
    stream_close(&s);
    close(other);
    waitpid(child, NULL, 0);
}
END_TEST

START_TEST(test_stream_deadline_holds_against_a_dripping_peer)
{
    int other;
    struct err err = {0};
    struct str line = STR_INIT(1000);
    struct stream *s = open_pair(&other);
    pid_t child = fork();
    if (child == 0) {
        stream_close(&s);
        for (;;) {
            if (send(other, "x", 1, MSG_NOSIGNAL) != 1)
                _exit(0);
            usleep(10000);
        }
    }
    close(other);
    stream_set_deadline(s, clock_mono_ms() + 200);
    ck_assert(!stream_read_line(s, &line, &err));
    ck_assert_int_eq(err.kind, ERR_NETWORK);
    ck_assert_int_eq(err.sys, ETIMEDOUT);
    ck_assert_str_eq(err.what, "The server mail.example.org:25 did not answer in time.");
    stream_close(&s);
    waitpid(child, NULL, 0);
    str_free(&line);
}
END_TEST

static long never_read(struct stream_layer *layer, void *buf, size_t n, struct err *err)
{
    (void)layer, (void)buf, (void)n, (void)err;
    return STREAM_WANT_READ;
}

/* As TLS does with messages of its own: something can be read all the time, and none of it is for us. */
START_TEST(test_stream_deadline_holds_where_what_comes_is_nothing)
{
    int other;
    struct err err = {0};
    struct str line = STR_INIT(1000);
    struct stream *s = open_pair(&other);
    struct stream_layer_ops ops = drip_ops;
    struct drip *d = calloc(1, sizeof *d);
    ops.read = never_read;
    d->layer.ops = &ops;
    d->step = 1000;
    ck_assert(stream_push(s, &d->layer, &err));
    ck_assert_int_eq(write(other, "x", 1), 1);
    stream_set_deadline(s, clock_mono_ms() + 100);
    ck_assert(!stream_read_line(s, &line, &err));
    ck_assert_int_eq(err.sys, ETIMEDOUT);
    stream_close(&s);
    close(other);
    str_free(&line);
}
END_TEST

START_TEST(test_stream_last_words_of_a_server_that_hung_up)
{
    int other;
    struct err err = {0};
    struct str line = STR_INIT(1000);
    struct stream *s = open_pair(&other);
    ck_assert_int_eq(write(other, "421 shutting down\r\n", 19), 19);
    close(other);
    ck_assert(stream_write(s, "EHLO me\r\n", 9, &err));
    ck_assert(!stream_flush(s, &err));
    ck_assert_int_eq(err.kind, ERR_NETWORK);
    ck_assert(stream_read_line(s, &line, &err));
    ck_assert_str_eq(line.buf, "421 shutting down");
    ck_assert(!stream_read_line(s, &line, &err));
    stream_close(&s);
    str_free(&line);
}
END_TEST

START_TEST(test_stream_wait)
{
    int other;
    struct err err = {0};
    struct stream *s = open_pair(&other);
    ck_assert_int_eq(stream_wait(s, clock_mono_ms() + 20, &err), 0);
    ck_assert_int_eq(write(other, "x", 1), 1);
    ck_assert_int_eq(stream_wait(s, clock_mono_ms() + 20000, &err), 1);
    ck_assert_uint_eq(stream_buffered(s), 1);
    stream_consume(s, 1);
    close(other);
    ck_assert_int_eq(stream_wait(s, clock_mono_ms() + 20000, &err), -1);
    ck_assert_int_eq(err.kind, ERR_NETWORK);
    stream_close(&s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stream");
    TCase *t = tcase_create("stream");
    tcase_set_timeout(t, 60);
    signal(SIGPIPE, SIG_IGN);
    tcase_add_loop_test(t, test_stream_lines, 0, sizeof line_cases / sizeof *line_cases);
    tcase_add_test(t, test_stream_line_longer_than_the_buffer);
    tcase_add_test(t, test_stream_body_behind_a_line);
    tcase_add_test(t, test_stream_read_tells_a_clean_end);
    tcase_add_test(t, test_stream_writes_leave_together);
    tcase_add_loop_test(t, test_stream_write_sizes, 0, 7);
    tcase_add_test(t, test_stream_push_refuses_what_came_before);
    tcase_add_test(t, test_stream_reads_while_it_writes);
    tcase_add_test(t, test_stream_read_ahead_is_bounded);
    tcase_add_test(t, test_stream_deadline_holds_against_a_dripping_peer);
    tcase_add_test(t, test_stream_deadline_holds_where_what_comes_is_nothing);
    tcase_add_test(t, test_stream_last_words_of_a_server_that_hung_up);
    tcase_add_test(t, test_stream_wait);
    suite_add_tcase(suite, t);
    return unit_run(suite);
}
