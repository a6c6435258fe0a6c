/* SPDX-License-Identifier: MIT */
/*
 * Socket addresses as operators write them, both families alike, never through DNS:
 *   [::1]:9777  192.0.2.1:9777  :9777 (both families)  unix:/run/x.sock
 */
#ifndef HOSTINGPI_ADDR_H
#define HOSTINGPI_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

union addr_any {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

struct addr {
	union addr_any any;
	socklen_t length;
};

#define ADDR_LIST_MAX 4
#define ADDR_ALLOW_MAX 16
/* "[" + 45 + "%" + 15 + "]:65535" or "unix:" + 107 */
#define ADDR_TEXT_SIZE 128

/* Addresses to listen on. ":9777" is one address, the IPv6 wildcard with IPv4 mapped. */
struct addr_list {
	size_t count;
	struct addr addrs[ADDR_LIST_MAX];
};

/* Networks that may connect; count 0: everybody. An IPv4 network also matches mapped addresses. */
struct addr_allow {
	size_t count;
	struct {
		struct in6_addr network; /* IPv4 as ::ffff:a.b.c.d */
		unsigned prefix_bits;	 /* 0..128 */
	} nets[ADDR_ALLOW_MAX];
};

/*
 * Parses one address. Port 0 is allowed (the kernel chooses). Returns 0, or -EINVAL with one sentence
 * in ret_error.
 */
int addr_parse(const char *text, struct addr *ret_addr, char *ret_error, size_t size);
int addr_list_parse(const char *text, struct addr_list *ret_list, char *ret_error, size_t size);
int addr_allow_parse(const char *text, struct addr_allow *ret_allow, char *ret_error, size_t size);

/* True if who listens on one of them keeps the other from being listened on. */
bool addr_is_conflict(const struct addr *a, const struct addr *b);

/* True if the peer may connect. Unix peers always may. */
bool addr_allowed(const struct addr_allow *allow, const struct sockaddr *peer);

/* Writes "[::1]:9777" (brackets for IPv6; mapped IPv4 as IPv4). Returns text. */
const char *addr_format(const struct sockaddr *sa, char *text, size_t size);
/* The same without port (and without brackets). */
const char *addr_format_host(const struct sockaddr *sa, char *text, size_t size);

/*
 * Opens a listening stream socket (non-blocking, close-on-exec, SO_REUSEADDR; IPV6_V6ONLY off for
 * the wildcard, on otherwise; a stale Unix socket is removed first, and every program may connect to
 * the new one). Returns the descriptor or negative errno. ret_bound gets the address with the port
 * that was chosen.
 */
int addr_listen(const struct addr *addr, int backlog, struct addr *ret_bound);

/*
 * The same for an address that this machine does not have yet (no network, no answer of DHCP): who calls it is
 * heard as soon as it is there. Not for loopback, nor for Unix sockets: -EADDRNOTAVAIL.
 */
int addr_listen_ahead(const struct addr *addr, int backlog, struct addr *ret_bound);

/* What to do about an errno (positive or negative) of addr_listen(), for the end of a message. */
const char *addr_listen_remedy(sa_family_t family, int error);

#endif
