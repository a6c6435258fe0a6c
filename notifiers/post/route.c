/* SPDX-License-Identifier: MIT */
/*
 * A network with NAT64 shows itself in two ways: its DNS64 gives AAAA records for hosts that have
 * none, or it has a prefix (configured, or found by asking for ipv4only.arpa) behind which we put the
 * A record ourselves. The second is needed where the resolver is no DNS64, and for literal IPv4
 * addresses. An AAAA record below a known prefix is not the host's own; it is told as NAT64.
 *
 * An IPv4 address that is not global cannot be reached behind the well-known prefix, although some
 * DNS64 servers synthesise it all the same: the translator refuses. That is left out, and said.
 */
#include "notifiers/post/route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/sample.h"
#include "agent/sentence.h"
#include "notifiers/post/resolve.h"

const char *const route_via_words[] = {"ipv6", "nat64", "ipv4", NULL};

static void add(struct route *route, enum route_via via, const struct nat64_prefix *prefix,
		int family, const void *address)
{
	struct route_address *row = &route->addresses[route->count];
	char text[INET6_ADDRSTRLEN];

	inet_ntop(family, address, text, sizeof(text));
	for (size_t i = 0; i < route->count; i++) {
		if (strcmp(route->addresses[i].text, text) == 0)
			return;
	}
	if (route->count == ROUTE_ADDRESSES)
		return;
	*row = (struct route_address){.via = via};
	if (prefix)
		row->prefix = *prefix;
	memcpy(row->text, text, sizeof(text));
	route->count++;
}

/* The prefix that an address lies behind; NULL: none, it is the host's own. */
static const struct nat64_prefix *prefix_of(const struct route_facts *facts,
					    const struct in6_addr *address,
					    struct in_addr *ret_ipv4)
{
	for (size_t i = 0; i < facts->prefix_count; i++) {
		if (nat64_extract(&facts->prefixes[i], address, ret_ipv4))
			return &facts->prefixes[i];
	}
	return NULL;
}

static void refuse(struct route *route, struct in_addr ipv4)
{
	char text[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &ipv4, text, sizeof(text));
	snprintf(route->note, sizeof(route->note),
		 "%s is not a global address: the well-known prefix 64:ff9b::/96 must not carry it "
		 "(RFC 6052, 3.1); the network needs a prefix of its own for it",
		 text);
}

static void add_embedded(struct route *route, const struct nat64_prefix *prefix,
			 struct in_addr ipv4)
{
	struct in6_addr address;

	if (nat64_embed(prefix, ipv4, &address) < 0)
		refuse(route, ipv4);
	else
		add(route, ROUTE_NAT64, prefix, AF_INET6, &address);
}

void route_order(const struct route_facts *facts, struct route *ret_route)
{
	struct in_addr ipv4;

	*ret_route = (struct route){0};
	for (size_t i = 0; i < facts->ipv6_count; i++) {
		if (!prefix_of(facts, &facts->ipv6[i], &ipv4))
			add(ret_route, ROUTE_IPV6, NULL, AF_INET6, &facts->ipv6[i]);
	}
	for (size_t i = 0; i < facts->ipv6_count; i++) {
		const struct nat64_prefix *prefix = prefix_of(facts, &facts->ipv6[i], &ipv4);
		if (prefix)
			add_embedded(ret_route, prefix, ipv4);
	}
	for (size_t p = 0; p < facts->prefix_count; p++) {
		for (size_t i = 0; i < facts->ipv4_count; i++)
			add_embedded(ret_route, &facts->prefixes[p], facts->ipv4[i]);
	}
	for (size_t i = 0; i < facts->ipv4_count; i++)
		add(ret_route, ROUTE_IPV4, NULL, AF_INET, &facts->ipv4[i]);
}

void route_limit_resolver(void)
{
	resolve_limit();
}

/* A literal needs no lookup. True if it is one. */
static bool take_literal(const char *host, struct route_facts *facts)
{
	char text[INET6_ADDRSTRLEN + 2];
	size_t length = strlen(host);

	if (length > 2 && length < sizeof(text) && host[0] == '[' && host[length - 1] == ']') {
		memcpy(text, host + 1, length - 2);
		text[length - 2] = '\0';
		host = text;
	}
	if (inet_pton(AF_INET6, host, &facts->ipv6[0]) == 1)
		facts->ipv6_count = 1;
	else if (inet_pton(AF_INET, host, &facts->ipv4[0]) == 1)
		facts->ipv4_count = 1;
	return facts->ipv6_count + facts->ipv4_count > 0;
}

int route_find(const char *host, const char *prefix, const char *dns64, struct route *ret_route,
	       char *ret_error, size_t size)
{
	struct route_facts facts = {0};
	char lookup[ROUTE_REASON_SIZE] = "";
	bool automatic;

	if (nat64_prefixes_parse(prefix, &automatic, facts.prefixes, &facts.prefix_count, ret_error,
				 size) < 0)
		return -EHOSTUNREACH;
	if (!take_literal(host, &facts)) {
		resolve_ipv6(host, facts.ipv6, ROUTE_LOOKUPS, &facts.ipv6_count, lookup,
			     sizeof(lookup));
		resolve_ipv4(host, facts.ipv4, ROUTE_LOOKUPS, &facts.ipv4_count, lookup,
			     sizeof(lookup));
		if (!facts.ipv6_count && !facts.ipv4_count)
			return sentence_fail(-EHOSTUNREACH, ret_error, size,
					     "cannot look %s up: %s", host, lookup);
	}
	if (automatic) {
		struct in6_addr answers[4 * NAT64_PREFIXES];
		size_t count = 0;
		resolve_prefix(dns64, answers, sizeof(answers) / sizeof(*answers), &count);
		facts.prefix_count = nat64_from_answers(answers, count, facts.prefixes);
	}
	route_order(&facts, ret_route);
	if (!ret_route->count)
		return sentence_fail(-EHOSTUNREACH, ret_error, size, "no way to %s: %s", host,
				     ret_route->note);
	return 0;
}
