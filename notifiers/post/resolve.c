/* SPDX-License-Identifier: MIT */
/*
 * getaddrinfo() for everything but one question: it cannot ask a named server. Each family is asked
 * for by itself and without AI_ADDRCONFIG: that flag hides the A record on a host without IPv4, and
 * the A record is what we put behind a prefix.
 */
#include "notifiers/post/resolve.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <poll.h>
#include <resolv.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/sample.h"

/* Absolute, so that no search domain is tried (RFC 7050, section 3). */
static const char prefix_name[] = "ipv4only.arpa.";

/* Two tries of 2 s for each server: glibc's own limits are 5 s and two tries for each. */
#define LIMITS "timeout:2 attempts:2"
#define ANSWER_SIZE 4096
#define DNS_PORT 53
#define TRIES 3
#define TRY_MS 1000

void resolve_limit(void)
{
	setenv("RES_OPTIONS", LIMITS, 0);
}

/* Calls take for each address, as long as it returns true. */
static void each_address(const char *host, int family, char *ret_why, size_t size,
			 bool (*take)(void *context, const struct sockaddr *address), void *context)
{
	const struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list;
	int code = getaddrinfo(host, NULL, &hints, &list);

	if (code) {
		text_copy(ret_why, size, gai_strerror(code));
		return;
	}
	for (const struct addrinfo *row = list; row; row = row->ai_next) {
		if (!take(context, row->ai_addr))
			break;
	}
	freeaddrinfo(list);
}

struct taken {
	struct in6_addr *ipv6;
	struct in_addr *ipv4;
	size_t room, count;
};

static bool take_ipv6(void *context, const struct sockaddr *address)
{
	struct taken *taken = context;

	if (taken->count == taken->room)
		return false;
	memcpy(&taken->ipv6[taken->count++], &((const struct sockaddr_in6 *)address)->sin6_addr,
	       sizeof(*taken->ipv6));
	return true;
}

static bool take_ipv4(void *context, const struct sockaddr *address)
{
	struct taken *taken = context;

	if (taken->count == taken->room)
		return false;
	memcpy(&taken->ipv4[taken->count++], &((const struct sockaddr_in *)address)->sin_addr,
	       sizeof(*taken->ipv4));
	return true;
}

void resolve_ipv6(const char *host, struct in6_addr *ret_addresses, size_t room, size_t *ret_count,
		  char *ret_why, size_t size)
{
	struct taken taken = {.ipv6 = ret_addresses, .room = room};

	each_address(host, AF_INET6, ret_why, size, take_ipv6, &taken);
	*ret_count = taken.count;
}

void resolve_ipv4(const char *host, struct in_addr *ret_addresses, size_t room, size_t *ret_count,
		  char *ret_why, size_t size)
{
	struct taken taken = {.ipv4 = ret_addresses, .room = room};

	each_address(host, AF_INET, ret_why, size, take_ipv4, &taken);
	*ret_count = taken.count;
}

static size_t take_answers(const unsigned char *answer, int length, struct in6_addr *addresses,
			   size_t room)
{
	size_t count = 0;
	ns_msg message;

	if (ns_initparse(answer, length, &message) < 0)
		return 0;
	for (int i = 0; i < ns_msg_count(message, ns_s_an) && count < room; i++) {
		ns_rr record;
		if (ns_parserr(&message, ns_s_an, i, &record) < 0)
			break;
		if (ns_rr_type(record) == ns_t_aaaa &&
		    ns_rr_rdlen(record) == sizeof(struct in6_addr))
			memcpy(&addresses[count++], ns_rr_rdata(record), sizeof(struct in6_addr));
	}
	return count;
}

/* One question, one answer, over a connected socket. Returns the answer's length, or 0. */
static int exchange(int fd, const unsigned char *query, int length, unsigned char *answer)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	ssize_t got;

	if (send(fd, query, (size_t)length, MSG_NOSIGNAL) != length)
		return 0;
	while (poll(&ready, 1, TRY_MS) > 0) {
		got = recv(fd, answer, ANSWER_SIZE, 0);
		if (got < NS_HFIXEDSZ)
			return 0;		   /* also: nobody listens there */
		if (memcmp(answer, query, 2) == 0) /* the number of the question */
			return (int)got;
	}
	return 0;
}

/*
 * Asks one server instead of those of resolv.conf, which glibc cannot do. Both records fit into a
 * datagram several times, so there is no need for TCP.
 */
static size_t ask_server(const char *server, struct in6_addr *addresses, size_t room)
{
	struct sockaddr_in6 target = {.sin6_family = AF_INET6, .sin6_port = htons(DNS_PORT)};
	unsigned char query[NS_PACKETSZ], answer[ANSWER_SIZE];
	size_t count = 0;
	int length, fd;

	length = res_mkquery(ns_o_query, prefix_name, ns_c_in, ns_t_aaaa, NULL, 0, NULL, query,
			     sizeof(query));
	if (length < 0 || inet_pton(AF_INET6, server, &target.sin6_addr) != 1)
		return 0;
	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	if (connect(fd, (const struct sockaddr *)&target, sizeof(target)) == 0) {
		for (int i = 0; i < TRIES && count == 0; i++) {
			int got = exchange(fd, query, length, answer);
			count = take_answers(answer, got, addresses, room);
		}
	}
	close(fd);
	return count;
}

void resolve_prefix(const char *dns64, struct in6_addr *ret_addresses, size_t room,
		    size_t *ret_count)
{
	char why[64];

	*ret_count = dns64[0] ? ask_server(dns64, ret_addresses, room) : 0;
	if (!*ret_count)
		resolve_ipv6(prefix_name, ret_addresses, room, ret_count, why, sizeof(why));
}
