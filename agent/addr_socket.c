/* SPDX-License-Identifier: MIT */
/*
 * Addresses of the running program: who may connect, how a peer is called, and listening sockets.
 */
#include "agent/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* True if the address is IPv4, plain or mapped; then *ret_address gets it. */
static bool get_ipv4(const struct sockaddr *sa, struct in_addr *ret_address)
{
	const union addr_any *any = (const void *)sa;

	if (sa->sa_family == AF_INET) {
		*ret_address = any->in.sin_addr;
		return true;
	}
	if (sa->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&any->in6.sin6_addr)) {
		memcpy(ret_address, &any->in6.sin6_addr.s6_addr[12], sizeof(*ret_address));
		return true;
	}
	return false;
}

static bool is_within(const struct in6_addr *address, const struct in6_addr *network,
		      unsigned prefix_bits)
{
	unsigned bytes = prefix_bits / 8, rest = prefix_bits % 8;

	if (memcmp(address, network, bytes) != 0)
		return false;
	return rest == 0 ||
	       ((address->s6_addr[bytes] ^ network->s6_addr[bytes]) >> (8 - rest)) == 0;
}

bool addr_allowed(const struct addr_allow *allow, const struct sockaddr *peer)
{
	const union addr_any *any = (const void *)peer;
	struct in6_addr address;
	struct in_addr ipv4;
	bool mapped;

	if (allow->count == 0 || peer->sa_family == AF_UNIX)
		return true;
	mapped = get_ipv4(peer, &ipv4);
	if (mapped) {
		address = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
		memcpy(&address.s6_addr[12], &ipv4, sizeof(ipv4));
	} else if (peer->sa_family == AF_INET6) {
		address = any->in6.sin6_addr;
	} else {
		return false;
	}
	for (size_t i = 0; i < allow->count; i++) {
		const struct in6_addr *network = &allow->nets[i].network;

		/* "::/0" means every IPv6 address; it must not let IPv4 in through its mapped form. */
		if (mapped && !IN6_IS_ADDR_V4MAPPED(network))
			continue;
		if (is_within(&address, network, allow->nets[i].prefix_bits))
			return true;
	}
	return false;
}

const char *addr_format_host(const struct sockaddr *sa, char *text, size_t size)
{
	const union addr_any *any = (const void *)sa;
	char host[INET6_ADDRSTRLEN], zone[IF_NAMESIZE];
	struct in_addr ipv4;

	if (get_ipv4(sa, &ipv4)) {
		snprintf(text, size, "%s", inet_ntop(AF_INET, &ipv4, host, sizeof(host)));
	} else if (sa->sa_family == AF_INET6) {
		uint32_t scope = any->in6.sin6_scope_id;

		inet_ntop(AF_INET6, &any->in6.sin6_addr, host, sizeof(host));
		if (scope == 0)
			snprintf(text, size, "%s", host);
		else if (if_indextoname(scope, zone))
			snprintf(text, size, "%s%%%s", host, zone);
		else
			snprintf(text, size, "%s%%%u", host, scope);
	} else if (sa->sa_family == AF_UNIX) {
		/* A path that fills sun_path has no NUL byte at its end. */
		snprintf(text, size, "unix:%.*s", (int)sizeof(any->un.sun_path), any->un.sun_path);
	} else {
		snprintf(text, size, "address of family %d", sa->sa_family);
	}
	return text;
}

const char *addr_format(const struct sockaddr *sa, char *text, size_t size)
{
	const union addr_any *any = (const void *)sa;
	char host[ADDR_TEXT_SIZE];
	struct in_addr ipv4;

	addr_format_host(sa, host, sizeof(host));
	/* The port stands at the same place in both families. */
	if (get_ipv4(sa, &ipv4))
		snprintf(text, size, "%s:%u", host, ntohs(any->in.sin_port));
	else if (sa->sa_family == AF_INET6)
		snprintf(text, size, "[%s]:%u", host, ntohs(any->in6.sin6_port));
	else
		snprintf(text, size, "%s", host);
	return text;
}

/* True if nobody listens on the Unix socket any more. Only a refused connection proves that. */
static bool is_stale_socket(const struct addr *addr)
{
	__attribute__((cleanup(closep))) int fd = -1;
	struct stat info;

	if (lstat(addr->any.un.sun_path, &info) < 0 || !S_ISSOCK(info.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return fd >= 0 && connect(fd, &addr->any.sa, addr->length) < 0 && errno == ECONNREFUSED;
}

/* A Unix socket is open to all programs here, as loopback is; its directory can say otherwise. */
static int bind_once(int fd, const struct addr *addr)
{
	if (bind(fd, &addr->any.sa, addr->length) < 0)
		return -1;
	return addr->any.sa.sa_family == AF_UNIX ? chmod(addr->any.un.sun_path, 0666) : 0;
}

static int bind_socket(int fd, const struct addr *addr)
{
	if (bind_once(fd, addr) == 0)
		return 0;
	if (errno != EADDRINUSE || addr->any.sa.sa_family != AF_UNIX)
		return -errno;
	if (!is_stale_socket(addr))
		return -EADDRINUSE;
	if (unlink(addr->any.un.sun_path) < 0 && errno != ENOENT)
		return -errno;
	return bind_once(fd, addr) < 0 ? -errno : 0;
}

static bool is_loopback(const struct addr *addr)
{
	if (addr->any.sa.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&addr->any.in6.sin6_addr);
	return addr->any.sa.sa_family == AF_INET &&
	       ntohl(addr->any.in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

/* The address may come later. Loopback is there or never: a kernel without that family. */
static int set_ahead(int fd, const struct addr *addr)
{
	int on = 1;

	if (addr->any.sa.sa_family == AF_UNIX || is_loopback(addr))
		return -EADDRNOTAVAIL;
	/* This one is of IPv6 as well, at the level of IPv4 (ip(7)). */
	return setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)) < 0 ? -errno : 0;
}

static int set_options(int fd, const struct addr *addr)
{
	int on = 1, v6_only = !IN6_IS_ADDR_UNSPECIFIED(&addr->any.in6.sin6_addr);

	if (addr->any.sa.sa_family == AF_UNIX)
		return 0;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -errno;
	/* Said either way: the default is a matter of sysctl net.ipv6.bindv6only. */
	if (addr->any.sa.sa_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only)) < 0)
		return -errno;
	return 0;
}

static int listen_on(const struct addr *addr, int backlog, bool ahead, struct addr *ret_bound)
{
	__attribute__((cleanup(closep))) int fd = -1;
	struct addr bound = {.length = sizeof(bound.any)}, ipv4;
	int error;

	fd = socket(addr->any.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 && errno == EAFNOSUPPORT && addr->any.sa.sa_family == AF_INET6 &&
	    IN6_IS_ADDR_UNSPECIFIED(&addr->any.in6.sin6_addr)) {
		/* A kernel without IPv6: "both families" is then IPv4. */
		ipv4 = (struct addr){.length = sizeof(ipv4.any.in)};
		ipv4.any.in.sin_family = AF_INET;
		ipv4.any.in.sin_port = addr->any.in6.sin6_port;
		addr = &ipv4;
		fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	}
	if (fd < 0)
		return -errno;
	error = set_options(fd, addr);
	if (error == 0 && ahead)
		error = set_ahead(fd, addr);
	if (error == 0)
		error = bind_socket(fd, addr);
	if (error < 0)
		return error;
	if (listen(fd, backlog) < 0 || getsockname(fd, &bound.any.sa, &bound.length) < 0)
		return -errno;
	*ret_bound = bound;
	error = fd;
	fd = -1;
	return error;
}

int addr_listen(const struct addr *addr, int backlog, struct addr *ret_bound)
{
	return listen_on(addr, backlog, false, ret_bound);
}

int addr_listen_ahead(const struct addr *addr, int backlog, struct addr *ret_bound)
{
	return listen_on(addr, backlog, true, ret_bound);
}

static const char *unix_remedy(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "another program answers there, or a file that is no socket is in the way: "
		       "stop or remove it, or choose another path";
	case EACCES:
	case EPERM:
	case EROFS:
		return "choose a directory that this user may write to";
	case ENOENT:
	case ENOTDIR:
		return "its directory is not there: make it, or choose another path";
	default:
		return "correct the path";
	}
}

static const char *ip_remedy(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "another program has it: stop that one, or choose another port";
	case EADDRNOTAVAIL:
		return "this machine does not have that address: correct it, or leave it out "
		       "(such as :9777) for all addresses";
	case EACCES:
	case EPERM:
		return "this port is not permitted to this user: choose one above 1023";
	default:
		return "correct the address";
	}
}

const char *addr_listen_remedy(sa_family_t family, int error)
{
	if (error < 0)
		error = -error;
	/* These have nothing to do with the address. */
	switch (error) {
	case EMFILE:
		return "this process may not open more files: raise LimitNOFILE= of its service, "
		       "or ulimit -n";
	case ENFILE:
		return "the whole system may not open more files: find what holds them, or raise "
		       "fs.file-max";
	case ENOBUFS:
	case ENOMEM:
		return "the kernel has no memory for it: free some and restart";
	case EAFNOSUPPORT:
		return "this machine has no such family of addresses: leave it out";
	default:
		return family == AF_UNIX ? unix_remedy(error) : ip_remedy(error);
	}
}
