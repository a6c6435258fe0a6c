/* SPDX-License-Identifier: MIT */
/* Attempts that may have arrived: repeated soon, never as a second post, and never told as lost. */
#include "tests/unit/poster-world.h"

#define MAYBE "\"result\":\"retry\",\"detail\":\"the message may have arrived; reset\""
#define MINUTE 60

/* One message whose first attempt may have arrived. */
static void begin(struct world *world, const char *answer)
{
	world->conf.text_start[0] = '\0';
	answer_with(world, answer);
	say(world, "1-1");
	decide(world, CONTROL_NORMAL);
	pass(world, 1);
	assert_starts(world, 1);
}

static void assert_given_up(struct world *world)
{
	assert_int_equal(world->self->outbox.count, 0);
	assert_int_equal(world->self->unsure, 1);
	assert_int_equal(world->self->dropped, 0);
	assert_event(world, "warning message 1-1 may have been posted; not tried again: a "
			    "repetition would be a second post");
}

/* Mastodon forgets its key after an hour; the pause is no longer than five minutes, nor is there a gap. */
static void test_mastodon_forgets(void **state)
{
	struct world *world = *state;
	char log[8192];
	size_t before = 1, now;

	begin(world, MAYBE);
	for (int minutes = 5; minutes < 55; minutes += 5) {
		pass(world, 5 * MINUTE);
		now = starts(world, log);
		assert_true(now > before);
		before = now;
	}
	assert_int_equal(world->self->outbox.count, 1);
	pass(world, 5 * MINUTE);
	assert_given_up(world);
	before = starts(world, log);
	pass(world, 120 * MINUTE);
	assert_starts(world, before);
	assert_int_equal(world->batch.samples[2].value, 0); /* not lost */
}

static void test_longer_attempts_end_earlier(void **state)
{
	struct world *world = *state;

	world->conf.timeout = 600 * NS_PER_S;
	world_close(world);
	world_open(world);
	begin(world, MAYBE);
	pass(world, 45 * MINUTE);
	assert_int_equal(world->self->outbox.count, 1);
	pass(world, 2 * MINUTE);
	assert_given_up(world);
}

/* X says that it has the text, however late. */
static void test_x_remembers(void **state)
{
	struct world *world = *state;

	world_close(world);
	world->conf.service = POST_X;
	strcpy(world->conf.x.credential_file, world->conf.mastodon.credential_file);
	world_open(world);
	begin(world, MAYBE);
	pass(world, 300 * MINUTE);
	assert_int_equal(world->self->outbox.count, 1);
	answer_with(world, "\"result\":\"duplicate\",\"status\":403");
	pass(world, 6 * MINUTE);
	assert_event(world, "message 1-1 had arrived before");
	assert_int_equal(world->self->unsure, 0);
}

/* What was refused for sure afterwards changes nothing; what surely did not arrive stays for good. */
static void test_only_the_unsure_ones(void **state)
{
	struct world *world = *state;

	begin(world, "\"result\":\"retry\",\"detail\":\"no route\"");
	pass(world, 120 * MINUTE);
	assert_int_equal(world->self->outbox.count, 1);
	assert_int_equal(world->self->outbox.messages[0].maybe_ns, 0);
	answer_with(world, MAYBE);
	pass(world, 61 * MINUTE);
	assert_true(world->self->outbox.count == 0 ||
		    world->self->outbox.messages[0].maybe_ns != 0);
	answer_with(world, "\"result\":\"retry\",\"detail\":\"no route\"");
	pass(world, 60 * MINUTE);
	assert_given_up(world);
}

/* A life that ended in the middle of an attempt: the next one knows that it may have arrived. */
static void test_killed_in_between(void **state)
{
	struct world *world = *state;
	char log[8192];

	world->conf.text_start[0] = '\0';
	answer_with(world, "!sleep 1000");
	say(world, "1-1");
	decide(world, CONTROL_NORMAL);
	now_ns += NS_PER_S;
	look(world);
	while (starts(world, log) == 0)
		usleep(1000);
	world_kill(world);
	now_ns += 56 * MINUTE * NS_PER_S;
	answer_with(world, POSTED);
	world_open(world);
	decide(world, CONTROL_NORMAL);
	pass(world, 5);
	assert_starts(world, 1);
	assert_given_up(world);
}

/* Old news that may be out is not told as lost. */
static void test_superseded(void **state)
{
	struct world *world = *state;

	answer_with(world, MAYBE);
	decide(world, CONTROL_HARD);
	pass(world, 1);
	decide(world, CONTROL_RECOVER);
	pass(world, 1);
	assert_starts(world, 1);
	decide(world, CONTROL_NORMAL);
	pass(world, 6 * MINUTE);
	assert_event(world, " may have been posted; not tried again: superseded");
	assert_int_equal(world->self->unsure, 1);
	assert_int_equal(world->self->dropped, 0);
	/* It is remembered. */
	world_close(world);
	world_open(world);
	assert_int_equal(world->self->unsure, 1);
}

/* Settled before anything else is begun, without the gap. */
static void test_settled_first(void **state)
{
	struct world *world = *state;
	char log[8192], *second;

	begin(world, MAYBE);
	say(world, "2-2");
	answer_with(world, POSTED);
	pass(world, 2 * MINUTE);
	assert_int_equal(starts(world, log), 2);
	second = strchr(log, '\n') + 1;
	assert_memory_equal(log, second, (size_t)(second - log));
	pass(world, 11 * MINUTE);
	assert_int_equal(starts(world, log), 3);
}

/* Words that are cut here count; those of a service that refuses do not. */
static void test_words(void **state)
{
	static const struct {
		const char *word, *detail;
		int padding;
		bool unsure;
	} rows[] = {
		{"retry", "may have arrived", 300, true},
		{"retry", "no route", 0, false},
		{"rejected", "may have arrived", 0, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct post_result result;
		char line[512];
		int length = snprintf(line, sizeof(line),
				      "{\"id\":\"1\",\"result\":\"%s\",\"detail\":\"%*s%s\"}\n",
				      rows[i].word, rows[i].padding, "", rows[i].detail);

		assert_int_equal(post_result_parse(line, (size_t)length, "1", &result), 0);
		assert_int_equal(result.unsure, rows[i].unsure);
	}
}

/* What the status says is of now, not of before the attempt. */
static void test_why_after_the_end(void **state)
{
	struct world *world = *state;

	begin(world, "\"result\":\"retry\",\"detail\":\"no route\",\"retry_after_s\":900");
	assert_string_equal(world->self->why, "the last attempt failed");
	answer_with(world, POSTED);
	now_ns += 900 * NS_PER_S;
	look(world);
	assert_string_equal(world->self->why, "one is being sent");
	while (world->self->child.pid) {
		struct pollfd gone = {.fd = world->self->child.pid_fd, .events = POLLIN};
		assert_int_equal(poll(&gone, 1, 60000), 1);
		post_hear(world->self, now_ns);
	}
	assert_null(world->self->why); /* before the next read */
	assert_int_equal(world->self->next_ns, 0);
}

/* Who is about to end begins nothing new. */
static void test_stop(void **state)
{
	struct world *world = *state;

	world->conf.min_gap = 0;
	world_close(world);
	world_open(world);
	world->conf.text_start[0] = '\0';
	say(world, "1-1");
	say(world, "2-2");
	decide(world, CONTROL_NORMAL);
	now_ns += NS_PER_S;
	look(world);
	while (!post_notifier.stop(world->self)) {
		struct pollfd gone = {.fd = world->self->child.pid_fd, .events = POLLIN};
		assert_int_equal(poll(&gone, 1, 60000), 1);
	}
	pass(world, 5);
	assert_starts(world, 1);
	assert_int_equal(world->self->posted, 1);
	assert_true(post_notifier.stop(world->self));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_mastodon_forgets),  WORLD_TEST(test_longer_attempts_end_earlier),
		WORLD_TEST(test_x_remembers),	    WORLD_TEST(test_only_the_unsure_ones),
		WORLD_TEST(test_killed_in_between), WORLD_TEST(test_superseded),
		WORLD_TEST(test_settled_first),	    cmocka_unit_test(test_words),
		WORLD_TEST(test_why_after_the_end), WORLD_TEST(test_stop),
	};

	return cmocka_run_group_tests_name("posts that may have arrived", tests, NULL, NULL);
}
