/* SPDX-License-Identifier: MIT */
/* Callers that stay, hurry, dawdle, flood and never read: who is served, who is cut off, who goes first. */
#include "tests/unit/http-fixture.h"

#include "notifiers/http_places.h"

#define OK "HTTP/1.1 200 OK\r\n"
#define HEALTH "GET /health HTTP/1.1\r\nHost: pi\r\n\r\n"
#define STATUS "GET /status.json HTTP/1.1\r\nHost: pi\r\n\r\n"

static int64_t get_count(struct fixture *f, const char *name)
{
	char text[8192], key[64];

	read_notifier(&http_notifier, f->self, text, sizeof(text));
	snprintf(key, sizeof(key), "\"%s\":", name);
	const char *at = strstr(text, key);
	return at ? atoll(at + strlen(key)) : -1;
}

/* Rounds of the loop until nothing is ready any more. */
static void settle(struct fixture *f)
{
	for (int rounds = 0; rounds < 100 && run_once(&f->loop, 1) > 0; rounds++)
		;
}

static void test_a_connection_stays(void **state)
{
	struct fixture *f = *state;

	open_notifier(f);
	int fd = dial(&f->ports[1], NULL);
	for (int i = 0; i < 5; i++) {
		say(fd, i % 2 ? HEALTH : STATUS);
		assert_true(begins(read_one(f, fd), OK));
		assert_null(strstr(f->answer, "Connection:"));
		move_clock(&f->loop, HTTP_IDLE_NS - NS_PER_S);
	}
	say(fd, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	assert_non_null(strstr(read_one(f, fd), "\r\nConnection: keep-alive\r\n"));
	say(fd, "GET /nothing HTTP/1.1\r\nHost: pi\r\n\r\n");
	assert_true(begins(read_one(f, fd), "HTTP/1.1 404 "));
	move_clock(&f->loop, HTTP_IDLE_NS);
	assert_true(is_closed(f, fd));
	assert_int_equal(get_count(f, "late"), 0);
	close(fd);
}

/* Whoever is quick leaves nothing behind for the loop to watch. */
static void test_one_request_needs_no_watch(void **state)
{
	struct fixture *f = *state;

	open_notifier(f);
	size_t watches = count_watches(&f->loop), fds = count_fds();
	int fd = dial(&f->ports[0], "GET /health HTTP/1.0\r\n\r\n");
	run_once(&f->loop, DEADLINE_MS);
	assert_int_equal(count_watches(&f->loop), watches);
	assert_int_equal(count_fds(), fds + 1);
	read_all(&f->loop, fd, f->answer, sizeof(f->answer));
	assert_true(begins(f->answer, OK));
	close(fd);
}

static void test_pipelined_requests_are_sent_away(void **state)
{
	struct fixture *f = *state;

	open_notifier(f);
	assert_true(begins(ask(f, HEALTH HEALTH HEALTH), OK));
	assert_non_null(strstr(f->answer, "\r\nConnection: close\r\n"));
	assert_null(strstr(f->answer + 1, "HTTP/1.1"));
	assert_int_equal(get_count(f, "200"), 1);
}

static void test_bodies_are_thrown_away(void **state)
{
	struct fixture *f = *state;
	char chunk[16384];
	size_t sent = 0;

	open_notifier(f);
	assert_true(begins(
		ask(f, "GET /health HTTP/1.1\r\nHost: pi\r\nContent-Length: 30\r\n\r\n" HEALTH),
		OK));
	assert_null(strstr(f->answer + 1, "HTTP/1.1"));
	/* Somebody who does not stop is stopped. */
	int fd = dial(&f->ports[0],
		      "POST / HTTP/1.1\r\nHost: pi\r\nTransfer-Encoding: chunked\r\n\r\n");
	memset(chunk, 'x', sizeof(chunk));
	for (int rounds = 0; rounds < 1000; rounds++) {
		ssize_t n = send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN)
			break;
		sent += n > 0 ? (size_t)n : 0;
		run_once(&f->loop, 10);
	}
	assert_true(errno == EPIPE || errno == ECONNRESET);
	assert_true(sent >= HTTP_LINGER_BYTES);
	assert_int_equal(get_count(f, "clients"), 0);
	close(fd);
}

/* In any pieces, with the loop turning between them: the same answer. */
static void test_slow_bytes(void **state)
{
	struct fixture *f = *state;
	static const char text[] = "PROXY TCP6 2001:db8::7 2001:db8::2 1 2\r\n"
				   "GET /health HTTP/1.0\r\n\r\n";

	configure(f, "proxy_protocol", "optional");
	open_notifier(f);
	int fd = dial(&f->ports[0], NULL);
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		assert_int_equal(send(fd, text + i, 1, MSG_NOSIGNAL), 1);
		settle(f);
	}
	read_all(&f->loop, fd, f->answer, sizeof(f->answer));
	assert_true(begins(f->answer, OK));
	close(fd);
	struct balancer who;
	assert_int_equal(http_notifier.balancers(f->self, &who, 1), 1);
	assert_string_equal(who.address, "2001:db8::7");
}

static void test_half_requests_end_after_ten_seconds(void **state)
{
	struct fixture *f = *state;

	open_notifier(f);
	int silent = dial(&f->ports[0], NULL), half = dial(&f->ports[0], "GET / HTTP/1.1\r\nX: ");
	settle(f);
	assert_int_equal(get_count(f, "clients"), 2);
	/* Dripping bytes do not help. */
	for (int i = 0; i < 9; i++) {
		move_clock(&f->loop, NS_PER_S);
		assert_int_equal(send(half, "x", 1, MSG_NOSIGNAL), 1);
		settle(f);
		assert_int_equal(get_count(f, "clients"), 2);
	}
	move_clock(&f->loop, NS_PER_S);
	assert_true(is_closed(f, silent) && is_closed(f, half));
	assert_int_equal(get_count(f, "clients"), 0);
	assert_int_equal(get_count(f, "late"), 1);
	close(silent);
	close(half);
}

/* What is accepted from now on takes only little at once: the kernel would take all of it on loopback. */
static void shrink_buffers(void)
{
	int on, size = 4096;
	socklen_t length = sizeof(on);

	for (int fd = 0; fd < 1024; fd++) {
		if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &length) == 0 && on)
			assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)),
					 0);
	}
}

/* A caller with a small window that asks for much and reads nothing. */
static int dial_dawdler(struct fixture *f)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), size = 4096;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	assert_int_equal(connect(fd, &f->ports[1].any.sa, f->ports[1].length), 0);
	say(fd, STATUS);
	settle(f);
	return fd;
}

/* Dawdlers that hold all outputs; how many came is what the socket buffers decide. */
static size_t fill_outputs(struct fixture *f, int *fds, size_t room)
{
	size_t count = 0;

	shrink_buffers();
	f->status_length = BIG_STATUS;
	while (count < room && get_count(f, "waiting") == 0)
		fds[count++] = dial_dawdler(f);
	assert_true(get_count(f, "waiting") == 1);
	return count;
}

static void test_large_answers_arrive_whole(void **state)
{
	struct fixture *f = *state;

	open_notifier(f);
	shrink_buffers();
	f->status_length = BIG_STATUS;
	int fd = dial_dawdler(f);
	read_one(f, fd);
	assert_int_equal(strlen(strstr(f->answer, "\r\n\r\n") + 4), BIG_STATUS);
	/* And the next one over the same connection. */
	say(fd, HEALTH);
	assert_true(begins(read_one(f, fd), OK));
	close(fd);
}

static void test_who_does_not_read_delays_nobody_for_long(void **state)
{
	struct fixture *f = *state;
	int fds[HTTP_PLACES];

	open_notifier(f);
	size_t count = fill_outputs(f, fds, HTTP_PLACES);
	assert_int_equal(count, HTTP_OUTPUTS + 1);
	/* Health needs no such room. */
	assert_true(begins(get(f, "/health"), OK));
	/* The last one waits, and has its turn as soon as the others had theirs for too long. */
	move_clock(&f->loop, HTTP_TAKE_CROWDED_NS);
	settle(f);
	assert_int_equal(get_count(f, "waiting"), 0);
	assert_int_equal(get_count(f, "late"), HTTP_OUTPUTS);
	read_one(f, fds[count - 1]);
	assert_int_equal(strlen(strstr(f->answer, "\r\n\r\n") + 4), BIG_STATUS);
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
}

static void test_an_answer_that_is_not_taken_ends(void **state)
{
	struct fixture *f = *state;

	open_notifier(f);
	shrink_buffers();
	f->status_length = BIG_STATUS;
	int fd = dial_dawdler(f);
	move_clock(&f->loop, HTTP_TAKE_NS - NS_PER_S);
	assert_int_equal(get_count(f, "clients"), 1);
	move_clock(&f->loop, NS_PER_S);
	assert_int_equal(get_count(f, "clients"), 0);
	assert_int_equal(get_count(f, "late"), 1);
	close(fd);
}

/* Room comes free in the order in which they asked, when those before are done. */
static void test_waiting_in_order(void **state)
{
	struct fixture *f = *state;
	int fds[HTTP_PLACES], later;

	open_notifier(f);
	size_t count = fill_outputs(f, fds, HTTP_PLACES);
	f->loop.now_ns += 1;
	later = dial_dawdler(f);
	assert_int_equal(get_count(f, "waiting"), 2);
	close(fds[0]); /* gone: its room is free */
	settle(f);
	assert_int_equal(get_count(f, "waiting"), 1);
	read_one(f, fds[count - 1]);
	settle(f);
	assert_int_equal(get_count(f, "waiting"), 0);
	read_one(f, later);
	for (size_t i = 1; i < count; i++)
		close(fds[i]);
	close(later);
}

static void test_the_quietest_of_a_crowd_goes(void **state)
{
	struct fixture *f = *state;
	int crowd[HTTP_PLACES + 8], balancer;

	open_notifier(f);
	/* The crowd is on IPv6, the balancer on IPv4, and came first. */
	balancer = dial(&f->ports[1], HEALTH);
	read_one(f, balancer);
	for (size_t i = 0; i < HTTP_PLACES + 8; i++) {
		f->loop.now_ns++;
		crowd[i] = dial(&f->ports[0], i % 2 ? "GET / H" : NULL);
		settle(f);
	}
	assert_int_equal(get_count(f, "clients"), HTTP_PLACES);
	assert_int_equal(get_count(f, "displaced"), 9);
	for (size_t i = 0; i < HTTP_PLACES + 8; i++)
		assert_int_equal(is_closed(f, crowd[i]), i < 9);
	say(balancer, HEALTH);
	assert_true(begins(read_one(f, balancer), OK));
	/* A new balancer has its place as well. */
	assert_true(begins(get(f, "/health"), OK));
	close(balancer);
	for (size_t i = 0; i < HTTP_PLACES + 8; i++)
		close(crowd[i]);
}

/* Descriptors are short: somebody makes room, and accepting goes on. */
static void test_short_descriptors(void **state)
{
	struct fixture *f = *state;
	struct rlimit before, tight;
	int silent[4], fd;

	open_notifier(f);
	for (size_t i = 0; i < 4; i++)
		silent[i] = dial(&f->ports[0], NULL);
	settle(f);
	fd = dial(&f->ports[0], "GET /health HTTP/1.0\r\n\r\n");
	int last = dup(fd);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	tight = (struct rlimit){(rlim_t)last, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	run_once(&f->loop, DEADLINE_MS);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	read_all(&f->loop, fd, f->answer, sizeof(f->answer));
	assert_true(begins(f->answer, OK));
	assert_int_equal(get_count(f, "displaced"), 1);
	close(last);
	close(fd);
	for (size_t i = 0; i < 4; i++)
		close(silent[i]);
}

/* Bytes that mean nothing, in crowds: everybody is answered or dropped, and all of it is given back. */
static void test_junk(void **state)
{
	struct fixture *f = *state;
	static const char *const junk[] = {
		"",
		"\r\n",
		"GET",
		"\x16\x03\x01",
		"GET / HTTP/9.9\r\n\r\n",
		"PROXY TCP4 \r\n",
		"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
		HEALTH HEALTH,
		STATUS,
	};
	size_t before;

	configure(f, "proxy_protocol", "optional");
	open_notifier(f);
	before = count_fds();
	for (size_t i = 0; i < 300; i++) {
		int fd = dial(&f->ports[i % 2], junk[i % (sizeof(junk) / sizeof(junk[0]))]);

		if (i % 3 == 0)
			shutdown(fd, SHUT_WR);
		run_once(&f->loop, 0);
		close(fd);
		f->loop.now_ns += NS_PER_MS;
	}
	settle(f);
	move_clock(&f->loop, HTTP_IDLE_NS);
	assert_int_equal(get_count(f, "clients"), 0);
	assert_int_equal(count_fds(), before);
	assert_true(begins(get(f, "/health"), OK));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_connection_stays),
		CASE(test_one_request_needs_no_watch),
		CASE(test_pipelined_requests_are_sent_away),
		CASE(test_bodies_are_thrown_away),
		CASE(test_slow_bytes),
		CASE(test_half_requests_end_after_ten_seconds),
		CASE(test_large_answers_arrive_whole),
		CASE(test_who_does_not_read_delays_nobody_for_long),
		CASE(test_an_answer_that_is_not_taken_ends),
		CASE(test_waiting_in_order),
		CASE(test_the_quietest_of_a_crowd_goes),
		CASE(test_short_descriptors),
		CASE(test_junk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
