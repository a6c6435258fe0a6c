/* SPDX-License-Identifier: MIT */
/* Listening sockets of both families and of the file system, on the loopback interface. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/addr.h"

/* Generous: a loaded machine must not fail the test. */
#define DEADLINE_MS 10000

static char folder[] = "/tmp/test-addr-XXXXXX";

static struct addr parse(const char *text)
{
	struct addr addr;
	char error[256];

	if (addr_parse(text, &addr, error, sizeof(error)) != 0)
		fail_msg("'%s': %s", text, error);
	return addr;
}

static bool has_ipv6(void)
{
	struct addr addr = parse("[::1]:0"), bound;
	int fd = addr_listen(&addr, 1, &bound);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

/* Connects from text's address with the port of bound; returns what the listener calls the peer. */
static void connect_to(int listener, const char *host, in_port_t port, char *ret_peer, size_t size)
{
	struct pollfd poll_fd = {.fd = listener, .events = POLLIN};
	union addr_any peer;
	socklen_t length = sizeof(peer);
	char text[64];
	struct addr to;
	int client, accepted;

	snprintf(text, sizeof(text), "%s:%u", host, ntohs(port));
	to = parse(text);
	client = socket(to.any.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(client >= 0);
	assert_int_equal(connect(client, &to.any.sa, to.length), 0);
	assert_int_equal(poll(&poll_fd, 1, DEADLINE_MS), 1);
	accepted = accept4(listener, &peer.sa, &length, SOCK_CLOEXEC);
	assert_true(accepted >= 0);
	addr_format_host(&peer.sa, ret_peer, size);
	close(accepted);
	close(client);
}

static void check_flags(int fd)
{
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static int get_option(int fd, int level, int name)
{
	int value = -1;
	socklen_t length = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &length), 0);
	return value;
}

static int is_ipv6_only(int fd)
{
	return get_option(fd, IPPROTO_IPV6, IPV6_V6ONLY);
}

static void test_wildcard(void **state)
{
	struct addr any = parse(":0"), bound = {.length = 0};
	char peer[ADDR_TEXT_SIZE];
	int fd = addr_listen(&any, 8, &bound);

	(void)state;
	assert_true(fd >= 0);
	check_flags(fd);
	assert_int_not_equal(bound.any.in6.sin6_port, 0);
	/* The port stands at the same place in both families. */
	if (has_ipv6()) {
		assert_int_equal(bound.any.sa.sa_family, AF_INET6);
		assert_int_equal(is_ipv6_only(fd), 0);
		connect_to(fd, "[::1]", bound.any.in6.sin6_port, peer, sizeof(peer));
		assert_string_equal(peer, "::1");
	}
	connect_to(fd, "127.0.0.1", bound.any.in6.sin6_port, peer, sizeof(peer));
	assert_string_equal(peer, "127.0.0.1");
	close(fd);
}

/* One port, two sockets: the address of one family does not take the other one's. */
static void test_both_loopbacks(void **state)
{
	struct addr first = parse("[::1]:0"), second = parse("127.0.0.1:0"), bound, again;
	char peer[ADDR_TEXT_SIZE];
	int six = -1, four = -1;

	(void)state;
	if (!has_ipv6())
		skip();
	/* Another program may have the IPv4 port of this number: then another number. */
	for (int attempt = 0; attempt < 32 && four < 0; attempt++) {
		six = addr_listen(&first, 8, &bound);
		assert_true(six >= 0);
		second.any.in.sin_port = bound.any.in6.sin6_port;
		four = addr_listen(&second, 8, &again);
		if (four < 0)
			close(six);
	}
	assert_true(four >= 0);
	assert_int_equal(is_ipv6_only(six), 1);
	assert_int_equal(again.any.in.sin_port, bound.any.in6.sin6_port);
	connect_to(six, "[::1]", bound.any.in6.sin6_port, peer, sizeof(peer));
	assert_string_equal(peer, "::1");
	connect_to(four, "127.0.0.1", bound.any.in6.sin6_port, peer, sizeof(peer));
	assert_string_equal(peer, "127.0.0.1");

	/* Taken is taken, and nothing is reported as bound. */
	memset(&again, 0x55, sizeof(again));
	assert_int_equal(addr_listen(&bound, 8, &again), -EADDRINUSE);
	assert_int_equal(again.length, 0x55555555);
	close(six);
	close(four);
}

/*
 * In a network of its own, whose default is the other one (sysctl net.ipv6.bindv6only): ":PORT" is for both
 * families all the same. 0: as it must be; 77: no such network may be made here.
 */
static int listen_elsewhere(void)
{
	static const char path[] = "/proc/sys/net/ipv6/bindv6only";
	struct addr any = parse(":0"), bound;
	int file, fd;

	if (unshare(CLONE_NEWNET) < 0)
		return 77;
	file = open(path, O_WRONLY | O_CLOEXEC);
	if (file < 0 || write(file, "1", 1) != 1)
		return 77;
	close(file);
	fd = addr_listen(&any, 8, &bound);
	return fd < 0 ? 1 : is_ipv6_only(fd) ? 2 : 0;
}

static void test_wildcard_where_families_are_apart(void **state)
{
	pid_t child = fork();
	int status;

	(void)state;
	assert_true(child >= 0);
	if (child == 0)
		_exit(listen_elsewhere());
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("no network of its own may be made here\n");
		skip();
	}
	assert_int_equal(status, 0);
}

/* Who answers and closes first has the connection for a minute more, and must be able to start again meanwhile. */
static void test_again_at_once(void **state)
{
	static const char *const texts[] = {"127.0.0.1:0", "[::1]:0", ":0"};
	char peer[ADDR_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct addr addr = parse(texts[i]), bound, again;
		int fd = addr_listen(&addr, 8, &bound);

		if (fd == -EAFNOSUPPORT)
			continue;
		assert_true(fd >= 0);
		assert_int_equal(get_option(fd, SOL_SOCKET, SO_REUSEADDR), 1);
		connect_to(fd, strncmp(texts[i], "[", 1) == 0 ? "[::1]" : "127.0.0.1",
			   bound.any.in6.sin6_port, peer, sizeof(peer));
		close(fd);
		fd = addr_listen(&bound, 8, &again);
		if (fd < 0)
			fail_msg("%s: %s", texts[i], strerror(-fd));
		assert_int_equal(again.any.in6.sin6_port, bound.any.in6.sin6_port);
		close(fd);
	}
}

static void test_not_ours(void **state)
{
	struct addr foreign = parse("192.0.2.1:0"), bound;

	(void)state;
	assert_int_equal(addr_listen(&foreign, 8, &bound), -EADDRNOTAVAIL);
}

/* Before the network is there; but what is no address that can come stays an error. */
static void test_not_ours_yet(void **state)
{
	static const char *const foreign[] = {"192.0.2.1:0", "[2001:db8::1]:0"};
	struct addr addr, bound;
	int fd;

	(void)state;
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		addr = parse(foreign[i]);
		fd = addr_listen_ahead(&addr, 8, &bound);
		if (fd == -EAFNOSUPPORT && addr.any.sa.sa_family == AF_INET6)
			continue;
		assert_true(fd >= 0);
		assert_true(bound.any.in.sin_port != 0);
		close(fd);
	}
	addr = parse("127.0.0.1:0");
	assert_int_equal(addr_listen_ahead(&addr, 8, &bound), -EADDRNOTAVAIL);
	addr = parse("unix:/nowhere/s");
	assert_int_equal(addr_listen_ahead(&addr, 8, &bound), -EADDRNOTAVAIL);
}

static void test_unix(void **state)
{
	char text[ADDR_TEXT_SIZE], shown[ADDR_TEXT_SIZE];
	struct addr addr, bound, other;
	struct stat info;
	const char *path = addr.any.un.sun_path;
	int fd, second, file;

	(void)state;
	snprintf(text, sizeof(text), "unix:%s/s", folder);
	addr = parse(text);
	fd = addr_listen(&addr, 8, &bound);
	assert_true(fd >= 0);
	check_flags(fd);
	assert_string_equal(addr_format(&bound.any.sa, shown, sizeof(shown)), text);

	/* Whatever the umask says. */
	assert_int_equal(lstat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0666);

	/* Somebody listens: not ours to take. */
	assert_int_equal(addr_listen(&addr, 8, &other), -EADDRINUSE);
	assert_int_equal(lstat(path, &info), 0);

	/* Nobody listens any more: the file is left from a process that died. */
	close(fd);
	assert_int_equal(lstat(path, &info), 0);
	second = addr_listen(&addr, 8, &other);
	assert_true(second >= 0);
	close(second);

	/* Something else by that name is left alone. */
	assert_int_equal(unlink(path), 0);
	file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(file >= 0);
	close(file);
	assert_int_equal(addr_listen(&addr, 8, &other), -EADDRINUSE);
	assert_int_equal(lstat(path, &info), 0);
	assert_true(S_ISREG(info.st_mode));
	assert_int_equal(unlink(path), 0);

	snprintf(text, sizeof(text), "unix:%s/none/s", folder);
	addr = parse(text);
	assert_int_equal(addr_listen(&addr, 8, &other), -ENOENT);
}

/* Each remedy must be about its cause: a word of it, and not the advice for another one. */
static void test_remedies(void **state)
{
	static const struct {
		sa_family_t family;
		int error;
		const char *word;
	} rows[] = {
		{AF_INET6, EMFILE, "LimitNOFILE="},
		{AF_UNIX, EMFILE, "LimitNOFILE="},
		{AF_INET, ENFILE, "fs.file-max"},
		{AF_UNIX, ENOMEM, "memory"},
		{AF_INET6, EAFNOSUPPORT, "family"},
		{AF_INET6, EACCES, "above 1023"},
		{AF_UNIX, EACCES, "directory that this user may write to"},
		{AF_UNIX, EROFS, "directory that this user may write to"},
		{AF_INET6, EADDRINUSE, "another port"},
		{AF_UNIX, EADDRINUSE, "another path"},
		{AF_INET, EADDRNOTAVAIL, "does not have that address"},
		{AF_UNIX, ENOENT, "make it"},
		{AF_INET6, EINVAL, "correct the address"},
		{AF_UNIX, EINVAL, "correct the path"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *text = addr_listen_remedy(rows[i].family, rows[i].error);

		if (!strstr(text, rows[i].word))
			fail_msg("'%s' is not in '%s'", rows[i].word, text);
		assert_ptr_equal(addr_listen_remedy(rows[i].family, -rows[i].error), text);
	}
}

/* Out of descriptors is not the fault of the address. */
static void test_out_of_descriptors(void **state)
{
	struct addr any = parse("[::1]:0"), bound;
	struct rlimit before, few;
	int next = dup(STDERR_FILENO), error;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){.rlim_cur = (rlim_t)next, .rlim_max = before.rlim_max};
	close(next);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	error = addr_listen(&any, 8, &bound);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(error, -EMFILE);
}

static int make_scratch(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_scratch(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wildcard),
		cmocka_unit_test(test_both_loopbacks),
		cmocka_unit_test(test_wildcard_where_families_are_apart),
		cmocka_unit_test(test_again_at_once),
		cmocka_unit_test(test_not_ours),
		cmocka_unit_test(test_not_ours_yet),
		cmocka_unit_test(test_unix),
		cmocka_unit_test(test_remedies),
		cmocka_unit_test(test_out_of_descriptors),
	};

	return cmocka_run_group_tests_name("listening addresses", tests, make_scratch,
					   remove_scratch);
}
