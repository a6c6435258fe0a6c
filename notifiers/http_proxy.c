/* SPDX-License-Identifier: MIT */
/*
 * The format is that of HAProxy's doc/proxy-protocol.txt (2020). One byte after the other is taken until it is clear
 * what this is: "\r\n\r\n" may begin a header of version 2 and a request (a server skips empty lines before
 * it), "PROX" one of version 1, and "PROP" a method of WebDAV.
 *
 * LOCAL (a health check of the proxy itself), UNKNOWN and families other than IP name nobody: then the
 * address is that of the connection. What a header demands beyond addresses (TLVs) is skipped.
 */
#include "notifiers/http_proxy.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

static const unsigned char signature[12] = {'\r', '\n', '\r', '\n', 0,	 '\r',
					    '\n', 'Q',	'U',  'I',  'T', '\n'};
static const unsigned char word[6] = {'P', 'R', 'O', 'X', 'Y', ' '};

/* Version 2: signature, version and command, family and transport, two bytes of length. */
#define FIXED_SIZE 16
#define IPV4_SIZE 12 /* two addresses, two ports */
#define IPV6_SIZE 36

void http_proxy_start(struct http_proxy *proxy)
{
	proxy->used = proxy->skip = 0;
	proxy->outcome = HTTP_PROXY_OPEN;
}

static bool begins(const struct http_proxy *proxy, const unsigned char *start, size_t size)
{
	return memcmp(proxy->bytes, start, proxy->used < size ? proxy->used : size) == 0;
}

static struct in6_addr map_ipv4(const void *ipv4)
{
	struct in6_addr host = {.s6_addr = {[10] = 0xff, [11] = 0xff}};

	memcpy(&host.s6_addr[12], ipv4, 4);
	return host;
}

/* A port in decimal, 0..65535, without sign, blanks and leading zeroes. */
static bool is_port(const char *text)
{
	size_t length = strspn(text, "0123456789");
	unsigned value = 0;

	if (length == 0 || length > 5 || text[length] || (text[0] == '0' && length > 1))
		return false;
	for (; *text; text++)
		value = value * 10 + (unsigned)(*text - '0');
	return value <= UINT16_MAX;
}

/* Cuts the next word off; words are parted by exactly one blank. */
static char *cut(char **at)
{
	char *start = *at, *blank = start ? strchr(start, ' ') : NULL;

	if (blank)
		*blank = '\0';
	*at = blank ? blank + 1 : NULL;
	return start;
}

/* A whole line of version 1, without its end. */
static enum http_proxy_progress read_line(struct http_proxy *proxy, size_t length)
{
	char line[HTTP_PROXY_SIZE + 1];
	unsigned char source[16], target[16];

	memcpy(line, proxy->bytes, length);
	line[length] = '\0';
	if (strlen(line) != length)
		return HTTP_PROXY_BAD;
	char *at = line + sizeof(word), *family = cut(&at);
	if (strcmp(family, "UNKNOWN") == 0)
		return HTTP_PROXY_PLAIN;
	int af = strcmp(family, "TCP6") == 0 ? AF_INET6 : AF_INET;
	if (af == AF_INET && strcmp(family, "TCP4") != 0)
		return HTTP_PROXY_BAD;
	char *from = cut(&at), *to = cut(&at), *from_port = cut(&at), *to_port = cut(&at);
	if (!to_port || at || inet_pton(af, from, source) != 1 || inet_pton(af, to, target) != 1 ||
	    !is_port(from_port) || !is_port(to_port))
		return HTTP_PROXY_BAD;
	if (af == AF_INET)
		proxy->host = map_ipv4(source);
	else
		memcpy(&proxy->host, source, sizeof(source));
	return HTTP_PROXY_SOURCE;
}

static enum http_proxy_progress judge_line(struct http_proxy *proxy)
{
	size_t used = proxy->used;

	if (used > sizeof(word) && proxy->bytes[used - 1] == '\n')
		return proxy->bytes[used - 2] == '\r' ? read_line(proxy, used - 2) : HTTP_PROXY_BAD;
	return used == sizeof(proxy->bytes) ? HTTP_PROXY_BAD : HTTP_PROXY_OPEN;
}

/* The declared length of what follows the fixed part. */
static size_t get_length(const struct http_proxy *proxy)
{
	return (size_t)proxy->bytes[14] << 8 | proxy->bytes[15];
}

/* How many bytes the addresses of this family take; 0: it has none that we use. */
static size_t get_address_size(const struct http_proxy *proxy)
{
	switch (proxy->bytes[13] >> 4) {
	case 1:
		return IPV4_SIZE;
	case 2:
		return IPV6_SIZE;
	default:
		return 0;
	}
}

static bool is_valid(const struct http_proxy *proxy)
{
	unsigned command = proxy->bytes[12], family = proxy->bytes[13];

	return (command == 0x20 || command == 0x21) && family >> 4 <= 3 && (family & 15) <= 2 &&
	       get_length(proxy) <= HTTP_PROXY_MORE &&
	       (command == 0x20 || get_length(proxy) >= get_address_size(proxy));
}

static enum http_proxy_progress judge_binary(struct http_proxy *proxy)
{
	if (proxy->used < FIXED_SIZE)
		return HTTP_PROXY_OPEN;
	if (proxy->used == FIXED_SIZE && !is_valid(proxy))
		return HTTP_PROXY_BAD;
	bool named = proxy->bytes[12] == 0x21 && get_address_size(proxy) > 0;
	size_t wanted = FIXED_SIZE + (named ? get_address_size(proxy) : 0);
	if (proxy->used < wanted)
		return HTTP_PROXY_OPEN;
	proxy->skip = FIXED_SIZE + get_length(proxy) - wanted;
	if (!named)
		return HTTP_PROXY_PLAIN;
	if (get_address_size(proxy) == IPV4_SIZE)
		proxy->host = map_ipv4(proxy->bytes + FIXED_SIZE);
	else
		memcpy(&proxy->host, proxy->bytes + FIXED_SIZE, sizeof(proxy->host));
	return HTTP_PROXY_SOURCE;
}

static enum http_proxy_progress judge(struct http_proxy *proxy)
{
	if (begins(proxy, word, sizeof(word)))
		return judge_line(proxy);
	if (!begins(proxy, signature, sizeof(signature)))
		return HTTP_PROXY_NONE;
	return judge_binary(proxy);
}

enum http_proxy_progress http_proxy_take(struct http_proxy *proxy, const char *bytes, size_t length,
					 size_t *ret_used)
{
	size_t used = 0;

	while (proxy->outcome == HTTP_PROXY_OPEN && used < length) {
		proxy->bytes[proxy->used++] = (unsigned char)bytes[used++];
		proxy->outcome = judge(proxy);
	}
	size_t skip = proxy->skip < length - used ? proxy->skip : length - used;
	proxy->skip -= skip;
	*ret_used = used + skip;
	return proxy->skip > 0 ? HTTP_PROXY_OPEN : proxy->outcome;
}
