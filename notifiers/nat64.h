/* SPDX-License-Identifier: MIT */
/*
 * NAT64 prefixes: IPv4 addresses inside IPv6 ones (RFC 6052), and which prefix a network uses, from
 * what its DNS64 answers for ipv4only.arpa (RFC 7050). Pure: no resolver, no socket.
 */
#ifndef HOSTINGPI_NAT64_H
#define HOSTINGPI_NAT64_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

/* "[39 bytes]/96" and NUL. */
#define NAT64_PREFIX_TEXT_SIZE (INET6_ADDRSTRLEN + 4)
/* A network has one prefix, rarely two; more than that is not a network to guess in. */
#define NAT64_PREFIXES 8

struct nat64_prefix {
	struct in6_addr address; /* bits behind the length are zero */
	int length;		 /* 32, 40, 48, 56, 64 or 96 */
};

/*
 * Parses "64:ff9b::/96". Returns 0, or -EINVAL with one sentence in ret_error: no IPv6 address, another length, bits
 * set behind the length, or bits 64 to 71 not zero (RFC 6052, section 2.2).
 */
int nat64_prefix_parse(const char *text, struct nat64_prefix *ret_prefix, char *ret_error,
		       size_t size);
/*
 * Parses "auto", "none" or prefixes with commas between them. *ret_automatic: to be asked for; then
 * and with "none" the count is 0. Returns 0, or -EINVAL with one sentence in ret_error that starts with "prefix".
 */
int nat64_prefixes_parse(const char *text, bool *ret_automatic,
			 struct nat64_prefix ret_prefixes[NAT64_PREFIXES], size_t *ret_count,
			 char *ret_error, size_t size);

/* Writes the form of nat64_prefix_parse(). Returns text. */
const char *nat64_prefix_format(const struct nat64_prefix *prefix,
				char text[NAT64_PREFIX_TEXT_SIZE]);
bool nat64_prefix_equal(const struct nat64_prefix *a, const struct nat64_prefix *b);

/*
 * The IPv6 address for an IPv4 one. Returns 0, or -EADDRNOTAVAIL for an IPv4 address that is not
 * global and the well-known prefix 64:ff9b::/96, which must not carry such (RFC 6052, section 3.1).
 */
int nat64_embed(const struct nat64_prefix *prefix, struct in_addr ipv4,
		struct in6_addr *ret_address);
/* The other way round. False if the address does not begin with the prefix. */
bool nat64_extract(const struct nat64_prefix *prefix, const struct in6_addr *address,
		   struct in_addr *ret_ipv4);

/*
 * The prefixes behind the AAAA answers for ipv4only.arpa, in the order of the answers, without
 * repetitions, at most NAT64_PREFIXES. An answer that carries one of its two IPv4 addresses in several places counts
 * only where both of them give the same prefix (RFC 7050, section 3). Returns how many; 0: no NAT64 here.
 */
size_t nat64_from_answers(const struct in6_addr *answers, size_t count,
			  struct nat64_prefix ret_prefixes[NAT64_PREFIXES]);

/* False for addresses that the IANA registry of special purposes calls not globally reachable. */
bool nat64_ipv4_global(struct in_addr ipv4);

#endif
