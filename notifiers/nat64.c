/* SPDX-License-Identifier: MIT */
/*
 * An IPv4 address stands right behind the prefix, but bits 64 to 71 (the "u" octet, RFC 6052 section
 * 2.2) are skipped and zero. So where its four octets stand follows from the length alone, and the
 * six lengths are one small table.
 *
 * Discovery asks for a name of which both IPv4 addresses are known (192.0.0.170 and 192.0.0.171) and
 * looks where in the answers they turn up. A prefix may itself contain these octets by chance; then
 * one answer fits several lengths, and only a prefix that both addresses confirm is believed.
 */
#include "notifiers/nat64.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sentence.h"

#define U_OCTET 8

static const struct place {
	int length;
	unsigned char octets[4]; /* where the IPv4 address stands */
} places[] = {
	{96, {12, 13, 14, 15}}, {64, {9, 10, 11, 12}}, {56, {7, 9, 10, 11}},
	{48, {6, 7, 9, 10}},	{40, {5, 6, 7, 9}},    {32, {4, 5, 6, 7}},
};

#define PLACES (sizeof(places) / sizeof(*places))

static const struct in6_addr well_known = {{{0x00, 0x64, 0xff, 0x9b}}};

/* The two addresses of ipv4only.arpa (RFC 7050, section 8.2), as one bit each. */
enum {
	WKA_NONE = 0,
	WKA_170 = 1,
	WKA_171 = 2,
	WKA_BOTH = WKA_170 | WKA_171,
};

static const struct place *place_of(int length)
{
	for (size_t i = 0; i < PLACES; i++) {
		if (places[i].length == length)
			return &places[i];
	}
	return NULL;
}

/* Cuts the address down to the first bits; lengths are whole octets. */
static struct in6_addr masked(const struct in6_addr *address, int length)
{
	struct in6_addr result = {0};

	memcpy(&result, address, (size_t)length / 8);
	return result;
}

static int check_prefix(const struct nat64_prefix *prefix, const char *text, char *ret_error,
			size_t size)
{
	struct in6_addr cut;

	if (!place_of(prefix->length))
		return sentence_refuse(ret_error, size,
				       "\"%s\": the length of a NAT64 prefix is 32, 40, 48, 56, 64 "
				       "or 96",
				       text);
	cut = masked(&prefix->address, prefix->length);
	if (memcmp(&cut, &prefix->address, sizeof(cut)) != 0)
		return sentence_refuse(ret_error, size, "\"%s\": bits behind the length are set",
				       text);
	if (prefix->address.s6_addr[U_OCTET])
		return sentence_refuse(ret_error, size,
				       "\"%s\": bits 64 to 71 of a NAT64 prefix must be zero "
				       "(RFC 6052)",
				       text);
	return 0;
}

int nat64_prefix_parse(const char *text, struct nat64_prefix *ret_prefix, char *ret_error,
		       size_t size)
{
	const char *slash = strchr(text, '/');
	char address[INET6_ADDRSTRLEN];
	struct nat64_prefix prefix;
	size_t digits;
	int result;

	if (!slash || (size_t)(slash - text) >= sizeof(address))
		return sentence_refuse(ret_error, size,
				       "\"%s\" is no NAT64 prefix such as 64:ff9b::/96", text);
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	digits = strspn(slash + 1, "0123456789");
	if (inet_pton(AF_INET6, address, &prefix.address) != 1 || digits < 1 || digits > 3 ||
	    slash[1 + digits])
		return sentence_refuse(ret_error, size,
				       "\"%s\" is no NAT64 prefix such as 64:ff9b::/96", text);
	prefix.length = (int)strtol(slash + 1, NULL, 10);
	result = check_prefix(&prefix, text, ret_error, size);
	if (result == 0)
		*ret_prefix = prefix;
	return result;
}

int nat64_prefixes_parse(const char *text, bool *ret_automatic,
			 struct nat64_prefix ret_prefixes[NAT64_PREFIXES], size_t *ret_count,
			 char *ret_error, size_t size)
{
	struct nat64_prefix prefixes[NAT64_PREFIXES];
	char error[160];
	size_t count = 0;

	*ret_automatic = strcmp(text, "auto") == 0;
	*ret_count = 0;
	if (*ret_automatic || strcmp(text, "none") == 0)
		return 0;
	while (*text) {
		char one[NAT64_PREFIX_TEXT_SIZE];
		size_t length = strcspn(text, ", \t");
		if (length >= sizeof(one))
			return sentence_refuse(ret_error, size,
					       "prefix must be auto, none or prefixes such as "
					       "64:ff9b::/96");
		memcpy(one, text, length);
		one[length] = '\0';
		if (count == NAT64_PREFIXES)
			return sentence_refuse(ret_error, size, "prefix: at most %d of them",
					       NAT64_PREFIXES);
		if (nat64_prefix_parse(one, &prefixes[count++], error, sizeof(error)) < 0)
			return sentence_refuse(ret_error, size, "prefix: %s", error);
		text += length;
		text += strspn(text, ", \t");
	}
	if (!count)
		return sentence_refuse(
			ret_error, size,
			"prefix must be auto, none or prefixes such as 64:ff9b::/96");
	memcpy(ret_prefixes, prefixes, count * sizeof(*prefixes));
	*ret_count = count;
	return 0;
}

const char *nat64_prefix_format(const struct nat64_prefix *prefix,
				char text[NAT64_PREFIX_TEXT_SIZE])
{
	char address[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET6, &prefix->address, address, sizeof(address));
	snprintf(text, NAT64_PREFIX_TEXT_SIZE, "%s/%d", address, prefix->length);
	return text;
}

bool nat64_prefix_equal(const struct nat64_prefix *a, const struct nat64_prefix *b)
{
	return a->length == b->length && memcmp(&a->address, &b->address, sizeof(a->address)) == 0;
}

int nat64_embed(const struct nat64_prefix *prefix, struct in_addr ipv4,
		struct in6_addr *ret_address)
{
	const struct place *place = place_of(prefix->length);
	struct in6_addr address = prefix->address;
	unsigned char octets[4];

	if (!place)
		return -EINVAL;
	if (prefix->length == 96 && memcmp(&address, &well_known, sizeof(address)) == 0 &&
	    !nat64_ipv4_global(ipv4))
		return -EADDRNOTAVAIL;
	memcpy(octets, &ipv4, sizeof(octets));
	for (size_t i = 0; i < 4; i++)
		address.s6_addr[place->octets[i]] = octets[i];
	*ret_address = address;
	return 0;
}

static struct in_addr octets_at(const struct place *place, const struct in6_addr *address)
{
	unsigned char octets[4];
	struct in_addr ipv4;

	for (size_t i = 0; i < 4; i++)
		octets[i] = address->s6_addr[place->octets[i]];
	memcpy(&ipv4, octets, sizeof(ipv4));
	return ipv4;
}

bool nat64_extract(const struct nat64_prefix *prefix, const struct in6_addr *address,
		   struct in_addr *ret_ipv4)
{
	const struct place *place = place_of(prefix->length);
	struct in6_addr cut;

	if (!place)
		return false;
	cut = masked(address, prefix->length);
	if (memcmp(&cut, &prefix->address, sizeof(cut)) != 0 || address->s6_addr[U_OCTET])
		return false;
	*ret_ipv4 = octets_at(place, address);
	return true;
}

/* Which of the two well-known addresses the answer carries there. */
static unsigned wka_at(const struct place *place, const struct in6_addr *answer)
{
	if (answer->s6_addr[U_OCTET])
		return WKA_NONE;
	switch (ntohl(octets_at(place, answer).s_addr)) {
	case 0xc00000aa:
		return WKA_170;
	case 0xc00000ab:
		return WKA_171;
	default:
		return WKA_NONE;
	}
}

/* Which of the two turn up behind the prefix, in any of the answers. */
static unsigned confirmed(const struct in6_addr *answers, size_t count,
			  const struct nat64_prefix *prefix)
{
	unsigned seen = WKA_NONE;

	for (size_t i = 0; i < count; i++) {
		struct in6_addr cut = masked(&answers[i], prefix->length);
		if (memcmp(&cut, &prefix->address, sizeof(cut)) == 0)
			seen |= wka_at(place_of(prefix->length), &answers[i]);
	}
	return seen;
}

static size_t add(struct nat64_prefix *prefixes, size_t count, const struct nat64_prefix *prefix)
{
	for (size_t i = 0; i < count; i++) {
		if (nat64_prefix_equal(&prefixes[i], prefix))
			return count;
	}
	if (count < NAT64_PREFIXES)
		prefixes[count++] = *prefix;
	return count;
}

size_t nat64_from_answers(const struct in6_addr *answers, size_t count,
			  struct nat64_prefix ret_prefixes[NAT64_PREFIXES])
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		size_t fits = 0;
		for (size_t p = 0; p < PLACES; p++)
			fits += wka_at(&places[p], &answers[i]) != WKA_NONE;
		for (size_t p = 0; p < PLACES; p++) {
			struct nat64_prefix prefix = {
				.address = masked(&answers[i], places[p].length),
				.length = places[p].length,
			};
			if (wka_at(&places[p], &answers[i]) != WKA_NONE &&
			    (fits == 1 || confirmed(answers, count, &prefix) == WKA_BOTH))
				found = add(ret_prefixes, found, &prefix);
		}
	}
	return found;
}

bool nat64_ipv4_global(struct in_addr ipv4)
{
	/* IANA IPv4 Special-Purpose Address Registry, the rows that are not globally reachable. */
	static const struct {
		uint32_t network;
		int bits;
	} special[] = {
		{0x00000000, 8},  /* this network */
		{0x0a000000, 8},  /* private use */
		{0x64400000, 10}, /* shared address space (RFC 6598) */
		{0x7f000000, 8},  /* loopback */
		{0xa9fe0000, 16}, /* link-local */
		{0xac100000, 12}, /* private use */
		{0xc0000000, 24}, /* IETF protocol assignments */
		{0xc0000200, 24}, /* TEST-NET-1 */
		{0xc0586300, 24}, /* former 6to4 relay anycast */
		{0xc0a80000, 16}, /* private use */
		{0xc6120000, 15}, /* benchmarking */
		{0xc6336400, 24}, /* TEST-NET-2 */
		{0xcb007100, 24}, /* TEST-NET-3 */
		{0xe0000000, 4},  /* multicast */
		{0xf0000000, 4},  /* reserved, limited broadcast */
	};
	uint32_t address = ntohl(ipv4.s_addr);

	for (size_t i = 0; i < sizeof(special) / sizeof(*special); i++) {
		if ((address ^ special[i].network) >> (32 - special[i].bits) == 0)
			return false;
	}
	return true;
}
