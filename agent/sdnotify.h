/* SPDX-License-Identifier: MIT */
/* The notification protocol of sd_notify(3): one datagram, no library. */
#ifndef HOSTINGPI_SDNOTIFY_H
#define HOSTINGPI_SDNOTIFY_H

#include <stdint.h>

struct sdnotify {
	int fd;		     /* -1: nobody listens */
	int64_t watchdog_ns; /* period of WATCHDOG=1, half of what systemd allows; 0: none */
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID and removes them from the environment. */
void sdnotify_open(struct sdnotify *notify);
/* Sends assignments such as "READY=1\nSTATUS=...". Never blocks; nobody listening is fine. */
void sdnotify_send(const struct sdnotify *notify, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/*
 * Hands a descriptor to the store of systemd, which gives it to the next process of this service. Returns
 * 0 if it was sent, which does not say that the unit has a store; -ENOTCONN if nobody listens.
 */
int sdnotify_store(const struct sdnotify *notify, int fd, const char *name);
void sdnotify_close(struct sdnotify *notify);

#endif
