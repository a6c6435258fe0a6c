/* SPDX-License-Identifier: MIT */
/*
 * Over which addresses a host can be reached from here, best first: its own IPv6 addresses, then
 * through NAT64, then IPv4. Looks names up; bounded by the resolver's time-outs (route_limit_resolver()).
 */
#ifndef HOSTINGPI_POST_ROUTE_H
#define HOSTINGPI_POST_ROUTE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "notifiers/nat64.h"

/* Four of a kind for each of the three ways. */
#define ROUTE_ADDRESSES 12
#define ROUTE_LOOKUPS 4 /* of the A and AAAA records as many are used */
#define ROUTE_REASON_SIZE 200

enum route_via {
	ROUTE_IPV6,
	ROUTE_NAT64,
	ROUTE_IPV4,
};

/* "ipv6", "nat64", "ipv4", null-terminated. */
extern const char *const route_via_words[];

struct route_address {
	enum route_via via;
	struct nat64_prefix prefix;  /* of ROUTE_NAT64 */
	char text[INET6_ADDRSTRLEN]; /* without brackets */
};

struct route {
	size_t count;
	struct route_address addresses[ROUTE_ADDRESSES];
	/* Why a way is missing that one might expect, for people; empty: nothing to say. */
	char note[ROUTE_REASON_SIZE];
};

/* What the host's records and the network's prefixes say. */
struct route_facts {
	size_t ipv6_count, ipv4_count, prefix_count;
	struct in6_addr ipv6[ROUTE_LOOKUPS];
	struct in_addr ipv4[ROUTE_LOOKUPS];
	struct nat64_prefix prefixes[NAT64_PREFIXES];
};

/* Puts the addresses into their order. Pure. */
void route_order(const struct route_facts *facts, struct route *ret_route);

/* Before the first lookup: a resolver that is silent is given up after seconds, not tens of them. */
void route_limit_resolver(void);

/*
 * Finds the way to host, a name or an address (IPv6 with or without brackets). prefix and dns64 are
 * the settings of [nat64]. Returns 0, or -EHOSTUNREACH with one sentence in ret_error.
 */
int route_find(const char *host, const char *prefix, const char *dns64, struct route *ret_route,
	       char *ret_error, size_t size);

#endif
