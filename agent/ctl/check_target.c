/* SPDX-License-Identifier: MIT */
/*
 * An IPv6 address is full of colons, so only brackets can tell a port from its last group: without
 * brackets the whole word is the address, whatever it ends with. What is neither an address nor a
 * name that DNS could know is refused here, before anybody waits for a name server. That includes
 * 192.0.2 and 0x7f.1, which the C library would take for IPv4 addresses (a name whose last label is a
 * number does not exist, RFC 3696, 2).
 */
#include "agent/ctl/check_target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "agent/procfs.h"
#include "agent/sentence.h"

#define FORMS                                                                                      \
	"expected NAME, 192.0.2.1, 2001:db8::1 or [2001:db8::1], with :PORT behind it or not "     \
	"(default " CHECK_PORT "), or unix:/PATH"

/* The characters of IPv4 addresses and of names; '_' stands in names of services. */
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"
#define LABEL_MAX 63

static int parse_port(const char *text, char ret_port[6], char *ret_error, size_t size)
{
	const char *end;
	int64_t value;

	if (procfs_number(text, &end, &value) < 0 || *end || value < 1 || value > UINT16_MAX)
		return sentence_refuse(ret_error, size,
				       "port '%s' must be a whole number from 1 to 65535", text);
	snprintf(ret_port, 6, "%d", (int)value);
	return 0;
}

/* An IPv6 address without brackets, perhaps with "%interface". */
static int parse_ipv6(const char *host, struct check_target *target, char *ret_error, size_t size)
{
	char text[ADDR_TEXT_SIZE], address[INET6_ADDRSTRLEN];
	struct in6_addr ignored;
	size_t length = strcspn(host, "%");

	if (length < sizeof(address)) {
		memcpy(address, host, length);
		address[length] = '\0';
	}
	if (length >= sizeof(address) || inet_pton(AF_INET6, address, &ignored) != 1)
		return sentence_refuse(ret_error, size, "'%s' is not an IPv6 address: " FORMS,
				       host);
	if ((size_t)snprintf(text, sizeof(text), "[%s]:%s", host, target->port) >= sizeof(text))
		return sentence_refuse(ret_error, size, "'%s' has too long an interface", host);
	/* The zone means something to this machine only (RFC 6874, 1). */
	snprintf(target->host, sizeof(target->host), "[%s]", address);
	return addr_parse(text, &target->addr, ret_error, size);
}

/* True if all labels have their length and the last one is no number. */
static bool is_name(const char *host)
{
	size_t length = strcspn(host, ".");

	if (host[strspn(host, NAME_CHARACTERS)] != '\0')
		return false;
	while (host[length] == '.' && host[length + 1] != '\0') {
		if (length == 0 || length > LABEL_MAX)
			return false;
		host += length + 1;
		length = strcspn(host, ".");
	}
	return length > 0 && length <= LABEL_MAX && strspn(host, "0123456789") != length &&
	       strncasecmp(host, "0x", 2) != 0;
}

/* What has no colon in it: an IPv4 address or a name. */
static int parse_plain(const char *host, struct check_target *target, char *ret_error, size_t size)
{
	char text[ADDR_TEXT_SIZE];
	struct in_addr ignored;

	if (strlen(host) >= sizeof(target->host) - 2)
		return sentence_refuse(ret_error, size,
				       "a name has at most 253 characters, not %zu", strlen(host));
	snprintf(target->host, sizeof(target->host), "%s", host);
	if (inet_pton(AF_INET, host, &ignored) == 1) {
		snprintf(text, sizeof(text), "%s:%s", host, target->port);
		return addr_parse(text, &target->addr, ret_error, size);
	}
	if (strchr(host, '%'))
		return sentence_refuse(ret_error, size,
				       "'%s': an interface stands behind an IPv6 address only, "
				       "such as fe80::1%%eth0",
				       host);
	if (!is_name(host))
		return sentence_refuse(ret_error, size,
				       "'%s' is neither an address nor a name: " FORMS, host);
	target->named = true;
	return 0;
}

/* text begins with a bracket. */
static int parse_brackets(const char *text, struct check_target *target, char *ret_error,
			  size_t size)
{
	const char *end = strchr(text, ']');
	char host[ADDR_TEXT_SIZE];
	int error = 0;

	if (!end || (end[1] != '\0' && end[1] != ':') || (size_t)(end - text) >= sizeof(host))
		return sentence_refuse(ret_error, size,
				       "'%s' is not like [2001:db8::1]:" CHECK_PORT ": " FORMS,
				       text);
	memcpy(host, text + 1, (size_t)(end - text) - 1);
	host[end - text - 1] = '\0';
	if (end[1] == ':')
		error = parse_port(end + 2, target->port, ret_error, size);
	return error < 0 ? error : parse_ipv6(host, target, ret_error, size);
}

static int parse_host(const char *text, struct check_target *target, char *ret_error, size_t size)
{
	const char *colon = strchr(text, ':');
	char host[CHECK_HOST_SIZE];
	size_t length;
	int error;

	if (text[0] == '[')
		return parse_brackets(text, target, ret_error, size);
	if (colon && strchr(colon + 1, ':'))
		return parse_ipv6(text, target, ret_error, size);
	if (!colon)
		return parse_plain(text, target, ret_error, size);
	length = (size_t)(colon - text);
	if (length >= sizeof(host))
		return sentence_refuse(ret_error, size,
				       "a name has at most 253 characters, not %zu", length);
	memcpy(host, text, length);
	host[length] = '\0';
	error = parse_port(colon + 1, target->port, ret_error, size);
	return error < 0 ? error : parse_plain(host, target, ret_error, size);
}

int check_target_parse(const char *text, struct check_target *ret_target, char *ret_error,
		       size_t size)
{
	struct check_target target = {.text = text, .port = CHECK_PORT};
	int error;

	if (text[0] == '\0')
		return sentence_refuse(ret_error, size, "an empty word is no host: " FORMS);
	if (strstr(text, "://"))
		return sentence_refuse(ret_error, size,
				       "'%.60s' is a URL: leave out what stands before and behind "
				       "the host; " FORMS,
				       text);
	if (strncmp(text, "unix:", 5) == 0) {
		snprintf(target.host, sizeof(target.host), "localhost");
		error = addr_parse(text, &target.addr, ret_error, size);
	} else {
		error = parse_host(text, &target, ret_error, size);
	}
	if (error == 0)
		*ret_target = target;
	return error;
}
