/* SPDX-License-Identifier: MIT */
/* The whole notifier: what is told, when it is sent, what becomes of it, and what a restart changes. */
#include <errno.h>
#include <fcntl.h>

#include "tests/unit/poster-world.h"

static void test_start_is_posted(void **state)
{
	struct world *world = *state;
	char log[8192];

	decide(world, CONTROL_NORMAL);
	pass(world, 59);
	assert_int_equal(starts(world, log), 0);
	pass(world, 2);
	assert_int_equal(starts(world, log), 1);
	assert_non_null(strstr(log, "pi3 is up, 2 Oct 12:01:00 UTC: unknown to spare."));
	assert_event(world, "info start ");
	assert_int_equal(world->self->posted, 1);
	assert_int_equal(world->self->outbox.count, 0);
	pass(world, 7200);
	assert_starts(world, 1);
}

static void test_hard_level_holds_back(void **state)
{
	struct world *world = *state;
	char log[8192];

	decide(world, CONTROL_HARD);
	pass(world, 600);
	assert_starts(world, 0);
	assert_int_equal(world->self->outbox.count, 2);
	assert_string_equal(world->self->why, "this machine is at the hard level");
	decide(world, CONTROL_RECOVER);
	pass(world, 1);
	assert_starts(world, 1);
	pass(world, 600);
	assert_int_equal(starts(world, log), 2);
	/* The time is that of the event, not of the attempt. */
	assert_non_null(strstr(log, "pi3, 2 Oct 12:00:00 UTC: out of breath (memory shrinks)"));
}

static void test_wrong_clock(void **state)
{
	struct world *world = *state;
	const struct operator_message message = {.id = "1-1", .text = "hi"};
	const struct report report = {.kind = REPORT_MESSAGE, .message = &message};
	char log[8192];

	synced = false;
	decide(world, CONTROL_HARD);
	pass(world, 10);
	decide(world, CONTROL_NORMAL);
	assert_int_equal(post_notifier.publish(world->self, &report), 0);
	pass(world, 290);
	assert_starts(world, 0);
	assert_string_equal(world->self->why,
			    "the clock is not synchronised: enable systemd-timesyncd or chrony");
	synced = true;
	pass(world, 1);
	assert_int_equal(starts(world, log), 1);
	assert_non_null(strstr(log, "\"id\":\"1-1\",\"text\":\"hi\""));
}

/* Each end of an attempt, and what becomes of the message. */
static void test_fates(void **state)
{
	static const struct {
		const char *answer, *event;
		const char *word;
		bool stays, hands;
	} rows[] = {
		{"\"result\":\"duplicate\",\"status\":403", "had arrived before", "duplicate",
		 false, false},
		{"\"result\":\"rejected\",\"detail\":\"too rude\"",
		 "refused by the service: too rude", "rejected", false, false},
		{"\"result\":\"retry\",\"detail\":\"no way\"", "", "retry", true, false},
		{"\"result\":\"unauthorised\",\"detail\":\"wrong keys\"",
		 "warning unauthorised: wrong", "unauthorised", true, true},
		{"\"result\":\"no_credit\"", "no_credit", "no_credit", true, true},
		{"!exit 2", "does not take its configuration", "unusable", true, true},
		{"!exit 127", "cannot be started", "unusable", true, true},
		{"!exit 0", "", "retry", true, false},
		{"!echo posted", "", "retry", true, false},
		{"!kill -9 $$", "", "retry", true, false},
		{"!head -c 100000 /dev/zero", "", "retry", true, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *world;

		if (i) {
			world_teardown(state);
			world_setup(state);
		}
		world = *state;
		answer_with(world, rows[i].answer);
		decide(world, CONTROL_NORMAL);
		pass(world, 61);
		assert_starts(world, 1);
		assert_event(world, rows[i].event);
		assert_int_equal(world->self->outbox.count, rows[i].stays);
		assert_int_equal(world->self->pace.hands, rows[i].hands);
		assert_string_equal(world->self->recent[0].result, rows[i].word);
		/* Another try, with the same words: not before a minute, or before six hours. */
		answer_with(world, POSTED);
		pass(world, rows[i].hands ? 6 * 3600 - 10 : 55);
		assert_starts(world, 1);
		pass(world, rows[i].hands ? 15 : 600);
		/* A start is no news any more after six hours. */
		assert_starts(world, rows[i].stays && !rows[i].hands ? 2 : 1);
		assert_int_equal(world->self->outbox.count, 0);
	}
}

/* Told once; new credentials or a reload end it. */
static void test_somebody_has_to_mend_it(void **state)
{
	struct about facts = {.loads = 0};
	const struct report about = {.kind = REPORT_ABOUT, .about = &facts};
	struct world *world = *state;

	answer_with(world, "\"result\":\"unauthorised\",\"detail\":\"wrong keys\"");
	say(world, "1-1");
	decide(world, CONTROL_NORMAL);
	pass(world, 10);
	assert_starts(world, 1);
	assert_event(world, "unauthorised: wrong keys; nothing is posted until");
	assert_string_equal(world->self->why,
			    "mend what the last result says, then reload hostingpid");
	pass(world, 6 * 3600);
	assert_starts(world, 2);
	assert_null(strstr(world->events, "wrong keys")); /* not again */

	write_text(world->conf.mastodon.credential_file, "access_token = another\n", 0600);
	pass(world, 61);
	assert_starts(world, 3);
	assert_int_equal(post_notifier.publish(world->self, &about), 0);
	pass(world, 1);
	assert_starts(world, 3); /* the clock was set, say: nobody has mended anything */
	facts.loads = 1;
	assert_int_equal(post_notifier.publish(world->self, &about), 0);
	answer_with(world, POSTED);
	pass(world, 1);
	assert_starts(world, 4);
	assert_event(world, "message 1-1 posted as 42 via nat64 64:ff9b::/96");
}

static void test_service_says_when(void **state)
{
	struct world *world = *state;

	answer_with(world, "\"result\":\"retry\",\"status\":429,\"retry_after_s\":900");
	say(world, "1-1");
	decide(world, CONTROL_NORMAL);
	pass(world, 890);
	assert_starts(world, 1);
	pass(world, 20);
	assert_starts(world, 2);
}

/* Killed while the program ran: the same words again, and no second token. */
static void test_killed_while_sending(void **state)
{
	struct world *world = *state;
	int64_t credit_ns;
	char log[8192], *second;

	answer_with(world, "!sleep 1000");
	say(world, "1-1");
	decide(world, CONTROL_NORMAL);
	now_ns += NS_PER_S;
	look(world);
	assert_true(world->self->child.pid > 0);
	/* It has its message when it has noted it. */
	while (starts(world, log) == 0)
		usleep(1000);
	credit_ns = world->self->budget.credit_ns;
	world_kill(world);
	answer_with(world, POSTED);
	world_open(world);
	decide(world, CONTROL_NORMAL);
	pass(world, 2);
	assert_int_equal(starts(world, log), 2);
	second = strchr(log, '\n') + 1;
	assert_memory_equal(log, second, (size_t)(second - log));
	assert_true(world->self->budget.credit_ns >= credit_ns);
	assert_int_equal(world->self->outbox.count, 0);
}

static void test_takes_too_long(void **state)
{
	struct world *world = *state;

	answer_with(world, "!trap '' TERM; sleep 1000");
	say(world, "1-1");
	decide(world, CONTROL_NORMAL);
	now_ns += NS_PER_S;
	look(world);
	assert_string_equal(world->self->why, "one is being sent");
	assert_false(post_notifier.stop(world->self));
	assert_true(world->self->child.deadline_ns == now_ns + NS_PER_S);
	now_ns += NS_PER_S;
	assert_false(post_notifier.stop(world->self)); /* it is asked to end, and does not */
	now_ns += 2 * NS_PER_S;
	pass(world, 1);
	assert_int_equal(world->self->child.pid, 0);
	assert_string_equal(world->self->recent[0].answer.detail,
			    "hostingpi-post took longer than 60 s; may have arrived");
	assert_true(post_notifier.stop(world->self));
}

/* The story, the start and the day are told once, whatever restarts in between. */
static void test_restarts(void **state)
{
	struct world *world = *state;
	char log[8192];

	world->conf.min_gap = 0;
	world_close(world);
	world_open(world);
	decide(world, CONTROL_SHED);
	for (int i = 0; i < 100; i++) {
		pass(world, 35);
		i % 2 ? world_kill(world) : world_close(world);
		world_open(world);
		decide(world, CONTROL_SHED);
	}
	assert_int_equal(starts(world, log), 2);
	decide(world, CONTROL_NORMAL);
	pass(world, 200);
	world_close(world);
	world_open(world);
	decide(world, CONTROL_NORMAL);
	pass(world, 200);
	assert_int_equal(starts(world, log), 3);
	assert_non_null(strstr(log, "back to normal after 58 min"));
	/* Past 20:00, with restarts before and after. */
	pass(world, 7 * 3600);
	assert_int_equal(starts(world, log), 4);
	assert_non_null(strstr(log, "pi3, 2 Oct 20:00:00 UTC: unknown requests in a day"));
	for (int i = 0; i < 10; i++) {
		world_kill(world);
		world_open(world);
		decide(world, CONTROL_NORMAL);
		pass(world, 60);
	}
	assert_starts(world, 4);
}

/* Without a folder to remember in, an agent that crashes again and again says nothing. */
static void test_crash_loop_without_memory(void **state)
{
	struct world *world = *state;

	world_close(world);
	world->env.run_dir = "/proc/nothing";
	for (int i = 0; i < 50; i++) {
		world_open(world);
		decide(world, CONTROL_HARD);
		pass(world, 10);
		decide(world, CONTROL_RECOVER);
		pass(world, 300);
		world_kill(world);
	}
	assert_starts(world, 0);
	world_open(world);
}

/* The network is away over night: in the morning there is one message about it, not fifty. */
static void test_night_without_network(void **state)
{
	struct world *world = *state;
	char log[8192], *morning;
	unsigned seed = 3;
	size_t before;

	world->conf.daily_at[0] = '\0';
	answer_with(world, "\"result\":\"retry\",\"detail\":\"no route\"");
	for (int64_t end_ns = now_ns + 7 * 3600 * NS_PER_S; now_ns < end_ns;) {
		decide(world, CONTROL_SHED);
		pass(world, 60 + rand_r(&seed) % 300);
		decide(world, CONTROL_NORMAL);
		pass(world, 301 + rand_r(&seed) % 600);
	}
	before = starts(world, log);
	assert_true(before <= 20); /* once an hour, after the first few */
	assert_int_equal(world->self->outbox.count, 1);
	answer_with(world, POSTED);
	morning = log + strlen(log);
	pass(world, 3601);
	assert_int_equal(starts(world, log), before + 1);
	assert_non_null(strstr(morning, "back to normal"));
	assert_true(world->self->dropped > 10);
}

/*
 * A day of a Pi that flaps, with incidents and restarts: within the budget, and no text twice. 0.015 USD
 * for a post without an address (X, 2026).
 */
static void test_flapping_day(void **state)
{
	struct world *world = *state;
	char log[8192];
	unsigned seed = 6, flaps = 0;
	size_t count;

	for (int64_t end_ns = now_ns + 86400 * NS_PER_S; now_ns < end_ns; flaps++) {
		struct event event = {.severity = SEVERITY_CRITICAL, .text = "mmcblk0: gone"};
		const struct report report = {.kind = REPORT_EVENT, .event = &event};

		snprintf(event.kind, sizeof(event.kind), "kind-%d", rand_r(&seed) % 5);
		if (rand_r(&seed) % 40 == 0)
			assert_int_equal(post_notifier.publish(world->self, &report), 0);
		decide(world, rand_r(&seed) % 4 ? CONTROL_SHED : CONTROL_HARD);
		pass(world, 5 + rand_r(&seed) % 60);
		decide(world, CONTROL_NORMAL);
		pass(world, rand_r(&seed) % 8 ? 10 + rand_r(&seed) % 60 : 400);
	}
	count = starts(world, log);
	assert_true(count > 5 && (int64_t)count <= world->conf.max_per_day);
	for (char *line = log, *next; (next = strchr(line, '\n')); line = next + 1) {
		char *text = strstr(line, "\"text\"");
		*next = '\0';
		assert_non_null(text);
		assert_null(strstr(next + 1, text));
	}
	print_message("a day with %u flaps: %zu posts, %.3f USD, %d dropped as old news\n", flaps,
		      count, (double)count * 0.015, (int)world->self->dropped);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_start_is_posted),
		WORLD_TEST(test_hard_level_holds_back),
		WORLD_TEST(test_wrong_clock),
		WORLD_TEST(test_fates),
		WORLD_TEST(test_somebody_has_to_mend_it),
		WORLD_TEST(test_service_says_when),
		WORLD_TEST(test_killed_while_sending),
		WORLD_TEST(test_takes_too_long),
		WORLD_TEST(test_restarts),
		WORLD_TEST(test_crash_loop_without_memory),
		WORLD_TEST(test_night_without_network),
		WORLD_TEST(test_flapping_day),
	};

	return cmocka_run_group_tests_name("posts", tests, NULL, NULL);
}
