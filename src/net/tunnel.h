/* tunnel - a command whose stdin and stdout are the connection ("ssh relay nc mail.example.org 25"). */
#ifndef TAPPAL_NET_TUNNEL_H
#define TAPPAL_NET_TUNNEL_H

#include "base/strv.h"
#include "net/stream.h"

/* Starts argv without a shell, in a process group of its own; its stderr is ours. It ends with the stream. */
struct stream *tunnel_open(const struct strv *argv, const char *peer, struct err *err);

#endif
