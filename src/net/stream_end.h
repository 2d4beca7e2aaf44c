/* stream_end - the lowest layers of a stream: file descriptors, and memory for tests. */
#ifndef TAPPAL_NET_STREAM_END_H
#define TAPPAL_NET_STREAM_END_H

#include "net/stream.h"

/* Takes the fds, makes them non-blocking. NULL: err is set and the fds are closed. */
struct stream_layer *stream_end_fds(int rfd, int wfd, const char *peer, struct err *err);
/* Borrows both. */
struct stream_layer *stream_end_memory(const void *input, size_t n, struct str *output, struct err *err);
bool stream_end_is_tcp(int fd);

#endif
