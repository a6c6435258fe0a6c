/* SPDX-License-Identifier: MIT */
/*
 * Addresses are numbers only: whoever wants a name resolved does that in a thread of its own. What is
 * written as an IPv4-mapped IPv6 address is IPv4 from here on, so that nothing is listed twice or
 * missed because of the way it was written; only the networks of an allow list are kept in mapped
 * form, because then one comparison serves both families.
 */
#include "agent/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "agent/procfs.h"
#include "agent/sentence.h"

/* A mapped IPv4 address starts after 96 bits (RFC 4291, 2.5.5.2). */
#define MAPPED_BITS 96

/* The longest item is a Unix socket: "unix:" + 107 + NUL. Anything longer is none of ours. */
#define ITEM_SIZE ADDR_TEXT_SIZE

static const char FORMS[] = "must be like [::1]:9777, 192.0.2.1:9777, :9777 or unix:/run/x.sock";

static struct in6_addr map_ipv4(struct in_addr address)
{
	struct in6_addr mapped = {.s6_addr = {[10] = 0xff, [11] = 0xff}};

	memcpy(&mapped.s6_addr[12], &address, sizeof(address));
	return mapped;
}

static struct in_addr unmap_ipv4(const struct in6_addr *mapped)
{
	struct in_addr address;

	memcpy(&address, &mapped->s6_addr[12], sizeof(address));
	return address;
}

static void set_ipv4(struct addr *addr, struct in_addr address, in_port_t port)
{
	memset(addr, 0, sizeof(*addr));
	addr->any.in.sin_family = AF_INET;
	addr->any.in.sin_addr = address;
	addr->any.in.sin_port = port;
	addr->length = sizeof(addr->any.in);
}

static void set_ipv6(struct addr *addr, const struct in6_addr *address, uint32_t scope,
		     in_port_t port)
{
	memset(addr, 0, sizeof(*addr));
	addr->any.in6.sin6_family = AF_INET6;
	addr->any.in6.sin6_addr = *address;
	addr->any.in6.sin6_scope_id = scope;
	addr->any.in6.sin6_port = port;
	addr->length = sizeof(addr->any.in6);
}

static int parse_port(const char *text, in_port_t *ret_port)
{
	const char *end;
	int64_t value;

	if (procfs_number(text, &end, &value) < 0 || *end || value > UINT16_MAX)
		return -EINVAL;
	*ret_port = htons((uint16_t)value);
	return 0;
}

static int parse_unix(const char *path, struct addr *ret_addr, char *ret_error, size_t size)
{
	size_t length = strlen(path);
	struct addr addr;

	if (path[0] != '/')
		return sentence_refuse(ret_error, size,
				       "a Unix socket needs an absolute path, such as "
				       "unix:/run/x.sock");
	if (length >= sizeof(addr.any.un.sun_path))
		return sentence_refuse(
			ret_error, size,
			"the path of a Unix socket must be at most %zu bytes long: it has %zu",
			sizeof(addr.any.un.sun_path) - 1, length);
	memset(&addr, 0, sizeof(addr));
	addr.length = sizeof(addr.any.un);
	addr.any.un.sun_family = AF_UNIX;
	memcpy(addr.any.un.sun_path, path, length + 1);
	memcpy(ret_addr, &addr, sizeof(addr));
	return 0;
}

/* What stands in brackets: an IPv6 address, perhaps with "%interface". */
static int parse_ipv6(char *host, in_port_t port, struct addr *ret_addr, char *ret_error,
		      size_t size)
{
	char *zone = strchr(host, '%');
	struct in6_addr address;
	uint32_t scope = 0;

	if (zone)
		*zone++ = '\0';
	if (inet_pton(AF_INET6, host, &address) != 1)
		return sentence_refuse(ret_error, size, "'%s' is not an IPv6 address: %s", host,
				       FORMS);
	if (zone) {
		const char *end;
		int64_t number;

		scope = if_nametoindex(zone);
		if (!scope && procfs_number(zone, &end, &number) == 0 && !*end &&
		    number <= UINT32_MAX)
			scope = (uint32_t)number;
		if (!scope)
			return sentence_refuse(ret_error, size,
					       "'%s' is not a network interface of this machine",
					       zone);
		if (IN6_IS_ADDR_UNSPECIFIED(&address))
			return sentence_refuse(ret_error, size,
					       "'%s' is every address of every interface: name an "
					       "address of '%s'",
					       host, zone);
		/* For others the kernel forgets it: with it, their sockets would not be known again. */
		if (!IN6_IS_ADDR_LINKLOCAL(&address))
			scope = 0;
	} else if (IN6_IS_ADDR_LINKLOCAL(&address)) {
		return sentence_refuse(
			ret_error, size,
			"the link-local address '%s' needs an interface, such as [%s%%eth0]", host,
			host);
	}
	if (IN6_IS_ADDR_V4MAPPED(&address))
		set_ipv4(ret_addr, unmap_ipv4(&address), port);
	else
		set_ipv6(ret_addr, &address, scope, port);
	return 0;
}

/* host and port have been cut apart; host still has its brackets. */
static int parse_host(char *host, in_port_t port, struct addr *ret_addr, char *ret_error,
		      size_t size)
{
	size_t length = strlen(host);
	struct in_addr address;

	if (length == 0) {
		set_ipv6(ret_addr, &in6addr_any, 0, port);
		return 0;
	}
	if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
		host[length - 1] = '\0';
		return parse_ipv6(host + 1, port, ret_addr, ret_error, size);
	}
	if (strpbrk(host, ":[]"))
		return sentence_refuse(ret_error, size,
				       "an IPv6 address stands in brackets and has a port: %s",
				       FORMS);
	if (inet_pton(AF_INET, host, &address) != 1)
		return sentence_refuse(ret_error, size,
				       "'%s' is not an IP address (names are not looked up): %s",
				       host, FORMS);
	set_ipv4(ret_addr, address, port);
	return 0;
}

int addr_parse(const char *text, struct addr *ret_addr, char *ret_error, size_t size)
{
	char host[ITEM_SIZE], *colon;
	size_t length = strlen(text);
	in_port_t port;

	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(text + 5, ret_addr, ret_error, size);
	if (length >= sizeof(host))
		return sentence_refuse(ret_error, size, "is too long for an address: %s", FORMS);
	memcpy(host, text, length + 1);
	colon = strrchr(host, ':');
	if (strspn(text, "0123456789") == length && length > 0)
		return sentence_refuse(ret_error, size,
				       "'%s' has no address, ':%s' is that port of all: %s", text,
				       text, FORMS);
	if (!colon || colon[1] == '\0' || strchr(colon, ']'))
		return sentence_refuse(ret_error, size, "'%s' has no port: %s", text, FORMS);
	if (parse_port(colon + 1, &port) < 0)
		return sentence_refuse(ret_error, size,
				       "port '%s' must be a whole number from 0 to 65535 (0: any)",
				       colon + 1);
	*colon = '\0';
	return parse_host(host, port, ret_addr, ret_error, size);
}

/*
 * Takes the next item of a list from *position; items are separated by commas, blanks or both.
 * Returns its length, 0 at the end, or -EINVAL.
 */
static int next_item(const char **position, char item[ITEM_SIZE], char *ret_error, size_t size)
{
	const char *start = *position + strspn(*position, " \t");
	size_t length = strcspn(start, ", \t");
	const char *after = start + length + strspn(start + length, " \t");

	if (!*start) {
		*position = start;
		return 0;
	}
	if (length == 0 || (*after == ',' && !after[1 + strspn(after + 1, " \t")]))
		return sentence_refuse(ret_error, size, "has a comma too many");
	if (length >= ITEM_SIZE)
		return sentence_refuse(ret_error, size, "'%.*s...' is too long for an address", 20,
				       start);
	memcpy(item, start, length);
	item[length] = '\0';
	*position = after + (*after == ',');
	return (int)length;
}

static in_port_t port_of(const struct addr *addr)
{
	return addr->any.sa.sa_family == AF_INET6 ? addr->any.in6.sin6_port : addr->any.in.sin_port;
}

static bool is_wildcard(const struct addr *addr, sa_family_t family)
{
	if (addr->any.sa.sa_family == AF_INET6)
		return IN6_IS_ADDR_UNSPECIFIED(&addr->any.in6.sin6_addr);
	return addr->any.sa.sa_family == AF_INET && family == AF_INET &&
	       addr->any.in.sin_addr.s_addr == htonl(INADDR_ANY);
}

bool addr_is_conflict(const struct addr *a, const struct addr *b)
{
	sa_family_t family_a = a->any.sa.sa_family, family_b = b->any.sa.sa_family;

	if (family_a == AF_UNIX || family_b == AF_UNIX)
		return family_a == family_b && strcmp(a->any.un.sun_path, b->any.un.sun_path) == 0;
	if (port_of(a) != port_of(b) || port_of(a) == 0)
		return false;
	return is_wildcard(a, family_b) || is_wildcard(b, family_a) ||
	       (family_a == family_b && memcmp(&a->any, &b->any, sizeof(a->any)) == 0);
}

/* Takes one item of a list into what is parsed so far. 0, or -EINVAL with the sentence. */
typedef int take_fn(void *list, char *item, char *ret_error, size_t size);

static int parse_items(const char *text, take_fn *take, void *list, char *ret_error, size_t size)
{
	char item[ITEM_SIZE];
	int length, error = 0;

	while (error == 0 && (length = next_item(&text, item, ret_error, size)) != 0)
		error = length < 0 ? length : take(list, item, ret_error, size);
	return error;
}

static int take_addr(void *context, char *item, char *ret_error, size_t size)
{
	struct addr_list *list = context;
	struct addr *addr = &list->addrs[list->count];
	int error;

	if (list->count == ADDR_LIST_MAX)
		return sentence_refuse(ret_error, size, "must be at most %d addresses",
				       ADDR_LIST_MAX);
	error = addr_parse(item, addr, ret_error, size);
	if (error < 0)
		return error;
	for (size_t i = 0; i < list->count; i++)
		if (addr_is_conflict(&list->addrs[i], addr))
			return sentence_refuse(ret_error, size,
					       "'%s' is covered by an address before it", item);
	list->count++;
	return 0;
}

int addr_list_parse(const char *text, struct addr_list *ret_list, char *ret_error, size_t size)
{
	struct addr_list list;
	int error;

	/* Callers compare whole settings byte by byte: no padding with chance bytes. */
	memset(&list, 0, sizeof(list));
	error = parse_items(text, take_addr, &list, ret_error, size);
	if (error == 0)
		memcpy(ret_list, &list, sizeof(list));
	return error;
}

/* Clears all bits behind the prefix. Returns true if there were any. */
static bool clear_host_bits(struct in6_addr *network, unsigned prefix_bits)
{
	bool any = false;

	for (unsigned i = 0; i < 16; i++) {
		unsigned keep = prefix_bits > 8 * i ? prefix_bits - 8 * i : 0;
		uint8_t mask = (uint8_t)(0xff00u >> (keep < 8 ? keep : 8));
		uint8_t cleared = network->s6_addr[i] & mask;

		any = any || cleared != network->s6_addr[i];
		network->s6_addr[i] = cleared;
	}
	return any;
}

/* The number behind "/"; whole if there is none. -EINVAL if it is no number or longer than whole. */
static int parse_prefix(const char *slash, unsigned whole, unsigned *ret_bits)
{
	const char *end;
	int64_t value = whole;

	if (slash && (procfs_number(slash, &end, &value) < 0 || *end || value > whole))
		return -EINVAL;
	*ret_bits = (unsigned)value;
	return 0;
}

/* One network: "192.0.2.0/24", "2001:db8::/32", or a single address. */
static int parse_network(char *item, struct in6_addr *ret_network, unsigned *ret_bits,
			 char *ret_error, size_t size)
{
	char *slash = strchr(item, '/'), network_text[INET6_ADDRSTRLEN];
	bool ipv6 = strchr(item, ':') != NULL;
	unsigned whole = ipv6 ? 128 : 32, bits;
	struct in6_addr network;
	struct in_addr ipv4;

	if (slash)
		*slash++ = '\0';
	if (inet_pton(ipv6 ? AF_INET6 : AF_INET, item, ipv6 ? (void *)&network : (void *)&ipv4) !=
	    1)
		return sentence_refuse(
			ret_error, size,
			"'%s' must be an IP address or a network, such as 2001:db8::/32 or "
			"192.0.2.0/24 (no names, no port, no brackets)",
			item);
	if (parse_prefix(slash, whole, &bits) < 0)
		return sentence_refuse(
			ret_error, size,
			"the prefix '/%s' must be a whole number from 0 to %u: '%s/%u' is "
			"this one address",
			slash, whole, item, whole);
	if (!ipv6) {
		network = map_ipv4(ipv4);
		bits += MAPPED_BITS;
	}
	if (clear_host_bits(&network, bits)) {
		ipv4 = unmap_ipv4(&network);
		inet_ntop(ipv6 ? AF_INET6 : AF_INET, ipv6 ? (void *)&network : (void *)&ipv4,
			  network_text, sizeof(network_text));
		return sentence_refuse(
			ret_error, size,
			"'%s/%s' has bits set behind its prefix: write '%s/%s', or '%s' for "
			"this one address",
			item, slash, network_text, slash, item);
	}
	*ret_network = network;
	*ret_bits = bits;
	return 0;
}

static int take_network(void *context, char *item, char *ret_error, size_t size)
{
	struct addr_allow *allow = context;
	int error;

	if (allow->count == ADDR_ALLOW_MAX)
		return sentence_refuse(ret_error, size, "must be at most %d networks",
				       ADDR_ALLOW_MAX);
	error = parse_network(item, &allow->nets[allow->count].network,
			      &allow->nets[allow->count].prefix_bits, ret_error, size);
	if (error == 0)
		allow->count++;
	return error;
}

int addr_allow_parse(const char *text, struct addr_allow *ret_allow, char *ret_error, size_t size)
{
	struct addr_allow allow;
	int error;

	memset(&allow, 0, sizeof(allow));
	error = parse_items(text, take_network, &allow, ret_error, size);
	if (error == 0)
		memcpy(ret_allow, &allow, sizeof(allow));
	return error;
}
