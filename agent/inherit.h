/* SPDX-License-Identifier: MIT */
/*
 * What one process of the agent leaves to the next: its listening sockets, in whose queues callers wait
 * meanwhile, and a page of memory for what it decided. systemd keeps them (FileDescriptorStoreMax= in
 * the unit) over a restart and over a crash. Without systemd only a reload gains from this.
 */
#ifndef HOSTINGPI_INHERIT_H
#define HOSTINGPI_INHERIT_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/addr.h"
#include "agent/sdnotify.h"

/* 16: the addresses of two modules, before and after a reload. As in the unit, which has one more. */
#define INHERIT_SOCKETS 16
#define INHERIT_PAGE_SIZE 4096

struct inherit_socket {
	int fd;	   /* -1: the place is free */
	bool used; /* a module listens on it */
	bool lent; /* of a .socket unit: systemd has it in any case */
	bool kept; /* systemd's store has it */
	struct addr bound;
};

struct inherit {
	const struct sdnotify *notify;
	struct inherit_socket sockets[INHERIT_SOCKETS];
	char *page; /* INHERIT_PAGE_SIZE bytes that the next process gets; NULL: there is no store */
	int page_fd;
};

/* Takes what systemd hands over (LISTEN_FDS) and removes that from the environment. */
void inherit_open(struct inherit *inherit, const struct sdnotify *notify);
/* The same for count descriptors from first on; names: theirs, with colons between, or NULL. */
void inherit_take(struct inherit *inherit, int first, int count, const char *names);
/* Closes everything here; what the store has stays there. */
void inherit_close(struct inherit *inherit);

/*
 * Like addr_listen(), but takes the socket that is bound to that address already, if there is one, and
 * puts a new one into the store. To be ended with inherit_release(), not with close(). inherit may be NULL.
 */
int inherit_listen(struct inherit *inherit, const struct addr *addr, int backlog,
		   struct addr *ret_bound);
/* The module is done with it. Its callers wait until the next one asks, or inherit_settle(). */
void inherit_release(struct inherit *inherit, int fd);
/* All modules have what they want: closes the rest, and keeps what could not be kept before. */
void inherit_settle(struct inherit *inherit);

#endif
