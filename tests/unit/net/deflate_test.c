/* Compression over memory, handed on a few bytes at a time: read, written, cut, damaged, without end and without sense. */
#include "net/deflate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "drip.h"
#include "unit.h"

#define LINES 40
static const char consent[] = "T1 OK now\r\n";

struct packed {
    unsigned char bytes[20000];
    size_t n;
};

/* pack - `group` octets before each empty block; `end`: the last block says that it is the last */
static void pack(struct packed *out, const char *text, size_t n, size_t group, bool end)
{
    z_stream z = {0};
    ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_out = out->bytes + out->n;
    z.avail_out = (uInt)(sizeof out->bytes - out->n);
    for (size_t at = 0; at < n; at += group) {
        size_t part = n - at < group ? n - at : group;
        z.next_in = (Bytef *)(uintptr_t)(text + at);
        z.avail_in = (uInt)part;
        ck_assert_int_eq(deflate(&z, Z_SYNC_FLUSH), Z_OK);
    }
    if (end)
        ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->n = sizeof out->bytes - z.avail_out;
    deflateEnd(&z);
}

static void begin(struct packed *p)
{
    memcpy(p->bytes, consent, sizeof consent - 1);
    p->n = sizeof consent - 1;
}

static size_t make_text(char *text, size_t size)
{
    size_t n = 0;
    for (int i = 0; i < LINES; i++)
        n += (size_t)snprintf(text + n, size - n, "* %d FETCH (UID %d FLAGS (\\Seen))\r\n", i, i * i * 7919);
    return n;
}

/* agree - a stream that stands behind the consent; `step` bytes at a time come from below */
static struct stream *agree(const struct packed *p, struct str *output, size_t step)
{
    struct err err;
    struct stream *s = stream_from_memory(p->bytes, p->n, output, &err);
    struct str line = STR_INIT(100);
    drip_push(s, step);
    ck_assert(stream_read_line(s, &line, &err));
    ck_assert_str_eq(line.buf, "T1 OK now");
    ck_assert_msg(deflate_start(s, &err), "%s", err.what);
    str_free(&line);
    return s;
}

/* read_lines - how many came, each as it should be */
static int read_lines(struct stream *s, struct err *why)
{
    struct str line = STR_INIT(1000), wanted = STR_INIT(1000);
    struct err err;
    int count = 0;
    while (stream_read_line(s, &line, why)) {
        str_clear(&wanted);
        ck_assert(str_addf(&wanted, &err, "* %d FETCH (UID %d FLAGS (\\Seen))", count, count * count * 7919));
        ck_assert_str_eq(line.buf, wanted.buf);
        count++;
    }
    str_free(&line);
    str_free(&wanted);
    return count;
}

START_TEST(test_deflate_reads)
{
    static const size_t groups[] = {1, 7, 100, 5000};
    char text[5000];
    size_t n = make_text(text, sizeof text);
    struct packed p;
    begin(&p);
    pack(&p, text, n, groups[_i], false);
    for (size_t step = 1; step <= p.n; step = step < 40 ? step + 1 : step * 2) {
        struct stream *s = agree(&p, NULL, step);
        struct err err = {0};
        ck_assert_int_eq(read_lines(s, &err), LINES);
        ck_assert_int_eq(err.kind, ERR_NETWORK);
        stream_close(&s);
    }
}
END_TEST

START_TEST(test_deflate_cut_at_every_byte)
{
    char text[5000];
    size_t n = make_text(text, sizeof text);
    struct packed p;
    begin(&p);
    size_t least = p.n;
    pack(&p, text, n, 33, false);
    int most = 0;
    for (; p.n > least; p.n--) {
        struct stream *s = agree(&p, NULL, 5);
        struct err err = {0};
        int count = read_lines(s, &err);
        ck_assert_int_eq(err.kind, ERR_NETWORK);
        ck_assert(stream_is_cut(s));
        ck_assert_int_le(count, LINES);
        most = count > most ? count : most;
        stream_close(&s);
    }
    ck_assert_int_eq(most, LINES);
}
END_TEST

START_TEST(test_deflate_writes)
{
    static char text[60000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i % 3 ? rand() : 'a'); /* hardly to be compressed */
    static const size_t sizes[] = {1, 10, 16384, 50000, 60000};
    struct packed p;
    begin(&p);
    struct str out = STR_INIT(200000);
    struct err err;
    struct stream *s = agree(&p, &out, 700);
    size_t sum = 0;
    for (size_t i = 0; i < 5; i++) {
        ck_assert(stream_write(s, text, sizes[i], &err) && stream_flush(s, &err));
        sum += sizes[i];
    }
    stream_close(&s);
    static char back[200000];
    z_stream z = {.next_in = (Bytef *)out.buf,
                  .avail_in = (uInt)out.len,
                  .next_out = (Bytef *)back,
                  .avail_out = sizeof back};
    ck_assert_int_eq(inflateInit2(&z, -15), Z_OK);
    ck_assert_int_eq(inflate(&z, Z_SYNC_FLUSH), Z_OK);
    ck_assert_uint_eq(sizeof back - z.avail_out, sum);
    const char *at = back;
    for (size_t i = 0; i < 5; at += sizes[i++])
        ck_assert_mem_eq(at, text, sizes[i]);
    inflateEnd(&z);
    str_free(&out);
}
END_TEST

/* What was written before the consent goes out in the clear, what is written behind it does not. */
START_TEST(test_deflate_begins_behind_what_was_said)
{
    struct packed p;
    begin(&p);
    struct str out = STR_INIT(1000);
    struct err err;
    struct stream *s = stream_from_memory(p.bytes, p.n, &out, &err);
    ck_assert(stream_write(s, "T0 COMPRESS DEFLATE\r\n", 21, &err));
    ck_assert(deflate_start(s, &err));
    ck_assert_str_eq(out.buf, "T0 COMPRESS DEFLATE\r\n");
    ck_assert(stream_write(s, "T1 NOOP\r\n", 9, &err) && stream_flush(s, &err));
    ck_assert_uint_gt(out.len, 21);
    ck_assert_ptr_null(strstr(out.buf + 21, "NOOP"));
    stream_close(&s);
    str_free(&out);
}
END_TEST

/* Raw deflate has no checksum: a changed bit may pass. But nothing else happens than bytes, an error, or the end. */
START_TEST(test_deflate_damaged)
{
    char text[5000];
    size_t n = make_text(text, sizeof text);
    struct packed p;
    int told = 0;
    begin(&p);
    size_t first = p.n;
    pack(&p, text, n, 500, false);
    for (size_t i = first * 8; i < p.n * 8; i++) {
        p.bytes[i / 8] ^= (unsigned char)(1 << i % 8);
        struct stream *s = agree(&p, NULL, 50);
        struct str line = STR_INIT(1000000);
        struct err err = {0};
        while (stream_read_line(s, &line, &err))
            ;
        ck_assert(err.kind == ERR_NETWORK || err.kind == ERR_PROTOCOL);
        told += strstr(err.what, "compressed data that is damaged") != NULL;
        str_free(&line);
        stream_close(&s);
        p.bytes[i / 8] ^= (unsigned char)(1 << i % 8);
    }
    ck_assert_int_gt(told, 100);
}
END_TEST

START_TEST(test_deflate_in_the_clear)
{
    struct packed p;
    begin(&p);
    memcpy(p.bytes + p.n, "* 1 EXISTS\r\n", 12);
    p.n += 12;
    struct stream *s = agree(&p, NULL, 100);
    struct err err = {0};
    ck_assert_int_eq(read_lines(s, &err), 0);
    ck_assert_int_eq(err.kind, ERR_PROTOCOL);
    stream_close(&s);
}
END_TEST

START_TEST(test_deflate_last_block)
{
    char text[5000];
    size_t n = make_text(text, sizeof text);
    for (int more = 0; more < 2; more++) {
        struct packed p;
        begin(&p);
        pack(&p, text, n, 5000, true);
        p.bytes[p.n] = 'x';
        p.n += (size_t)more;
        struct stream *s = agree(&p, NULL, 100000);
        struct err err = {0};
        int count = read_lines(s, &err);
        ck_assert_int_eq(count, more ? 0 : LINES);
        ck_assert_int_eq(err.kind, more ? ERR_PROTOCOL : ERR_NETWORK);
        stream_close(&s);
    }
}
END_TEST

/* Ten million zeros in ten thousand octets come as slowly as they are read. */
START_TEST(test_deflate_bomb)
{
    static char zeros[10000000];
    struct packed p;
    begin(&p);
    pack(&p, zeros, sizeof zeros, sizeof zeros, false);
    struct stream *s = agree(&p, NULL, 4000);
    struct err err = {0};
    size_t sum = 0, n = 1;
    const char *bytes;
    while (stream_peek(s, &bytes, &n, &err) && n > 0) {
        ck_assert_uint_le(n, 16384);
        stream_consume(s, n);
        sum += n;
    }
    ck_assert_uint_eq(sum, sizeof zeros);
    stream_close(&s);
}
END_TEST

START_TEST(test_deflate_says_nothing)
{
    static const unsigned char empty[] = {0, 0, 0, 0xFF, 0xFF}; /* a stored block without octets */
    size_t n = sizeof consent - 1, count = 40000;
    char *input = malloc(n + count * 5);
    memcpy(input, consent, n);
    for (size_t i = 0; i < count; i++, n += 5)
        memcpy(input + n, empty, 5);
    struct err err = {0};
    struct stream *s = stream_from_memory(input, n, NULL, &err);
    struct str line = STR_INIT(100);
    ck_assert(stream_read_line(s, &line, &err) && deflate_start(s, &err));
    ck_assert(!stream_read_line(s, &line, &err));
    ck_assert_int_eq(err.kind, ERR_PROTOCOL);
    str_free(&line);
    stream_close(&s);
    free(input);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("deflate");
    TCase *t = tcase_create("deflate");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, test_deflate_reads, 0, 4);
    tcase_add_test(t, test_deflate_cut_at_every_byte);
    tcase_add_test(t, test_deflate_writes);
    tcase_add_test(t, test_deflate_begins_behind_what_was_said);
    tcase_add_test(t, test_deflate_damaged);
    tcase_add_test(t, test_deflate_in_the_clear);
    tcase_add_test(t, test_deflate_last_block);
    tcase_add_test(t, test_deflate_bomb);
    tcase_add_test(t, test_deflate_says_nothing);
    suite_add_tcase(suite, t);
    return unit_run(suite);
}
