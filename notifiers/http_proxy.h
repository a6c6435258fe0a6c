/* SPDX-License-Identifier: MIT */
/*
 * The header of the PROXY protocol, versions 1 and 2, from bytes as they arrive: who is behind the proxy
 * that connected. Pure: no descriptor, no clock.
 */
#ifndef HOSTINGPI_HTTP_PROXY_H
#define HOSTINGPI_HTTP_PROXY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

/* 107 bytes: the longest line of version 1. The part of version 2 that we look at has 52. */
#define HTTP_PROXY_SIZE 107
/* 4 KiB: what may follow the addresses in version 2 (a certificate's name and the like) and is skipped. */
#define HTTP_PROXY_MORE 4096

enum http_proxy_progress {
	HTTP_PROXY_OPEN,   /* all bytes were taken, more must come */
	HTTP_PROXY_SOURCE, /* a header with an address: in host */
	HTTP_PROXY_PLAIN,  /* a header without: whoever connected speaks for himself */
	HTTP_PROXY_NONE, /* these bytes begin something else; all that was taken stands in bytes */
	HTTP_PROXY_BAD,	 /* it begins like a header and is none */
};

struct http_proxy {
	unsigned char bytes[HTTP_PROXY_SIZE];
	size_t used; /* in bytes */
	enum http_proxy_progress outcome;
	size_t skip;	      /* that still belong to the header */
	struct in6_addr host; /* an IPv4 address in mapped form */
};

/* Zeroed is a start; this is one again. */
void http_proxy_start(struct http_proxy *proxy);
/*
 * Takes bytes. ret_used: how many of them were taken; what follows is the request. Not to be called again
 * after another outcome than HTTP_PROXY_OPEN.
 */
enum http_proxy_progress http_proxy_take(struct http_proxy *proxy, const char *bytes, size_t length,
					 size_t *ret_used);

#endif
