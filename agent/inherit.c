/* SPDX-License-Identifier: MIT */
/*
 * A listening socket is known by the address that it is bound to: the configuration says which are wanted,
 * whatever the process before listened on. Ours have the names "hostingpi-0", "hostingpi-1" and so on in
 * the store, after their place here, because systemd forgets by name. What comes under another name is
 * lent by a .socket unit that somebody wrote; it is used all the same.
 *
 * A descriptor that systemd holds as well is still open after close(). shutdown() ends the listening
 * itself, so that another socket may have the address at once, before systemd has heard of it.
 */
#include "agent/inherit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/procfs.h"

#define FIRST_FD 3 /* sd_listen_fds(3) */
/* No unit has more, and a number beyond that would only cost time. */
#define FDS_MOST 1024
#define NAME_PREFIX "hostingpi-"
#define NAME_PAGE "hostingpi-page"
#define NAME_SIZE 32
/* Nobody else may cut it short: reading behind the end of a file is SIGBUS. */
#define PAGE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

static void name_format(size_t place, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, NAME_PREFIX "%zu", place);
}

/* The place that a name of ours stands for; INHERIT_SOCKETS: it is none of ours. */
static size_t name_place(const char *name)
{
	char ours[NAME_SIZE];

	for (size_t i = 0; i < INHERIT_SOCKETS; i++) {
		name_format(i, ours);
		if (strcmp(name, ours) == 0)
			return i;
	}
	return INHERIT_SOCKETS;
}

static void forget(const struct inherit *inherit, const char *name)
{
	sdnotify_send(inherit->notify, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}

/* 0 with the address if it is a listening stream socket, else -EINVAL. */
static int inspect(int fd, struct addr *ret_bound)
{
	struct addr bound = {.length = sizeof(bound.any)};
	int type = 0, listens = 0, flags = fcntl(fd, F_GETFL);
	socklen_t size = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_STREAM)
		return -EINVAL;
	size = sizeof(listens);
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0 || !listens)
		return -EINVAL;
	if (getsockname(fd, &bound.any.sa, &bound.length) < 0 ||
	    (bound.any.sa.sa_family != AF_INET && bound.any.sa.sa_family != AF_INET6 &&
	     bound.any.sa.sa_family != AF_UNIX))
		return -EINVAL;
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -EINVAL;
	*ret_bound = bound;
	return 0;
}

static struct inherit_socket *find_free(struct inherit *inherit)
{
	for (size_t i = 0; i < INHERIT_SOCKETS; i++)
		if (inherit->sockets[i].fd < 0)
			return &inherit->sockets[i];
	return NULL;
}

static void take_socket(struct inherit *inherit, int fd, const char *name)
{
	size_t number = name_place(name);
	bool lent = number == INHERIT_SOCKETS;
	struct inherit_socket *place = lent ? find_free(inherit) : &inherit->sockets[number];
	struct addr bound;

	if (place && place->fd < 0 && inspect(fd, &bound) == 0) {
		*place = (struct inherit_socket){
			.fd = fd,
			.lent = lent,
			.kept = !lent,
			.bound = bound,
		};
		return;
	}
	log_warning("descriptor %d (\"%s\") from systemd is no listening socket, or one too many; "
		    "it is not used",
		    fd, name);
	close(fd);
	/* Two of one name: the other one goes as well, and is stored anew. */
	if (!lent && place->fd >= 0)
		place->kept = false;
	if (!lent)
		forget(inherit, name);
}

static bool map_page(struct inherit *inherit, int fd)
{
	void *page = mmap(NULL, INHERIT_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (page == MAP_FAILED)
		return false;
	inherit->page = page;
	inherit->page_fd = fd;
	return true;
}

static void take_page(struct inherit *inherit, int fd)
{
	struct stat file;
	int seals = fcntl(fd, F_GET_SEALS);

	if (!inherit->page && seals >= 0 && (seals & PAGE_SEALS) == PAGE_SEALS &&
	    fstat(fd, &file) == 0 && file.st_size == INHERIT_PAGE_SIZE && map_page(inherit, fd))
		return;
	close(fd);
	forget(inherit, NAME_PAGE);
}

static void make_page(struct inherit *inherit)
{
	int fd = memfd_create(NAME_PAGE, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	/* Reserved at once: a store into a hole is SIGBUS when memory is short. */
	if (fd >= 0 && posix_fallocate(fd, 0, INHERIT_PAGE_SIZE) == 0 &&
	    fcntl(fd, F_ADD_SEALS, PAGE_SEALS) == 0 && map_page(inherit, fd)) {
		sdnotify_store(inherit->notify, fd, NAME_PAGE);
		return;
	}
	log_info("no memory can be left to a restart: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
}

void inherit_take(struct inherit *inherit, int first, int count, const char *names)
{
	for (int i = 0; i < count; i++) {
		size_t length = names ? strcspn(names, ":") : 0;
		char name[NAME_SIZE];
		int fd = first + i;

		/* A longer one is not ours, cut or not. */
		snprintf(name, sizeof(name), "%.*s", (int)length, names ? names : "");
		if (names && names[length] == ':')
			names += length + 1;
		else
			names = NULL;
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
			continue;
		if (strcmp(name, NAME_PAGE) == 0)
			take_page(inherit, fd);
		else
			take_socket(inherit, fd, name);
	}
}

void inherit_open(struct inherit *inherit, const struct sdnotify *notify)
{
	const char *fds = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	int64_t count, owner;

	*inherit = (struct inherit){.notify = notify, .page_fd = -1};
	for (size_t i = 0; i < INHERIT_SOCKETS; i++)
		inherit->sockets[i].fd = -1;
	if (fds && pid && procfs_integer(pid, &owner) == 0 && owner == getpid() &&
	    procfs_integer(fds, &count) == 0)
		inherit_take(inherit, FIRST_FD, count < FDS_MOST ? (int)count : FDS_MOST,
			     getenv("LISTEN_FDNAMES"));
	if (!inherit->page && notify->fd >= 0)
		make_page(inherit);
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_PIDFDID");
	unsetenv("LISTEN_FDNAMES");
}

void inherit_close(struct inherit *inherit)
{
	for (size_t i = 0; inherit->notify && i < INHERIT_SOCKETS; i++)
		if (inherit->sockets[i].fd >= 0)
			close(inherit->sockets[i].fd);
	if (inherit->page) {
		munmap(inherit->page, INHERIT_PAGE_SIZE);
		close(inherit->page_fd);
	}
	*inherit = (struct inherit){0};
}

static bool is_any(const struct addr *addr)
{
	if (addr->any.sa.sa_family == AF_INET6)
		return IN6_IS_ADDR_UNSPECIFIED(&addr->any.in6.sin6_addr);
	return addr->any.in.sin_addr.s_addr == INADDR_ANY;
}

static bool is_same(const struct addr *a, const struct addr *b)
{
	if (a->any.sa.sa_family != b->any.sa.sa_family)
		return false;
	switch (a->any.sa.sa_family) {
	case AF_INET:
		return a->any.in.sin_port == b->any.in.sin_port &&
		       a->any.in.sin_addr.s_addr == b->any.in.sin_addr.s_addr;
	case AF_INET6:
		return a->any.in6.sin6_port == b->any.in6.sin6_port &&
		       a->any.in6.sin6_scope_id == b->any.in6.sin6_scope_id &&
		       memcmp(&a->any.in6.sin6_addr, &b->any.in6.sin6_addr,
			      sizeof(a->any.in6.sin6_addr)) == 0;
	default:
		return a->any.un.sun_path[0] != '\0' &&
		       strncmp(a->any.un.sun_path, b->any.un.sun_path,
			       sizeof(a->any.un.sun_path)) == 0;
	}
}

/* Whether a socket bound to one can keep another one from the other address. */
static bool overlaps(const struct addr *a, const struct addr *b)
{
	if (a->any.sa.sa_family == AF_UNIX || b->any.sa.sa_family == AF_UNIX)
		return is_same(a, b);
	/* The port stands at the same place in both families. */
	return a->any.in.sin_port == b->any.in.sin_port &&
	       (is_any(a) || is_any(b) || is_same(a, b));
}

/* Whether callers of the address that is wanted reach this socket, all of them. */
static bool fits(const struct inherit_socket *place, const struct addr *addr)
{
	int v6_only = 0;
	socklen_t size = sizeof(v6_only);
	struct stat file;

	if (!is_same(&place->bound, addr))
		return false;
	/* Without its file nobody can call. Whether the file is still that of this socket is not to be seen. */
	if (addr->any.sa.sa_family == AF_UNIX)
		return lstat(addr->any.un.sun_path, &file) == 0 && S_ISSOCK(file.st_mode);
	/* As in addr_listen(): the wildcard is for both families. */
	return addr->any.sa.sa_family == AF_INET || !is_any(addr) ||
	       (getsockopt(place->fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, &size) == 0 && !v6_only);
}

static void drop(struct inherit *inherit, struct inherit_socket *place)
{
	char name[NAME_SIZE], text[ADDR_TEXT_SIZE];

	addr_format(&place->bound.any.sa, text, sizeof(text));
	if (place->lent) {
		log_warning("systemd hands over a socket for %s, which no listen names: callers "
			    "there wait in vain; stop its .socket unit, or add it to listen",
			    text);
	} else {
		shutdown(place->fd, SHUT_RDWR);
		name_format((size_t)(place - inherit->sockets), name);
		forget(inherit, name);
		log_debug("%s: not listening any more", text);
	}
	close(place->fd);
	place->fd = -1;
}

static bool drop_overlapping(struct inherit *inherit, const struct addr *addr)
{
	bool dropped = false;

	for (size_t i = 0; i < INHERIT_SOCKETS; i++) {
		struct inherit_socket *place = &inherit->sockets[i];

		if (place->fd < 0 || place->used || !overlaps(&place->bound, addr))
			continue;
		drop(inherit, place);
		dropped = true;
	}
	return dropped;
}

static void keep(struct inherit *inherit, struct inherit_socket *place)
{
	char name[NAME_SIZE];

	name_format((size_t)(place - inherit->sockets), name);
	place->kept = sdnotify_store(inherit->notify, place->fd, name) == 0;
}

/* The agent is there before the network is: an address may be one that this machine has later. */
static int listen_there(const struct addr *addr, int backlog, struct addr *ret_bound)
{
	char text[ADDR_TEXT_SIZE];
	int fd = addr_listen(addr, backlog, ret_bound);

	if (fd != -EADDRNOTAVAIL)
		return fd;
	fd = addr_listen_ahead(addr, backlog, ret_bound);
	if (fd >= 0)
		log_warning("this machine does not have the address of %s yet: who calls it is "
			    "heard as soon as it does (listen)",
			    addr_format(&addr->any.sa, text, sizeof(text)));
	return fd;
}

static int open_new(struct inherit *inherit, const struct addr *addr, int backlog,
		    struct addr *ret_bound)
{
	struct inherit_socket *place;
	int fd = listen_there(addr, backlog, ret_bound);

	if (fd == -EADDRINUSE && drop_overlapping(inherit, addr))
		fd = listen_there(addr, backlog, ret_bound);
	place = fd >= 0 ? find_free(inherit) : NULL;
	if (place) {
		*place = (struct inherit_socket){.fd = fd, .used = true, .bound = *ret_bound};
		keep(inherit, place);
	}
	return fd;
}

int inherit_listen(struct inherit *inherit, const struct addr *addr, int backlog,
		   struct addr *ret_bound)
{
	if (!inherit)
		return listen_there(addr, backlog, ret_bound);
	for (size_t i = 0; i < INHERIT_SOCKETS; i++) {
		struct inherit_socket *place = &inherit->sockets[i];

		if (place->fd < 0 || place->used || !fits(place, addr))
			continue;
		listen(place->fd, backlog); /* another version may have had a shorter one */
		place->used = true;
		*ret_bound = place->bound;
		return place->fd;
	}
	return open_new(inherit, addr, backlog, ret_bound);
}

void inherit_release(struct inherit *inherit, int fd)
{
	for (size_t i = 0; inherit && i < INHERIT_SOCKETS; i++) {
		if (inherit->sockets[i].fd == fd) {
			inherit->sockets[i].used = false;
			return;
		}
	}
	close(fd);
}

void inherit_settle(struct inherit *inherit)
{
	for (size_t i = 0; i < INHERIT_SOCKETS; i++) {
		struct inherit_socket *place = &inherit->sockets[i];

		if (place->fd < 0)
			continue;
		if (!place->used)
			drop(inherit, place);
		else if (!place->lent && !place->kept)
			keep(inherit, place);
	}
}
