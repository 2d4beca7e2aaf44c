/* peer - what a host bears, as a small file that is replaced as a whole:
 *   tappal-peer 1 STEP FELL
 *   host NAME
 * See peer.h. */
#include "client/peer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/sum.h"
#include "base/text.h"

#define PATH_LEN_MAX 4096
#define FILE_MAX 4096
#define HASH_BYTES 8
#define STEP_AFTER_FALL PEER_WHOLE

/* -- names -- */

/* The host, by whatever way it is reached. */
static bool name_of(const struct endpoint *server, struct str *name, struct err *err)
{
    const char *host = server->host != NULL ? server->host : "";
    if (server->tunnel.count > 0) {
        return str_addf(name, err, "%s tunnel", host) &&
               (server->tunnel.count == 0 || str_addf(name, err, " %s", server->tunnel.items[0]));
    }
    if (server->socket != NULL) {
        return str_addf(name, err, "%s", server->socket);
    }
    return str_addf(name, err, "%s:%u", host, server->port);
}

static bool path_of(const char *state_dir, const char *name, struct str *path, struct err *err)
{
    unsigned char sum[SUM_SHA256_BYTES];
    char hex[2 * HASH_BYTES + 1];
    struct sum_sha256 s;

    sum_sha256_begin(&s);
    sum_sha256_add(&s, name, strlen(name));
    sum_sha256_end(&s, sum);
    text_hex(sum, HASH_BYTES, hex);
    return str_addf(path, err, "%s/peers/%s", state_dir, hex);
}

/* -- the file -- */

static void read_file(struct peer *peer)
{
    struct str text = STR_INIT(FILE_MAX);
    struct err ignored;
    unsigned step;
    int64_t fell;

    if (fs_read_file(peer->path.buf, &text, &ignored) &&
        sscanf(text.buf, "tappal-peer 1 %u %" SCNd64, &step, &fell) == 2 && step <= PEER_WINDOW &&
        fell >= 0) {
        peer->step = (enum peer_step)step;
        peer->fell = fell;
    }
    str_free(&text);
}

static bool make_folder(const char *path, struct err *err)
{
    struct str folder = STR_INIT(PATH_LEN_MAX);
    const char *end = strrchr(path, '/');
    bool ok = str_add(&folder, path, (size_t)(end - path), err) && fs_make_dirs(folder.buf, err);
    str_free(&folder);
    return ok;
}

/* What cannot be remembered is learned anew; no message suffers from it. */
static void write_file(const struct peer *peer)
{
    struct str text = STR_INIT(FILE_MAX);
    struct err err = {0};
    bool ok = peer->path.len == 0 || (str_addf(&text, &err, "tappal-peer 1 %u %" PRId64 "\nhost %s\n",
                                               (unsigned)peer->step, peer->fell, peer->name) &&
                                      make_folder(peer->path.buf, &err) &&
                                      fs_replace(peer->path.buf, text.buf, text.len, 0600, &err));
    if (!ok) {
        log_event(LOG_LEVEL_WARNING, "peer", "host", peer->name, "problem", err.what, NULL);
    }
    str_free(&text);
}

/* -- knowing it -- */

/* A clock that was set back must not hold it for ever. */
static bool is_resting(const struct peer *peer, int64_t now)
{
    return peer->fell != 0 && now >= peer->fell && now < peer->fell + PEER_REST;
}

bool peer_load(const char *state_dir, const struct endpoint *server, int64_t now, struct peer *peer_r,
               struct err *err)
{
    struct str name = STR_INIT(FILE_MAX / 2);
    *peer_r = (struct peer){.path = STR_INIT(PATH_LEN_MAX), .step = STEP_AFTER_FALL};
    bool ok = name_of(server, &name, err) &&
              (state_dir == NULL || path_of(state_dir, name.buf, &peer_r->path, err)) &&
              ((peer_r->name = strdup(name.buf)) != NULL || err_nomem(err));
    str_free(&name);
    if (!ok) {
        peer_free(peer_r);
        return false;
    }
    if (peer_r->path.len > 0) {
        read_file(peer_r);
    }
    if (peer_r->step < STEP_AFTER_FALL && !is_resting(peer_r, now)) {
        peer_r->step = STEP_AFTER_FALL;
    }
    return true;
}

void peer_free(struct peer *peer)
{
    str_free(&peer->path);
    free(peer->name);
    *peer = (struct peer){0};
}

bool peer_may_rise(const struct peer *peer, int64_t now)
{
    return peer->step < PEER_WINDOW && !is_resting(peer, now);
}

void peer_rise(struct peer *peer, enum peer_step step)
{
    if (step > peer->step) {
        peer->step = step;
        peer->fell = 0;
        write_file(peer);
    }
}

void peer_fall(struct peer *peer, enum peer_step step, int64_t now)
{
    enum peer_step to = step > STEP_AFTER_FALL  ? STEP_AFTER_FALL
                        : step > PEER_LOCK_STEP ? (enum peer_step)(step - 1)
                                                : PEER_LOCK_STEP;
    if (to < peer->step || peer->fell == 0) {
        peer->step = to < peer->step ? to : peer->step;
        peer->fell = now;
        log_event(LOG_LEVEL_WARNING, "peer", "host", peer->name, "fell",
                  "does not bear commands ahead of answers", NULL);
        write_file(peer);
    }
}
