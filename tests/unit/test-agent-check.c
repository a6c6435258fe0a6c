/* SPDX-License-Identifier: MIT */
/*
 * The answer line is read back by a small parser that follows HAProxy's rules, so that the tests say
 * what a balancer understands, not only what we wrote.
 */
#include "notifiers/agent_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

/* What HAProxy takes from a line. */
struct reply {
	int weight, maxconn; /* -1: not mentioned */
	char health[16], admin[16], comment[128];
};

static void parse_word(const char *word, struct reply *reply)
{
	char *end;

	if (strncasecmp(word, "maxconn:", 8) == 0) {
		reply->maxconn = (int)strtol(word + 8, &end, 10);
		assert_int_equal(*end, '\0');
	} else if (word[0] >= '0' && word[0] <= '9') {
		reply->weight = (int)strtol(word, &end, 10);
		assert_string_equal(end, "%");
	} else if (strcmp(word, "up") == 0 || strcmp(word, "fail") == 0) {
		snprintf(reply->health, sizeof(reply->health), "%s", word);
	} else if (strcmp(word, "drain") == 0 || strcmp(word, "ready") == 0) {
		snprintf(reply->admin, sizeof(reply->admin), "%s", word);
	} else {
		fail_msg("HAProxy does not know the word '%s'", word);
	}
}

static struct reply parse_reply(const char *line, size_t length)
{
	struct reply reply = {.weight = -1, .maxconn = -1};
	char copy[AGENT_LINE_SIZE], *rest = NULL;

	assert_int_equal(strlen(line), length);
	assert_in_range(length, 1, 100);
	assert_ptr_equal(strchr(line, '\n'), line + length - 1);
	for (size_t i = 0; i + 1 < length; i++)
		assert_in_range(line[i], ' ', '~');
	memcpy(copy, line, length);
	copy[length - 1] = '\0';
	char *hash = strchr(copy, '#');
	assert_non_null(hash);
	*hash = '\0';
	snprintf(reply.comment, sizeof(reply.comment), "%s", hash + 2);
	for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		parse_word(word, &reply);
	assert_in_range(reply.weight, 1, 100);
	assert_true(reply.maxconn >= 1);
	return reply;
}

static struct reply tell(const struct decision *decision, struct agent_tone tone)
{
	char line[AGENT_LINE_SIZE];
	size_t length = agent_check_line(decision, &tone, line);

	return parse_reply(line, length);
}

static const struct decision SHED = {
	.state = CONTROL_SHED,
	.reason = "headroom 120 MB",
	.weight_pct = 45,
	.maxconn = 3,
	.capacity = 6,
	.nominal = 25,
	.balancers = 2,
	.maxconn_known = true,
	.nominal_known = true,
};

static void test_line_is_to_the_byte(void **state)
{
	char line[AGENT_LINE_SIZE];
	const struct agent_tone plain = {.word = AGENT_WORD_NONE};
	size_t length = agent_check_line(&SHED, &plain, line);

	(void)state;
	assert_string_equal(line, "up 45% maxconn:3 # shed headroom 120 MB\n");
	assert_int_equal(length, strlen(line));
	const struct agent_tone drain = {.word = AGENT_WORD_DRAIN};
	agent_check_line(&SHED, &drain, line);
	assert_string_equal(line, "up 45% maxconn:3 drain # shed headroom 120 MB\n");
}

static void test_line_never_takes_the_server_out_by_number(void **state)
{
	struct decision decision = SHED;

	(void)state;
	for (int weight = -1000; weight <= 1000; weight += 7) {
		decision.weight_pct = weight;
		decision.maxconn = weight;
		decision.nominal = weight;
		decision.balancers = weight / 100;
		tell(&decision, (struct agent_tone){.word = AGENT_WORD_NONE});
		tell(&decision, (struct agent_tone){.stopping = true});
		tell(&decision, (struct agent_tone){.dry_run = true});
	}
}

static void test_line_cuts_the_reason_and_keeps_the_words(void **state)
{
	struct decision decision = SHED;

	(void)state;
	memset(decision.reason, 'x', sizeof(decision.reason)); /* not even ended */
	decision.maxconn = INT32_MAX;
	decision.nominal = INT32_MAX;
	decision.weight_pct = 100;
	decision.balancers = 1;
	decision.fail = true;
	decision.drain = true;
	for (int i = 0; i < 12; i++) {
		struct agent_tone tone = {
			.word = (enum agent_word)(i % 3), .dry_run = i & 1, .stopping = i >= 6};
		struct reply reply = tell(&decision, tone);

		assert_int_equal(reply.maxconn, INT32_MAX);
		assert_int_equal(reply.weight, 100);
	}
	struct reply reply = tell(&decision, (struct agent_tone){.word = AGENT_WORD_DRAIN});
	assert_string_equal(reply.admin, "drain");
	assert_string_equal(reply.comment + strlen(reply.comment) - 4, "x...");
}

static void test_line_survives_any_reason(void **state)
{
	struct decision decision = SHED;

	(void)state;
	for (int byte = 1; byte < 256; byte++) {
		decision.reason[0] = (char)byte;
		tell(&decision, (struct agent_tone){.word = AGENT_WORD_NONE});
	}
	snprintf(decision.reason, sizeof(decision.reason), "a\nmaint # b");
	struct reply reply = tell(&decision, (struct agent_tone){.word = AGENT_WORD_NONE});
	assert_string_equal(reply.comment, "shed a?maint # b");
}

static void test_line_fails_only_when_told(void **state)
{
	struct decision decision = SHED;

	(void)state;
	assert_string_equal(tell(&decision, (struct agent_tone){.dry_run = false}).health, "up");
	decision.fail = true;
	assert_string_equal(tell(&decision, (struct agent_tone){.dry_run = false}).health, "fail");
	assert_string_equal(tell(&decision, (struct agent_tone){.dry_run = true}).health, "up");
	assert_string_equal(tell(&decision, (struct agent_tone){.stopping = true}).health, "up");
}

static void test_line_of_a_dry_run(void **state)
{
	struct reply reply = tell(&SHED, (struct agent_tone){.dry_run = true});

	(void)state;
	assert_int_equal(reply.weight, 100);
	assert_int_equal(reply.maxconn, 12);
	assert_string_equal(reply.comment, "dry-run would 45% maxconn:3 shed headroom 120 MB");
}

static void test_line_of_a_stop(void **state)
{
	struct decision decision = SHED;
	struct reply reply = tell(&decision, (struct agent_tone){.stopping = true});

	(void)state;
	assert_int_equal(reply.weight, 100);
	assert_int_equal(reply.maxconn, 12);
	assert_string_equal(reply.comment, "stopping");
	assert_string_equal(reply.admin, "");

	/* An operator's word goes out even now; a hold is not lifted by leaving. */
	reply = tell(&decision, (struct agent_tone){.word = AGENT_WORD_READY, .stopping = true});
	assert_string_equal(reply.admin, "ready");
	decision.drain = true;
	decision.state = CONTROL_HOLD;
	reply = tell(&decision, (struct agent_tone){.word = AGENT_WORD_DRAIN, .stopping = true});
	assert_string_equal(reply.admin, "drain");
	assert_int_equal(reply.weight, 45);
}

static void test_line_leaves_out_what_is_not_known(void **state)
{
	struct decision decision = SHED;
	char line[AGENT_LINE_SIZE];

	(void)state;
	decision.nominal_known = false;
	/* A cap was told: the balancer would keep it for ever, so the best guess takes its place. */
	agent_check_line(&decision, &(struct agent_tone){.stopping = true}, line);
	assert_string_equal(line, "up 100% maxconn:12 # stopping\n");
	agent_check_line(&decision, &(struct agent_tone){.dry_run = true}, line);
	assert_string_equal(line, "up 100% # dry-run would 45% maxconn:3 shed headroom 120 MB\n");
	agent_check_line(&decision, &(struct agent_tone){.stopping = false}, line);
	assert_string_equal(line, "up 45% maxconn:3 # shed headroom 120 MB\n");

	decision.maxconn_known = false;
	agent_check_line(&decision, &(struct agent_tone){.stopping = true}, line);
	assert_string_equal(line, "up 100% # stopping\n");
	agent_check_line(&decision, &(struct agent_tone){.stopping = false}, line);
	assert_string_equal(line, "up 45% # shed headroom 120 MB\n");
	agent_check_line(&decision, &(struct agent_tone){.word = AGENT_WORD_DRAIN}, line);
	assert_string_equal(line, "up 45% drain # shed headroom 120 MB\n");
	agent_check_line(&decision, &(struct agent_tone){.dry_run = true}, line);
	assert_string_equal(line, "up 100% # dry-run would 45% shed headroom 120 MB\n");
	/* A hold is not lifted by leaving, and neither is the cap that stands. */
	decision.drain = true;
	decision.nominal_known = true;
	agent_check_line(&decision, &(struct agent_tone){.stopping = true}, line);
	assert_string_equal(line, "up 45% # shed headroom 120 MB\n");
}

/* Feeds text in pieces of the given size, then ends it. */
static enum agent_verdict greet(const char *text, size_t length, size_t piece, char *ret_name)
{
	struct agent_greeting greeting = {.used = 0};
	enum agent_verdict verdict = AGENT_OPEN;

	ret_name[0] = '\0';
	for (size_t at = 0; at < length && verdict == AGENT_OPEN; at += piece) {
		size_t take = length - at < piece ? length - at : piece;

		verdict = agent_greeting_take(&greeting, text + at, take, ret_name);
	}
	return verdict == AGENT_OPEN ? agent_greeting_end(&greeting, ret_name) : verdict;
}

static void test_name_in_pieces(void **state)
{
	static const char X63[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
	char text[128], name[AGENT_NAME_SIZE];

	(void)state;
	assert_int_equal(strlen(X63), 63);
	for (size_t piece = 1; piece <= 70; piece++) {
		assert_int_equal(greet("lb1/pis\n", 8, piece, name), AGENT_NAMED);
		assert_string_equal(name, "lb1/pis");
		assert_int_equal(greet("lb1/pis\r\n", 9, piece, name), AGENT_NAMED);
		assert_string_equal(name, "lb1/pis");
		assert_int_equal(greet("lb1/pis\nGET /\n", 14, piece, name), AGENT_NAMED);
		assert_string_equal(name, "lb1/pis");
		/* The line end was forgotten in the configuration. */
		assert_int_equal(greet("lb1/pis", 7, piece, name), AGENT_NAMED);
		assert_string_equal(name, "lb1/pis");
		int length = snprintf(text, sizeof(text), "%s\r\n", X63);
		assert_int_equal(greet(text, (size_t)length, piece, name), AGENT_NAMED);
		assert_string_equal(name, X63);
		length = snprintf(text, sizeof(text), "%sx\n", X63);
		assert_int_equal(greet(text, (size_t)length, piece, name), AGENT_JUNK);
		assert_string_equal(name, "");
	}
}

static void test_name_junk(void **state)
{
	static const char *const junk[] = {"\n",
					   "\r\n",
					   "GET / HTTP/1.1\r\n",
					   "lb\x01\n",
					   "\x16\x03\x01\x02\n",
					   "l\xc3\xb6\n",
					   "a\tb\n",
					   " \n"};
	char name[AGENT_NAME_SIZE], flood[10000];

	(void)state;
	for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++)
		assert_int_equal(greet(junk[i], strlen(junk[i]), 3, name), AGENT_JUNK);
	assert_int_equal(greet("a\0b\n", 4, 4, name), AGENT_JUNK);
	assert_int_equal(greet("", 0, 1, name), AGENT_OPEN);
	memset(flood, 'y', sizeof(flood));
	assert_int_equal(greet(flood, sizeof(flood), 1000, name), AGENT_JUNK);
	assert_int_equal(greet(flood, 64, 64, name), AGENT_JUNK);
	assert_int_equal(greet(flood, 63, 63, name), AGENT_NAMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line_is_to_the_byte),
		cmocka_unit_test(test_line_never_takes_the_server_out_by_number),
		cmocka_unit_test(test_line_cuts_the_reason_and_keeps_the_words),
		cmocka_unit_test(test_line_survives_any_reason),
		cmocka_unit_test(test_line_fails_only_when_told),
		cmocka_unit_test(test_line_of_a_dry_run),
		cmocka_unit_test(test_line_of_a_stop),
		cmocka_unit_test(test_line_leaves_out_what_is_not_known),
		cmocka_unit_test(test_name_in_pieces),
		cmocka_unit_test(test_name_junk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
