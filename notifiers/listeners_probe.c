/* SPDX-License-Identifier: MIT */
/*
 * Whether addresses can be had is found out by having them for a moment. Not those in the file system: opening
 * one removes what lies there.
 */
#include "notifiers/listeners.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool is_loopback(const struct addr *addr)
{
	if (addr->any.sa.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&addr->any.in6.sin6_addr);
	return addr->any.sa.sa_family == AF_INET &&
	       ntohl(addr->any.in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

bool listeners_local(const struct addr_list *listen)
{
	for (size_t i = 0; i < listen->count; i++)
		if (listen->addrs[i].any.sa.sa_family != AF_UNIX && !is_loopback(&listen->addrs[i]))
			return false;
	return true;
}

static void probe_one(const struct addr *addr, const char *section, module_note_fn *note,
		      void *context)
{
	char address[ADDR_TEXT_SIZE], text[MODULE_SENTENCE_SIZE];
	struct addr bound;
	int fd = addr_listen(addr, 1, &bound);

	if (fd >= 0) {
		close(fd);
		return;
	}
	/* Loopback is there wherever its family is. */
	if (fd == -EAFNOSUPPORT || (fd == -EADDRNOTAVAIL && is_loopback(addr)))
		return;
	snprintf(text, sizeof(text), "%s: %s; %s (listen in [%s])",
		 addr_format(&addr->any.sa, address, sizeof(address)), strerrordesc_np(-fd),
		 addr_listen_remedy(addr->any.sa.sa_family, fd), section);
	note(context, MODULE_TROUBLE, "an address cannot be had", text);
}

void listeners_probe(const struct addr_list *listen, const char *section, module_note_fn *note,
		     void *context)
{
	for (size_t i = 0; i < listen->count; i++)
		if (listen->addrs[i].any.sa.sa_family != AF_UNIX)
			probe_one(&listen->addrs[i], section, note, context);
}
