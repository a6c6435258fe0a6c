/* SPDX-License-Identifier: MIT */
/* Sockets that come from the process before: by which addresses they are known, with an interface behind them or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/inherit.h"

/* Where the descriptor "from systemd" is put. */
#define FIRST 100

static const struct sdnotify nobody = {.fd = -1};
static struct inherit inherit;

static int setup(void **state)
{
	(void)state;
	unsetenv("LISTEN_FDS");
	inherit_open(&inherit, &nobody);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	inherit_close(&inherit);
	return 0;
}

static struct addr parse(const char *text)
{
	struct addr addr;
	char error[128];

	assert_int_equal(addr_parse(text, &addr, error, sizeof(error)), 0);
	return addr;
}

static bool listens(int fd)
{
	int value = 0;
	socklen_t size = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 && value;
}

/* Each interface has an address of its own by that name; loopback may have one that nobody gave it. */
static void test_link_local_addresses(void **state)
{
	struct addr addr = parse("[fe80::1%lo]:0"), bound, other, again;
	int fd = addr_listen_ahead(&addr, 5, &bound), held;

	(void)state;
	if (fd < 0)
		skip(); /* no IPv6 in this kernel */
	assert_int_equal(dup2(fd, FIRST), FIRST);
	close(fd);
	held = dup(FIRST);
	inherit_take(&inherit, FIRST, 1, "hostingpi-0");
	/* That of an interface that is not there: neither is this one taken for it, nor is it in its way. */
	other = bound;
	other.any.in6.sin6_scope_id += 1000000;
	assert_true(inherit_listen(&inherit, &other, 5, &again) < 0);
	assert_true(listens(held));
	assert_int_equal(inherit_listen(&inherit, &bound, 5, &again), FIRST);
	assert_int_equal(again.any.in6.sin6_scope_id, addr.any.in6.sin6_scope_id);
	close(held);
}

/* An interface behind an address that needs none: it is known again, or a reload fails. */
static void test_an_interface_that_says_nothing(void **state)
{
	struct addr addr = parse("[::1%lo]:0"), bound, again;
	int fd = inherit_listen(&inherit, &addr, 5, &bound);

	(void)state;
	if (fd < 0)
		skip(); /* no IPv6 in this kernel */
	inherit_release(&inherit, fd);
	addr.any.in6.sin6_port = bound.any.in6.sin6_port;
	assert_int_equal(inherit_listen(&inherit, &addr, 5, &again), fd);
}

/* A socket of the process before, at the place "from systemd"; its address with the port. */
static struct addr leave(const char *text, int backlog)
{
	struct addr addr = parse(text), bound;
	int fd = addr_listen(&addr, backlog, &bound);

	assert_true(fd >= 0);
	assert_int_equal(dup2(fd, FIRST), FIRST);
	close(fd);
	inherit_take(&inherit, FIRST, 1, "hostingpi-0");
	return bound;
}

/* What another program has is not to be had by closing ours: callers of another port or address wait there. */
static void test_one_that_is_in_nobodys_way(void **state)
{
	struct addr bound = leave("127.0.0.1:0", 5), again, taken;
	struct addr wanted[] = {parse("127.0.0.1:0"), parse("127.0.0.2:0")};

	(void)state;
	wanted[1].any.in.sin_port = bound.any.in.sin_port;
	for (size_t i = 0; i < 2; i++) {
		int foreign = addr_listen(&wanted[i], 5, &taken);

		if (foreign == -EADDRINUSE)
			taken = wanted[i]; /* by somebody else, just as well */
		else
			assert_true(foreign >= 0);
		assert_int_equal(inherit_listen(&inherit, &taken, 5, &again), -EADDRINUSE);
		assert_true(listens(FIRST));
		if (foreign >= 0)
			close(foreign);
	}
	assert_int_equal(inherit_listen(&inherit, &bound, 5, &again), FIRST);
}

/* As many may wait as this version wants. */
static void test_room_for_callers(void **state)
{
	struct addr bound = leave("127.0.0.1:0", 1), again;
	struct tcp_info info = {0};
	socklen_t size = sizeof(info);

	(void)state;
	assert_int_equal(inherit_listen(&inherit, &bound, 7, &again), FIRST);
	assert_int_equal(getsockopt(FIRST, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
	if (info.tcpi_state != TCP_LISTEN)
		skip();			       /* an emulated kernel that does not tell */
	assert_int_equal(info.tcpi_sacked, 7); /* of a listening socket: the room in its queue */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_link_local_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_interface_that_says_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_one_that_is_in_nobodys_way, setup, teardown),
		cmocka_unit_test_setup_teardown(test_room_for_callers, setup, teardown),
	};

	return cmocka_run_group_tests_name("addresses of inherited sockets", tests, NULL, NULL);
}
