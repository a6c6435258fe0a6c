/* SPDX-License-Identifier: MIT */
/* Lookups that block, but not for long. */
#ifndef HOSTINGPI_POST_RESOLVE_H
#define HOSTINGPI_POST_RESOLVE_H

#include <netinet/in.h>
#include <stddef.h>

/*
 * Sets the resolver's time-outs for this process, unless the environment has other wishes
 * (RES_OPTIONS). Before the first lookup and before there is a second thread.
 */
void resolve_limit(void);

/*
 * The addresses of a host, at most room of them. When there are none the count is 0 and ret_why says
 * why (untouched else).
 */
void resolve_ipv6(const char *host, struct in6_addr *ret_addresses, size_t room, size_t *ret_count,
		  char *ret_why, size_t size);
void resolve_ipv4(const char *host, struct in_addr *ret_addresses, size_t room, size_t *ret_count,
		  char *ret_why, size_t size);

/*
 * The AAAA records of ipv4only.arpa (RFC 7050), from the server with the address dns64; where that is empty, or does
 * not answer, from the system's resolver.
 */
void resolve_prefix(const char *dns64, struct in6_addr *ret_addresses, size_t room,
		    size_t *ret_count);

#endif
