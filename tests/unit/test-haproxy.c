/* SPDX-License-Identifier: MIT */
/* What load balancers and strangers see of the notifier, byte for byte, over both families. */
#include "tests/unit/haproxy-fixture.h"

#define FINE "up 100% maxconn:12 # normal fine\n"

static void test_nobody_is_answered_before_the_first_decision(void **state)
{
	struct fixture *f = *state;
	char answer[128];

	open_notifier(f);
	int fd = dial(&f->ports[0], "lb1/pis\n");
	assert_int_equal(run_once(&f->loop, 0), 0);
	assert_true(haproxy_notifier.stop(f->self)); /* nobody was told anything */
	publish(f);
	/* The caller was not lost. */
	assert_true(read_answer(f, fd, answer, sizeof(answer)) > 0);
	close(fd);
}

static void test_answers_over_both_families(void **state)
{
	struct fixture *f = *state;

	open_notifier(f);
	assert_int_equal(count_balancers(f), 0);
	publish(f);
	for (int i = 0; i < 2; i++) {
		assert_string_equal(ask(f, &f->ports[i], "lb1/pis\n"), FINE);
		assert_string_equal(ask(f, &f->ports[i], NULL), FINE);
		assert_string_equal(ask(f, &f->ports[i], "lb1/pis"), FINE);
		assert_string_equal(ask(f, &f->ports[i], "lb1/pis\nand more"), FINE);
	}
	assert_int_equal(count_balancers(f), 1);
	f->decision.weight_pct = 40;
	f->decision.maxconn = 5;
	publish(f);
	assert_string_equal(ask(f, &f->ports[1], "lb2/pis\n"), "up 40% maxconn:5 # normal fine\n");
	assert_int_equal(count_balancers(f), 2);
	move_clock(&f->loop, 11 * NS_PER_S);
	assert_int_equal(count_balancers(f), 0);
}

static void test_a_named_caller_leaves_nothing_behind(void **state)
{
	struct fixture *f = *state;
	char answer[128];

	open_notifier(f);
	publish(f);
	int fd = dial(&f->ports[0], "lb1/pis\n");
	size_t before = count_fds();
	run_once(&f->loop, DEADLINE_MS);
	/* It has not read yet, and nothing waits for it. */
	assert_int_equal(count_fds(), before);
	read_answer(f, fd, answer, sizeof(answer));
	assert_string_equal(answer, FINE);
	close(fd);
}

static void test_a_name_may_come_late(void **state)
{
	struct fixture *f = *state;
	char answer[128], text[8192];

	open_notifier(f);
	publish(f);
	int fd = dial(&f->ports[0], NULL);
	read_answer(f, fd, answer, sizeof(answer));
	assert_string_equal(answer, FINE);
	assert_int_equal(send(fd, "lb", 2, MSG_NOSIGNAL), 2);
	move_clock(&f->loop, NS_PER_S / 2);
	assert_int_equal(count_balancers(f), 0); /* not clear yet */
	assert_int_equal(send(fd, "9/pis\n", 6, MSG_NOSIGNAL), 6);
	move_clock(&f->loop, NS_PER_S / 2);
	assert_non_null(strstr(read_status(f, text, sizeof(text)), "\"name\":\"lb9/pis\""));
	assert_null(strstr(text, "\"name\":null"));
	assert_int_equal(count_balancers(f), 1);
	close(fd);
}

static void test_silent_callers_go_after_two_seconds(void **state)
{
	struct fixture *f = *state;
	char answer[128];
	int fds[3];

	open_notifier(f);
	publish(f);
	size_t before = count_fds();
	for (int i = 0; i < 3; i++) {
		fds[i] = dial(&f->ports[0], NULL);
		read_answer(f, fds[i], answer, sizeof(answer));
		move_clock(&f->loop, NS_PER_S / 2);
	}
	assert_int_equal(count_fds(), before + 6);
	move_clock(&f->loop, NS_PER_S / 2);
	assert_int_equal(count_fds(), before + 5);
	move_clock(&f->loop, NS_PER_S);
	assert_int_equal(count_fds(), before + 3);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	assert_int_equal(count_balancers(f), 1);
}

static void test_a_crowd_delays_nobody(void **state)
{
	struct fixture *f = *state;
	int fds[200];

	open_notifier(f);
	publish(f);
	size_t before = count_fds(), watches = count_watches(&f->loop);
	for (int i = 0; i < 200; i++)
		fds[i] = dial(&f->ports[i & 1], i % 3 ? NULL : "GET / HTTP/1.1\r\n");
	for (int i = 0; i < 10; i++)
		run_once(&f->loop, 0);
	assert_int_equal(count_fds(), before + 200 + 128);
	/* The loop's places are left to others. */
	assert_int_equal(count_watches(&f->loop), watches);
	/* The balancer reads its answer while all places are taken. */
	assert_string_equal(ask(f, &f->ports[0], "lb1/pis\n"), FINE);
	assert_string_equal(ask(f, &f->ports[0], NULL), FINE);
	for (int i = 0; i < 200; i++)
		close(fds[i]);
	move_clock(&f->loop, 50 * NS_PER_MS);
	assert_int_equal(count_fds(), before);
}

static void test_a_round_is_bounded(void **state)
{
	struct fixture *f = *state;
	int fds[100], answered = 0;
	char byte;

	open_notifier(f);
	publish(f);
	for (int i = 0; i < 100; i++)
		fds[i] = dial(&f->ports[0], "lb1/pis\n");
	run_once(&f->loop, DEADLINE_MS);
	for (int i = 0; i < 100; i++) {
		answered += recv(fds[i], &byte, 1, MSG_DONTWAIT) == 1;
		close(fds[i]);
	}
	assert_int_equal(answered, 64);
}

static void test_a_flood_ends_in_a_reset(void **state)
{
	struct fixture *f = *state;
	char flood[10000], answer[128], text[8192];

	open_notifier(f);
	publish(f);
	memset(flood, 'x', sizeof(flood));
	int fd = dial(&f->ports[1], NULL);
	assert_int_equal(send(fd, flood, sizeof(flood), MSG_NOSIGNAL), sizeof(flood));
	read_answer(f, fd, answer, sizeof(answer));
	assert_string_equal(answer, FINE);
	move_clock(&f->loop, 50 * NS_PER_MS);
	assert_int_equal(send(fd, flood, 1, MSG_NOSIGNAL), -1);
	close(fd);
	assert_non_null(strstr(read_status(f, text, sizeof(text)), "\"junk\":1"));
	assert_string_equal(ask(f, &f->ports[1], "lb1/pis\n"), FINE);
}

static void test_strangers_are_refused(void **state)
{
	struct fixture *f = *state;
	char text[8192];

	configure(f, "allow", "::1, 192.0.2.0/24");
	open_notifier(f);
	publish(f);
	assert_string_equal(ask(f, &f->ports[0], "lb1/pis\n"), FINE);
	assert_string_equal(ask(f, &f->ports[1], "lb1/pis\n"), "");
	assert_non_null(
		strstr(read_status(f, text, sizeof(text)), "\"refused\":1,\"last_refused\":\""));
	assert_non_null(strstr(text, "\"answers\":1"));
	assert_int_equal(count_balancers(f), 1);
}

static void test_a_clean_stop_gives_the_weight_back(void **state)
{
	struct fixture *f = *state;

	open_notifier(f);
	f->decision.weight_pct = 5;
	f->decision.maxconn = 1;
	f->decision.balancers = 2;
	publish(f);
	ask(f, &f->ports[0], "lb1/pis\n");
	ask(f, &f->ports[1], "lb2/pis\n");
	assert_false(haproxy_notifier.stop(f->self));
	assert_string_equal(ask(f, &f->ports[0], "lb1/pis\n"), "up 100% maxconn:6 # stopping\n");
	assert_false(haproxy_notifier.stop(f->self));
	assert_string_equal(ask(f, &f->ports[1], "lb2/pis\n"), "up 100% maxconn:6 # stopping\n");
	assert_true(haproxy_notifier.stop(f->self));
}

static void test_a_dry_run_changes_nothing(void **state)
{
	struct fixture *f = *state;

	f->env.dry_run = true;
	open_notifier(f);
	f->decision.weight_pct = 5;
	f->decision.maxconn = 1;
	f->decision.drain = true;
	publish(f);
	assert_string_equal(ask(f, &f->ports[0], "lb1/pis\n"),
			    "up 100% maxconn:12 # dry-run would 5% maxconn:1 drain normal fine\n");
	assert_true(haproxy_notifier.stop(f->self));
}

static void test_ports_that_are_taken(void **state)
{
	struct fixture *f = *state;
	char text[ADDR_TEXT_SIZE], list[2 * ADDR_TEXT_SIZE], status[8192];
	struct addr any = {.length = sizeof(any.any.in6)}, taken;

	any.any.in6 =
		(struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = addr_listen(&any, 1, &taken);
	assert_true(fd >= 0);
	addr_format(&taken.any.sa, text, sizeof(text));
	configure(f, "listen", text);
	assert_int_equal(haproxy_notifier.module.open(f->self, f->conf, &f->env), -EADDRINUSE);
	tear_down_notifier(f);

	/* One of two is enough to go on. */
	snprintf(list, sizeof(list), "%s, 127.0.0.1:0", text);
	configure(f, "listen", list);
	assert_int_equal(haproxy_notifier.module.open(f->self, f->conf, &f->env), 0);
	read_status(f, status, sizeof(status));
	assert_non_null(strstr(status, "\"failed\":[{\"address\":\"[::1]:"));
	assert_non_null(strstr(status, "\"listen\":[\"127.0.0.1:"));
	close(fd);
}

static void test_switched_off(void **state)
{
	struct fixture *f = *state;
	char text[8192];

	configure(f, "listen", "");
	assert_int_equal(haproxy_notifier.module.open(f->self, f->conf, &f->env), 0);
	publish(f);
	assert_int_equal(count_watches(&f->loop), 0);
	assert_int_equal(count_balancers(f), 0);
	assert_true(haproxy_notifier.stop(f->self));
	read_status(f, text, sizeof(text));
	assert_non_null(strstr(text, "\"listen\":[]"));
}

static void test_no_descriptor_left(void **state)
{
	struct fixture *f = *state;
	struct rlimit limit, low;
	char answer[128];

	open_notifier(f);
	publish(f);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	/* One caller lingers; the next one has to make do with its descriptor. */
	int silent = dial(&f->ports[0], NULL);
	read_answer(f, silent, answer, sizeof(answer));
	int fd = dial(&f->ports[0], NULL), other = dial(&f->ports[1], "lb1/pis\n");
	low = (struct rlimit){.rlim_cur = (rlim_t)other + 1, .rlim_max = limit.rlim_max};
	/* Fill what is free below the limit. */
	int fill[64], filled = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	while (filled < 64 && (fill[filled] = dup(0)) >= 0)
		filled++;
	read_answer(f, fd, answer, sizeof(answer));
	assert_string_equal(answer, FINE);
	read_answer(f, other, answer, sizeof(answer));
	assert_string_equal(answer, FINE);

	/* Nobody lingers now: the listeners pause and do not spin. */
	move_clock(&f->loop, 2 * NS_PER_S);
	close(fd);
	fd = dial(&f->ports[0], "lb1/pis\n");
	while ((fill[filled] = dup(0)) >= 0)
		filled++;
	run_once(&f->loop, DEADLINE_MS);
	assert_int_equal(run_once(&f->loop, 0), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	move_clock(&f->loop, 100 * NS_PER_MS);
	read_answer(f, fd, answer, sizeof(answer));
	assert_string_equal(answer, FINE);
	while (filled > 0)
		close(fill[--filled]);
	close(fd);
	close(other);
	close(silent);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, fixture_set_up, fixture_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(nobody_is_answered_before_the_first_decision),
		TEST(answers_over_both_families),
		TEST(a_named_caller_leaves_nothing_behind),
		TEST(a_name_may_come_late),
		TEST(silent_callers_go_after_two_seconds),
		TEST(a_crowd_delays_nobody),
		TEST(a_round_is_bounded),
		TEST(a_flood_ends_in_a_reset),
		TEST(strangers_are_refused),
		TEST(a_clean_stop_gives_the_weight_back),
		TEST(a_dry_run_changes_nothing),
		TEST(ports_that_are_taken),
		TEST(switched_off),
		TEST(no_descriptor_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
