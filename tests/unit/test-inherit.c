/* SPDX-License-Identifier: MIT */
/*
 * Sockets that come from the process before: which of them is taken for which address, what is said to
 * systemd about the others, and that an address is free again although systemd still holds the socket.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/inherit.h"

/* Where the descriptors "from systemd" are put. */
#define FIRST 100

struct world {
	struct sdnotify notify;
	int manager; /* the other end */
	struct inherit inherit;
};

static int setup(void **state)
{
	static struct world world;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair), 0);
	world = (struct world){.notify = {.fd = pair[0]}, .manager = pair[1]};
	unsetenv("LISTEN_FDS");
	inherit_open(&world.inherit, &world.notify);
	*state = &world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	inherit_close(&world->inherit);
	close(world->manager);
	close(world->notify.fd);
	return 0;
}

/* The next datagram, or ""; *ret_fd gets the descriptor that came with it, or -1. */
static const char *hear(const struct world *world, int *ret_fd)
{
	static char text[256];
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {text, sizeof(text) - 1};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	ssize_t length = recvmsg(world->manager, &message, 0);

	*ret_fd = -1;
	text[length > 0 ? length : 0] = '\0';
	if (length > 0 && CMSG_FIRSTHDR(&message))
		memcpy(ret_fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(*ret_fd));
	return text;
}

static void assert_heard(const struct world *world, const char *expected)
{
	int fd;

	assert_string_equal(hear(world, &fd), expected);
	if (fd >= 0)
		close(fd);
}

static struct addr parse(const char *text)
{
	struct addr addr;
	char error[128];

	assert_int_equal(addr_parse(text, &addr, error, sizeof(error)), 0);
	return addr;
}

/* A socket of the process before, at the place "from systemd"; its address with the port. */
static struct addr leave(int place, const char *text)
{
	struct addr addr = parse(text), bound;
	int fd = addr_listen(&addr, 5, &bound);

	assert_true(fd >= 0);
	assert_int_equal(dup2(fd, FIRST + place), FIRST + place);
	close(fd);
	return bound;
}

static bool listens(int fd)
{
	int value = 0;
	socklen_t size = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 && value;
}

static void test_new_ones_are_kept(void **state)
{
	struct world *world = *state;
	struct addr addr = parse("127.0.0.1:0"), bound;
	int stored, fd;

	assert_heard(world, "FDSTORE=1\nFDNAME=hostingpi-page");
	fd = inherit_listen(&world->inherit, &addr, 5, &bound);
	assert_true(fd >= 0);
	assert_string_equal(hear(world, &stored), "FDSTORE=1\nFDNAME=hostingpi-0");
	assert_true(listens(stored));
	/* Let go and asked for again, as in a reload: the same one, and systemd hears nothing. */
	inherit_release(&world->inherit, fd);
	assert_int_equal(inherit_listen(&world->inherit, &bound, 5, &addr), fd);
	inherit_settle(&world->inherit);
	assert_heard(world, "");
	/* What nobody wants stops listening, also where systemd has it. */
	inherit_release(&world->inherit, fd);
	inherit_settle(&world->inherit);
	assert_heard(world, "FDSTOREREMOVE=1\nFDNAME=hostingpi-0");
	assert_false(listens(stored));
	close(stored);
}

static void test_taken_by_address(void **state)
{
	struct world *world = *state;
	struct addr one = leave(0, "127.0.0.1:0"), two = leave(1, "127.0.0.2:0"), bound;

	assert_heard(world, "FDSTORE=1\nFDNAME=hostingpi-page");
	fcntl(FIRST, F_SETFL, 0);
	inherit_take(&world->inherit, FIRST, 2, "hostingpi-3:hostingpi-0");
	assert_int_equal(inherit_listen(&world->inherit, &two, 5, &bound), FIRST + 1);
	assert_int_equal(inherit_listen(&world->inherit, &one, 5, &bound), FIRST);
	assert_memory_equal(&bound.any.in, &one.any.in, sizeof(one.any.in));
	assert_true(fcntl(FIRST, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(FIRST, F_GETFD) & FD_CLOEXEC);
	/* Each once: somebody else who wants it is told that it is taken. */
	assert_int_equal(inherit_listen(&world->inherit, &one, 5, &bound), -EADDRINUSE);
	inherit_settle(&world->inherit);
	assert_heard(world, "");
}

static void test_one_in_the_way(void **state)
{
	struct world *world = *state;
	struct addr old = leave(0, "127.0.0.1:0"), bound, wanted = parse("0.0.0.0:1");
	int held = dup(FIRST), fd; /* systemd's */

	assert_heard(world, "FDSTORE=1\nFDNAME=hostingpi-page");
	wanted.any.in.sin_port = old.any.in.sin_port;
	inherit_take(&world->inherit, FIRST, 1, "hostingpi-0");
	fd = inherit_listen(&world->inherit, &wanted, 5, &bound);
	assert_true(fd >= 0);
	assert_heard(world, "FDSTOREREMOVE=1\nFDNAME=hostingpi-0");
	assert_heard(world, "FDSTORE=1\nFDNAME=hostingpi-0");
	assert_false(listens(held));
	close(held);
}

static void test_wildcard_of_one_family(void **state)
{
	struct world *world = *state;
	struct sockaddr_in6 any = {.sin6_family = AF_INET6};
	socklen_t size = sizeof(any);
	struct addr wanted = parse(":1"), bound;
	int on = 1, fd = socket(AF_INET6, SOCK_STREAM, 0);

	if (fd < 0)
		skip();
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	assert_int_equal(bind(fd, (const struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&any, &size), 0);
	dup2(fd, FIRST);
	close(fd);
	wanted.any.in6.sin6_port = any.sin6_port;
	assert_heard(world, "FDSTORE=1\nFDNAME=hostingpi-page");
	/* ":PORT" is for both families: this one would leave IPv4 outside. */
	inherit_take(&world->inherit, FIRST, 1, "hostingpi-0");
	fd = inherit_listen(&world->inherit, &wanted, 5, &bound);
	assert_true(fd >= 0);
	assert_heard(world, "FDSTOREREMOVE=1\nFDNAME=hostingpi-0");
	size = sizeof(on);
	assert_int_equal(getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, &size), 0);
	assert_int_equal(on, 0);
}

static void test_unix_without_its_file(void **state)
{
	struct world *world = *state;
	char path[64], text[80];
	struct addr bound, again;

	snprintf(path, sizeof(path), "/tmp/test-inherit-%d", (int)getpid());
	snprintf(text, sizeof(text), "unix:%s", path);
	bound = leave(0, text);
	leave(1, "127.0.0.1:0");
	assert_heard(world, "FDSTORE=1\nFDNAME=hostingpi-page");
	inherit_take(&world->inherit, FIRST, 2, "hostingpi-0:hostingpi-1");
	assert_int_equal(inherit_listen(&world->inherit, &bound, 5, &again), FIRST);
	inherit_release(&world->inherit, FIRST);
	/* Nobody can reach it any more. */
	assert_int_equal(unlink(path), 0);
	int fd = inherit_listen(&world->inherit, &bound, 5, &again);
	assert_true(fd >= 0 && fd != FIRST);
	assert_int_equal(access(path, F_OK), 0);
	unlink(path);
}

static void test_what_is_no_socket_of_ours(void **state)
{
	struct world *world = *state;
	struct addr lent;
	int pair[2];

	assert_heard(world, "FDSTORE=1\nFDNAME=hostingpi-page");
	assert_int_equal(pipe(pair), 0);
	dup2(pair[0], FIRST);
	close(pair[0]);
	close(pair[1]);
	dup2(socket(AF_INET, SOCK_DGRAM, 0), FIRST + 1);
	lent = leave(2, "127.0.0.1:0");
	int held = dup(FIRST + 2);
	/* Number 3 is not there at all. */
	inherit_take(&world->inherit, FIRST, 4, "hostingpi-0::my.socket:hostingpi-1");
	assert_heard(world, "FDSTOREREMOVE=1\nFDNAME=hostingpi-0");
	assert_heard(world, "");
	assert_int_equal(fcntl(FIRST, F_GETFD), -1);
	assert_int_equal(fcntl(FIRST + 1, F_GETFD), -1);
	/* Of a .socket unit: closed here, left as it is there, and never stored. */
	struct addr bound;
	assert_int_equal(inherit_listen(&world->inherit, &lent, 5, &bound), FIRST + 2);
	inherit_settle(&world->inherit);
	inherit_release(&world->inherit, FIRST + 2);
	inherit_settle(&world->inherit);
	assert_heard(world, "");
	assert_true(listens(held));
	close(held);
}

static void test_page(void **state)
{
	struct world *world = *state;
	struct inherit next = {0};
	int stored;

	assert_string_equal(hear(world, &stored), "FDSTORE=1\nFDNAME=hostingpi-page");
	strcpy(world->inherit.page, "hello");
	dup2(stored, FIRST);
	close(stored);
	next = (struct inherit){.notify = &world->notify, .page_fd = -1};
	for (size_t i = 0; i < INHERIT_SOCKETS; i++)
		next.sockets[i].fd = -1;
	inherit_take(&next, FIRST, 1, "hostingpi-page");
	assert_string_equal(next.page, "hello");
	assert_int_equal(ftruncate(next.page_fd, 0), -1); /* nobody cuts it short */
	inherit_close(&next);
	/* One that could be is not mapped, nor one that is shorter or longer. */
	for (int i = 0; i < 3; i++) {
		int other = memfd_create("x", MFD_ALLOW_SEALING);

		assert_int_equal(ftruncate(other, INHERIT_PAGE_SIZE + (i - 1) * 1024), 0);
		if (i != 1)
			assert_int_equal(fcntl(other, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
		next = (struct inherit){.notify = &world->notify, .page_fd = -1};
		for (size_t j = 0; j < INHERIT_SOCKETS; j++)
			next.sockets[j].fd = -1;
		dup2(other, FIRST);
		close(other);
		inherit_take(&next, FIRST, 1, "hostingpi-page");
		assert_null(next.page);
		assert_heard(world, "FDSTOREREMOVE=1\nFDNAME=hostingpi-page");
		inherit_close(&next);
	}
}

/* Before the network is there: it is heard as soon as that is. */
static void test_an_address_that_comes_later(void **state)
{
	static const char *const later[] = {"192.0.2.1:0", "[2001:db8::1]:0"};
	struct world *world = *state;
	struct addr bound;

	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
		const struct addr addr = parse(later[i]);
		int fd = inherit_listen(&world->inherit, &addr, 5, &bound);
		int alone = inherit_listen(NULL, &addr, 5, &bound);

		if (fd == -EAFNOSUPPORT)
			continue;
		assert_true(fd >= 0 && listens(fd));
		assert_true(alone >= 0 && listens(alone));
		close(alone);
	}
}

/* In a child: what the environment says is believed if it is meant for us, and taken out of it. 0: as it must be. */
static int open_with(const char *pid, const char *count, bool taken)
{
	static const char *const names[] = {"LISTEN_FDS", "LISTEN_PID", "LISTEN_PIDFDID",
					    "LISTEN_FDNAMES"};
	struct sdnotify nobody = {.fd = -1};
	struct inherit inherit;
	struct addr addr = parse("127.0.0.1:0"), bound, again;
	int fd = addr_listen(&addr, 5, &bound);

	dup2(fd, 3); /* SD_LISTEN_FDS_START; what a child has there is no matter */
	if (fd != 3)
		close(fd);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		setenv(names[i], "hostingpi-0", 1);
	setenv("LISTEN_FDS", count, 1);
	setenv("LISTEN_PID", pid, 1);
	alarm(120); /* for who counts to the end of the numbers */
	inherit_open(&inherit, &nobody);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (getenv(names[i]))
			return 1;
	return inherit_listen(&inherit, &bound, 5, &again) != (taken ? 3 : -EADDRINUSE);
}

static void test_what_the_environment_says(void **state)
{
	char pid[16];

	(void)state;
	for (int way = 0; way < 3; way++) {
		pid_t child = fork();
		int status;

		assert_true(child >= 0);
		if (child == 0) {
			snprintf(pid, sizeof(pid), "%d", way == 1 ? getppid() : getpid());
			_exit(open_with(pid, way == 2 ? "99999999999" : "1", way != 1));
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_new_ones_are_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_taken_by_address, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_in_the_way, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wildcard_of_one_family, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unix_without_its_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_no_socket_of_ours, setup, teardown),
		cmocka_unit_test_setup_teardown(test_page, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_address_that_comes_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_the_environment_says, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
