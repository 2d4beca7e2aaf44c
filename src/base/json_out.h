/* json_out - JSON (RFC 8259) written into a str, in one line, for programs that read our output.
 *
 *   struct json_out j = json_begin(&out);
 *   bool ok = json_open(&j, NULL, '{', err) && json_text(&j, "id", id, err) && json_close(&j, '}', err);
 *
 * A key is NULL at the top and in arrays. Octets that are not UTF-8 become U+FFFD. Control characters,
 * C1 and those that turn the direction of a line are written as \uXXXX, so that the output may also go
 * to a terminal. */
#ifndef TAPPAL_BASE_JSON_OUT_H
#define TAPPAL_BASE_JSON_OUT_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct json_out {
    struct str *out;
    bool comma; /* the next value has one before it */
};

struct json_out json_begin(struct str *out);
/* '{' or '[', and '}' or ']' */
MUST_USE bool json_open(struct json_out *j, const char *key, char bracket, struct err *err);
MUST_USE bool json_close(struct json_out *j, char bracket, struct err *err);
MUST_USE bool json_text(struct json_out *j, const char *key, const char *value,
                        struct err *err); /* or null */
MUST_USE bool json_number(struct json_out *j, const char *key, int64_t value, struct err *err);
MUST_USE bool json_bool(struct json_out *j, const char *key, bool value, struct err *err);

#endif
