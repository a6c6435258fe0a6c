/* SPDX-License-Identifier: MIT */
/* What an operator's hold and its end mean to balancers, and what the log says of a crowd of them. */
#include "tests/unit/haproxy-fixture.h"

#include <sys/mman.h>

#define FINE "up 100% maxconn:12 # normal fine\n"

static void test_a_hold_and_its_end(void **state)
{
	struct fixture *f = *state;
	static const char ready[] = "up 100% maxconn:12 ready # normal fine\n";

	open_notifier(f);
	publish(f);
	assert_string_equal(ask(f, &f->ports[0], "lb1/pis\n"), FINE);
	f->decision.drain = true;
	f->decision.state = CONTROL_HOLD;
	publish(f);
	assert_string_equal(ask(f, &f->ports[0], "lb1/pis\n"),
			    "up 100% maxconn:12 drain # hold fine\n");
	/* Leaving does not lift it. */
	assert_true(haproxy_notifier.stop(f->self));
	assert_string_equal(ask(f, &f->ports[0], "lb1/pis\n"),
			    "up 100% maxconn:12 drain # hold fine\n");
	tear_down_notifier(f);

	/* A new life of the agent knows nothing of that, and the hold is gone: say what is asked. */
	open_notifier(f);
	f->decision = NORMAL;
	publish(f);
	assert_string_equal(ask(f, &f->ports[0], "lb1/pis\n"), FINE);
	f->decision.undrain = 4711;
	publish(f);
	for (int i = 0; i < 3; i++) {
		assert_string_equal(ask(f, &f->ports[0], "lb1/pis\n"), ready);
		assert_string_equal(ask(f, &f->ports[1], "lb2/pis\n"), ready);
	}
	assert_string_equal(ask(f, &f->ports[0], "lb1/pis\n"), FINE);
	assert_string_equal(ask(f, &f->ports[1], "lb2/pis\n"), FINE);
	f->decision.undrain = 0;
	publish(f);
	assert_string_equal(ask(f, &f->ports[0], "lb3/pis\n"), FINE);
}

/* What the core may tell about callers: who, how, and which word was the last. */
static void test_balancers(void **state)
{
	struct fixture *f = *state;
	struct balancer balancers[4];

	open_notifier(f);
	assert_int_equal(haproxy_notifier.balancers(f->self, balancers, 4), 0);
	publish(f);
	ask(f, &f->ports[0], "lb1/pis\n");
	assert_int_equal(haproxy_notifier.balancers(f->self, balancers, 4), 1);
	assert_null(balancers[0].told);
	f->decision.drain = true;
	f->decision.state = CONTROL_HOLD;
	publish(f);
	ask(f, &f->ports[0], "lb1/pis\n");
	ask(f, &f->ports[1], "lb2/pis\n");
	f->decision = NORMAL;
	f->decision.undrain = 4711;
	publish(f);
	for (int i = 0; i < 5; i++)
		ask(f, &f->ports[0], "lb1/pis\n");
	assert_int_equal(haproxy_notifier.balancers(f->self, balancers, 4), 2);
	assert_string_equal(balancers[0].by, "haproxy");
	assert_string_equal(balancers[0].name, "lb1/pis");
	assert_string_equal(balancers[0].told, "ready"); /* also behind answers without a word */
	assert_string_equal(balancers[1].name, "lb2/pis");
	assert_string_equal(balancers[1].told, "drain");
	assert_string_not_equal(balancers[0].address, balancers[1].address);
	assert_int_equal(haproxy_notifier.balancers(f->self, balancers, 1), 1);
	assert_int_equal(haproxy_notifier.balancers(f->self, balancers, 0), 0);
	/* Who has gone is not told of. */
	f->loop.now_ns += 60 * NS_PER_S;
	assert_int_equal(haproxy_notifier.balancers(f->self, balancers, 4), 0);
}

static void test_ready_never_beats_a_hold(void **state)
{
	struct fixture *f = *state;

	open_notifier(f);
	f->decision.undrain = 4711;
	f->decision.drain = true;
	publish(f);
	assert_string_equal(ask(f, &f->ports[0], "lb1/pis\n"),
			    "up 100% maxconn:12 drain # normal fine\n");
	/* A dry run leaves the balancers alone in both directions. */
	f->decision.drain = false;
	f->env.dry_run = true;
	publish(f);
	assert_string_equal(ask(f, &f->ports[0], "lb1/pis\n"),
			    "up 100% maxconn:12 # dry-run would 100% maxconn:12 normal fine\n");
}

/* How often the text stands in what this process wrote to standard error since capture(). */
static size_t count_log(int fd, const char *text)
{
	static char log[65536];
	ssize_t length = pread(fd, log, sizeof(log) - 1, 0);
	size_t count = 0;

	assert_true(length >= 0);
	log[length] = '\0';
	for (const char *at = log; (at = strstr(at, text)); at++)
		count++;
	return count;
}

static void test_a_crowd_is_told_once(void **state)
{
	struct fixture *f = *state;
	int before = dup(STDERR_FILENO), log = memfd_create("log", MFD_CLOEXEC);
	char name[32];

	open_notifier(f);
	publish(f);
	assert_int_equal(dup2(log, STDERR_FILENO), STDERR_FILENO);
	/* Half of the entries are the other family of a name: the table is full, the count is not. */
	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "lb%d\n", i);
		ask(f, &f->ports[0], name);
		ask(f, &f->ports[1], name);
		assert_true(count_balancers(f) < 16);
	}
	dup2(before, STDERR_FILENO);
	assert_int_equal(count_log(log, "more than 16 callers"), 1);
	assert_int_equal(count_log(log, "works again"), 0);
	dup2(log, STDERR_FILENO);
	move_clock(&f->loop, 50 * NS_PER_S);
	count_balancers(f);
	dup2(before, STDERR_FILENO);
	assert_int_equal(count_log(log, "works again"), 0);
	dup2(log, STDERR_FILENO);
	move_clock(&f->loop, 10 * NS_PER_S);
	count_balancers(f);
	dup2(before, STDERR_FILENO);
	assert_int_equal(count_log(log, "works again"), 1);
	close(log);
	close(before);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, fixture_set_up, fixture_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_hold_and_its_end),
		TEST(balancers),
		TEST(ready_never_beats_a_hold),
		TEST(a_crowd_is_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
