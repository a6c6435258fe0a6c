/* SPDX-License-Identifier: MIT */
/*
 * The ways that hostingpi-post would try, in its order: the service's own IPv6 addresses, its IPv4 addresses
 * behind the network's NAT64, and IPv4. A way is one that takes a TCP connection. Nothing is sent: a post is
 * tried with `hostingpi-post --dry-run`, or made. The setting dns64 is the poster's alone: here the system's
 * resolver is asked for the prefix.
 */
#include "notifiers/post_probe.h"

#include <errno.h>
#include <http_parser.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/addr.h"
#include "notifiers/credentials.h"
#include "notifiers/nat64.h"
#include "notifiers/post_conf.h"

#define CONNECT_MS 1000
/* Of each kind; more than that is not waited for. */
#define TRIES 2
/* Names that no other network may give an address to (RFC 7050). */
#define PREFIX_NAME "ipv4only.arpa"
#define ANSWERS 16

/* The host and port of an https URL. */
static bool split_url(const char *url, char *host, size_t size, char port[static 8])
{
	struct http_parser_url parts;

	http_parser_url_init(&parts);
	if (http_parser_parse_url(url, strlen(url), 0, &parts) != 0 ||
	    !(parts.field_set & (1u << UF_HOST)))
		return false;
	snprintf(host, size, "%.*s", parts.field_data[UF_HOST].len,
		 url + parts.field_data[UF_HOST].off);
	snprintf(port, 8, "%u", parts.field_set & (1u << UF_PORT) ? (unsigned)parts.port : 443u);
	return true;
}

/* 0 or negative errno. */
static int try_connect(const struct sockaddr *address, socklen_t length)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
	    error = 0;
	struct pollfd ready = {.fd = fd, .events = POLLOUT};
	socklen_t size = sizeof(error);

	if (fd < 0)
		return -errno;
	if (connect(fd, address, length) < 0) {
		error = errno;
		if (error == EINPROGRESS && poll(&ready, 1, CONNECT_MS) == 1)
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
		else if (error == EINPROGRESS)
			error = ETIMEDOUT;
	}
	close(fd);
	return -error;
}

static size_t find_prefixes(const struct post_conf *conf, struct nat64_prefix *ret_prefixes)
{
	const struct addrinfo hints = {.ai_family = AF_INET6, .ai_socktype = SOCK_STREAM};
	struct in6_addr answers[ANSWERS];
	struct addrinfo *found = NULL;
	size_t count = 0;
	bool automatic;
	char error[256];

	if (nat64_prefixes_parse(conf->nat64.prefix, &automatic, ret_prefixes, &count, error,
				 sizeof(error)) < 0 ||
	    !automatic)
		return count;
	if (getaddrinfo(PREFIX_NAME, NULL, &hints, &found) != 0)
		return 0;
	for (const struct addrinfo *at = found; at && count < ANSWERS; at = at->ai_next)
		answers[count++] =
			((const struct sockaddr_in6 *)(const void *)at->ai_addr)->sin6_addr;
	freeaddrinfo(found);
	return nat64_from_answers(answers, count, ret_prefixes);
}

struct search {
	const char *host;
	const struct addrinfo *found;
	struct nat64_prefix prefixes[NAT64_PREFIXES];
	size_t prefix_count;
	char failures[MODULE_SENTENCE_SIZE / 2];
};

static bool try_address(struct search *search, const struct sockaddr *address, socklen_t length)
{
	char text[ADDR_TEXT_SIZE];
	size_t used = strlen(search->failures);
	int result = try_connect(address, length);

	if (result < 0)
		snprintf(search->failures + used, sizeof(search->failures) - used, "%s%s: %s",
			 used ? "; " : "", addr_format(address, text, sizeof(text)),
			 strerrordesc_np(-result));
	return result == 0;
}

/* The prefix of an address that a DNS64 made; NULL: it is the service's own. */
static const struct nat64_prefix *prefix_of(const struct search *search,
					    const struct sockaddr *address)
{
	const struct sockaddr_in6 *ipv6 = (const void *)address;
	struct in_addr ipv4;

	for (size_t i = 0; i < search->prefix_count && address->sa_family == AF_INET6; i++)
		if (nat64_extract(&search->prefixes[i], &ipv6->sin6_addr, &ipv4))
			return &search->prefixes[i];
	return NULL;
}

/* Those that a DNS64 made, or those of the service itself. */
static bool try_family(struct search *search, int family, const struct nat64_prefix **made)
{
	int tries = 0;

	for (const struct addrinfo *at = search->found; at && tries < TRIES; at = at->ai_next) {
		const struct nat64_prefix *prefix = prefix_of(search, at->ai_addr);

		if (at->ai_family != family || (prefix != NULL) != (made != NULL))
			continue;
		tries++;
		if (!try_address(search, at->ai_addr, at->ai_addrlen))
			continue;
		if (made)
			*made = prefix;
		return true;
	}
	return false;
}

static bool try_nat64(struct search *search, const struct nat64_prefix *prefix)
{
	int tries = 0;

	for (const struct addrinfo *at = search->found; at && tries < TRIES; at = at->ai_next) {
		struct sockaddr_in6 address = {.sin6_family = AF_INET6};
		const struct sockaddr_in *ipv4 = (const void *)at->ai_addr;

		if (at->ai_family != AF_INET ||
		    nat64_embed(prefix, ipv4->sin_addr, &address.sin6_addr) < 0)
			continue;
		tries++;
		address.sin6_port = ipv4->sin_port;
		if (try_address(search, (const void *)&address, sizeof(address)))
			return true;
	}
	return false;
}

/* Finds a way in the poster's order and describes it. False: there is none. */
static bool find_way(struct search *search, char *ret_way, size_t size)
{
	const struct nat64_prefix *prefix = NULL;
	char text[NAT64_PREFIX_TEXT_SIZE];

	if (try_family(search, AF_INET6, NULL)) {
		snprintf(ret_way, size, "over IPv6");
		return true;
	}
	if (!try_family(search, AF_INET6, &prefix))
		for (size_t i = 0; i < search->prefix_count && !prefix; i++)
			if (try_nat64(search, &search->prefixes[i]))
				prefix = &search->prefixes[i];
	if (prefix) {
		snprintf(ret_way, size, "through NAT64, prefix %s",
			 nat64_prefix_format(prefix, text));
		return true;
	}
	snprintf(ret_way, size, "over IPv4");
	return try_family(search, AF_INET, NULL);
}

static void tell_way(struct search *search, module_note_fn *note, void *context)
{
	char text[MODULE_SENTENCE_SIZE], way[64 + NAT64_PREFIX_TEXT_SIZE];

	if (find_way(search, way, sizeof(way))) {
		snprintf(text, sizeof(text), "%.200s can be reached %s", search->host, way);
		note(context, MODULE_GOOD, "service", text);
		return;
	}
	snprintf(text, sizeof(text), "%.120s: %s%s", search->host, search->failures,
		 search->prefix_count ? ""
				      : "; no NAT64 prefix is known here ([nat64] prefix can name "
					"one)");
	note(context, MODULE_TROUBLE, "the service cannot be reached", text);
}

void post_probe(const void *settings, bool running, module_note_fn *note, void *context)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	const struct post_conf *conf = settings;
	char host[POST_URL_SIZE], port[8], text[MODULE_SENTENCE_SIZE];
	struct search search = {.host = host};
	struct addrinfo *found = NULL;
	int error;

	(void)running;
	if (conf->service == POST_NONE)
		return;
	credentials_probe(post_conf_credential_file(conf), note, context);
	if (!split_url(conf->service == POST_X ? conf->x.url : conf->mastodon.url, host,
		       sizeof(host), port))
		return; /* the configuration was refused */
	error = getaddrinfo(host, port, &hints, &found);
	if (error) {
		snprintf(text, sizeof(text),
			 "%.200s cannot be looked up: %s: does this machine reach "
			 "its name server?",
			 host, error == EAI_SYSTEM ? strerrordesc_np(errno) : gai_strerror(error));
		note(context, MODULE_TROUBLE, "the service is not found", text);
		return;
	}
	search.found = found;
	search.prefix_count = find_prefixes(conf, search.prefixes);
	tell_way(&search, note, context);
	freeaddrinfo(found);
}
