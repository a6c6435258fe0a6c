/* SPDX-License-Identifier: MIT */
/* A start that failed under systemd is made again and again; not twice a second for ever. */
#ifndef HOSTINGPI_AGAIN_H
#define HOSTINGPI_AGAIN_H

#include <stdbool.h>
#include <stdint.h>

/* The longest that is waited where a file that is mended ends the waiting, and where nothing but time does. */
#define AGAIN_CONF_S 3600
#define AGAIN_ELSE_S 60

/* Where the configuration is, and how it was before the start: what changes after that counts. */
struct again {
	const char *conf_path;
	const char *socket; /* NOTIFY_SOCKET; NULL: no systemd */
	uint64_t stamp;	    /* of the configuration and its drop-ins */
};

/* To be called before the configuration is read. */
void again_open(struct again *again, const char *conf_path);

/*
 * To be called before the program ends because it could not start. The first time it returns at once, so that
 * `systemctl start` says what is wrong. When systemd makes the start again, it returns after as much time as has
 * gone since the first one, at least 2 s and at most most_s, or as soon as the configuration is another one.
 * Without systemd it returns at once.
 *
 * Returns the exit code: code, or 0 if it was asked to end (SIGTERM, SIGINT) meanwhile.
 */
int again_wait(const struct again *again, int64_t most_s, int code);

/* The agent has started: the next failure is the first one again. */
void again_forget(void);

#endif
