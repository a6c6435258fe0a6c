/* SPDX-License-Identifier: MIT */
/* What waits for the MQTT broker, and in which order it goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <time.h>

#include "notifiers/mqtt_queue.h"

static char buffer[MQTT_DOCUMENT_SIZE];

static struct mqtt_queue *queue_new(void)
{
	struct mqtt_queue *queue = calloc(1, sizeof(*queue));

	assert_non_null(queue);
	return queue;
}

static void put(struct mqtt_queue *queue, enum mqtt_topic topic, const char *text)
{
	assert_int_equal(mqtt_queue_put(queue, topic, text, strlen(text)), 0);
}

/* Takes the next message, which must be this one, and gives it a number. */
static void expect_next(struct mqtt_queue *queue, enum mqtt_topic topic, const char *text,
			int number)
{
	struct mqtt_message message;

	assert_true(mqtt_queue_next(queue, &message, buffer));
	assert_int_equal(message.topic, topic);
	assert_int_equal(message.length, strlen(text));
	assert_memory_equal(buffer, text, strlen(text));
	mqtt_queue_sent(queue, &message, number);
}

static void expect_nothing(struct mqtt_queue *queue)
{
	struct mqtt_message message;

	assert_false(mqtt_queue_next(queue, &message, buffer));
}

static void test_kinds_are_the_contract(void **state)
{
	(void)state;
	static const struct {
		enum mqtt_topic topic;
		const char *leaf;
		int qos;
		bool retain;
	} contract[] = {
		{MQTT_AVAILABILITY, "availability", 1, true},
		{MQTT_STATE, "state", 0, false},
		{MQTT_EVENT, "event", 1, false},
		{MQTT_WEIGHT, "weight", 1, true},
		{MQTT_ABOUT, "about", 1, true},
	};
	for (size_t i = 0; i < sizeof(contract) / sizeof(contract[0]); i++) {
		const struct mqtt_topic_kind *kind = &mqtt_topic_kinds[contract[i].topic];
		assert_string_equal(kind->leaf, contract[i].leaf);
		assert_int_equal(kind->qos, contract[i].qos);
		assert_int_equal(kind->retain, contract[i].retain);
	}
}

static void test_birth_comes_first_and_events_last(void **state)
{
	(void)state;
	struct mqtt_queue *queue = queue_new();

	put(queue, MQTT_EVENT, "e1");
	put(queue, MQTT_STATE, "s1");
	put(queue, MQTT_WEIGHT, "w1");
	put(queue, MQTT_ABOUT, "a1");
	put(queue, MQTT_EVENT, "e2");
	put(queue, MQTT_AVAILABILITY, "online");
	assert_int_equal(mqtt_queue_waiting(queue), 6);
	expect_next(queue, MQTT_AVAILABILITY, "online", 1);
	expect_next(queue, MQTT_ABOUT, "a1", 2);
	expect_next(queue, MQTT_WEIGHT, "w1", 3);
	expect_next(queue, MQTT_STATE, "s1", 4);
	expect_next(queue, MQTT_EVENT, "e1", 5);
	expect_next(queue, MQTT_EVENT, "e2", 6);
	expect_nothing(queue);
	/* The state is QoS 0: sent is done. */
	assert_int_equal(mqtt_queue_waiting(queue), 5);
	assert_false(mqtt_queue_acknowledged(queue, 4));
	free(queue);
}

static void test_newest_state_wins(void **state)
{
	(void)state;
	struct mqtt_queue *queue = queue_new();

	put(queue, MQTT_STATE, "old and longer");
	put(queue, MQTT_STATE, "new");
	assert_int_equal(queue->overwritten, 1);
	expect_next(queue, MQTT_STATE, "new", 1);
	expect_nothing(queue);
	put(queue, MQTT_STATE, "newer");
	assert_int_equal(queue->overwritten, 1);
	expect_next(queue, MQTT_STATE, "newer", 2);
	free(queue);
}

static void test_weight_waits_for_the_one_in_flight(void **state)
{
	(void)state;
	struct mqtt_queue *queue = queue_new();

	put(queue, MQTT_WEIGHT, "90");
	expect_next(queue, MQTT_WEIGHT, "90", 7);
	put(queue, MQTT_WEIGHT, "80");
	put(queue, MQTT_WEIGHT, "70");
	expect_nothing(queue);
	assert_true(mqtt_queue_acknowledged(queue, 7));
	assert_false(mqtt_queue_acknowledged(queue, 7));
	expect_next(queue, MQTT_WEIGHT, "70", 8);
	assert_true(mqtt_queue_acknowledged(queue, 8));
	assert_int_equal(mqtt_queue_waiting(queue), 0);
	free(queue);
}

static void test_full_ring_displaces_the_oldest(void **state)
{
	(void)state;
	struct mqtt_queue *queue = queue_new();
	char text[16];

	for (int i = 0; i < MQTT_EVENTS + 3; i++) {
		snprintf(text, sizeof(text), "e%d", i);
		put(queue, MQTT_EVENT, text);
	}
	assert_int_equal(queue->dropped, 3);
	assert_int_equal(mqtt_queue_waiting(queue), MQTT_EVENTS);
	for (int i = 3; i < MQTT_EVENTS + 3; i++) {
		snprintf(text, sizeof(text), "e%d", i);
		expect_next(queue, MQTT_EVENT, text, i);
		assert_true(mqtt_queue_acknowledged(queue, i));
	}
	expect_nothing(queue);
	/* Empty: the next one uses the first place again. */
	assert_int_equal(queue->first, 0);
	put(queue, MQTT_EVENT, "again");
	assert_memory_equal(queue->events[0].data, "again", 5);
	free(queue);
}

static void test_at_most_eight_in_flight(void **state)
{
	(void)state;
	struct mqtt_queue *queue = queue_new();

	for (int i = 0; i < 10; i++)
		put(queue, MQTT_EVENT, "e");
	for (int i = 1; i <= MQTT_IN_FLIGHT; i++)
		expect_next(queue, MQTT_EVENT, "e", i);
	expect_nothing(queue);
	put(queue, MQTT_WEIGHT, "w");
	expect_nothing(queue);
	put(queue, MQTT_STATE, "s"); /* needs no acknowledgement */
	expect_next(queue, MQTT_STATE, "s", 100);
	assert_true(mqtt_queue_acknowledged(queue, 5)); /* out of order */
	expect_next(queue, MQTT_WEIGHT, "w", 101);
	expect_nothing(queue);
	assert_true(mqtt_queue_acknowledged(queue, 1));
	expect_next(queue, MQTT_EVENT, "e", 102);
	assert_int_equal(queue->flying, MQTT_IN_FLIGHT);
	free(queue);
}

static void test_displaced_in_flight(void **state)
{
	(void)state;
	struct mqtt_queue *queue = queue_new();
	struct mqtt_message message;

	put(queue, MQTT_EVENT, "first");
	put(queue, MQTT_EVENT, "second");
	expect_next(queue, MQTT_EVENT, "first", 1);
	assert_true(mqtt_queue_next(queue, &message, buffer));
	/* Between taking "second" and noting its number, the ring runs over both. */
	for (int i = 0; i < MQTT_EVENTS; i++)
		put(queue, MQTT_EVENT, "later");
	mqtt_queue_sent(queue, &message, 2);
	assert_int_equal(queue->dropped, 2);
	assert_int_equal(queue->flying, 0);
	assert_false(mqtt_queue_acknowledged(queue, 1));
	assert_false(mqtt_queue_acknowledged(queue, 2));
	assert_int_equal(mqtt_queue_waiting(queue), MQTT_EVENTS);
	free(queue);
}

static void test_new_connection_says_everything_again(void **state)
{
	(void)state;
	struct mqtt_queue *queue = queue_new();

	put(queue, MQTT_AVAILABILITY, "online");
	put(queue, MQTT_WEIGHT, "w");
	put(queue, MQTT_STATE, "s");
	put(queue, MQTT_EVENT, "done");
	put(queue, MQTT_EVENT, "lost");
	expect_next(queue, MQTT_AVAILABILITY, "online", 1);
	expect_next(queue, MQTT_WEIGHT, "w", 2);
	expect_next(queue, MQTT_STATE, "s", 3);
	expect_next(queue, MQTT_EVENT, "done", 4);
	expect_next(queue, MQTT_EVENT, "lost", 5);
	assert_true(mqtt_queue_acknowledged(queue, 4));
	mqtt_queue_restart(queue);
	assert_int_equal(queue->flying, 0);
	expect_next(queue, MQTT_AVAILABILITY, "online", 1);
	expect_next(queue, MQTT_WEIGHT, "w", 2);
	expect_next(queue, MQTT_STATE, "s", 3);
	expect_next(queue, MQTT_EVENT, "lost", 4);
	expect_nothing(queue); /* no "about": there never was one */
	free(queue);
}

static void test_too_long_is_refused(void **state)
{
	(void)state;
	struct mqtt_queue *queue = queue_new();

	memset(buffer, 'x', sizeof(buffer));
	assert_int_equal(mqtt_queue_put(queue, MQTT_EVENT, buffer, MQTT_EVENT_SIZE + 1), -EMSGSIZE);
	assert_int_equal(mqtt_queue_put(queue, MQTT_STATE, buffer, MQTT_DOCUMENT_SIZE + 1),
			 -EMSGSIZE);
	assert_int_equal(mqtt_queue_waiting(queue), 0);
	assert_int_equal(mqtt_queue_put(queue, MQTT_EVENT, buffer, MQTT_EVENT_SIZE), 0);
	assert_int_equal(mqtt_queue_put(queue, MQTT_STATE, buffer, MQTT_DOCUMENT_SIZE), 0);
	free(queue);
}

/* The longest document that the core can make of an event fits into a place of the ring. */
static void test_longest_event_fits(void **state)
{
	(void)state;
	struct event event = {
		.id = UINT64_MAX / 2, .ts_ms = INT64_MIN, .severity = SEVERITY_CRITICAL};
	struct report report = {.kind = REPORT_EVENT, .event = &event};
	int length;

	memset(event.kind, 1, sizeof(event.kind) - 1);
	memset(event.text, 1, sizeof(event.text) - 1);
	for (int i = 0; i < EVENT_VALUES; i++)
		event_put(&event, "a_name_longer_than_any_we_use", INT64_MIN);
	length = render_report(buffer, sizeof(buffer), &report);
	assert_in_range(length, 1400, MQTT_EVENT_SIZE);
}

/* Any order of calls: never more than eight in flight, and nothing is lost but what is counted. */
static void test_random_order(void **state)
{
	(void)state;
	struct mqtt_queue *queue = queue_new();
	const char *wanted = getenv("SEED");
	unsigned seed = wanted ? (unsigned)atoi(wanted) : (unsigned)time(NULL);
	int next_number = 1, flying[MQTT_IN_FLIGHT + 1], flying_count = 0;
	uint64_t put_count = 0, done = 0;

	print_message("seed %u\n", seed);
	srandom(seed);
	for (int i = 0; i < 200000; i++) {
		struct mqtt_message message;
		long what = random() % 100;
		if (what < 40) {
			put(queue, MQTT_EVENT, "event");
			put_count++;
		} else if (what < 75 && mqtt_queue_next(queue, &message, buffer)) {
			mqtt_queue_sent(queue, &message, next_number);
			assert_true(flying_count < MQTT_IN_FLIGHT + 1);
			flying[flying_count++] = next_number++;
			/* A displaced one flies for us but not for the queue. */
			if (flying_count > MQTT_IN_FLIGHT)
				memmove(flying, flying + 1,
					sizeof(flying[0]) * (size_t)--flying_count);
		} else if (what < 99 && flying_count) {
			int one = (int)(random() % flying_count);
			done += mqtt_queue_acknowledged(queue, flying[one]);
			flying[one] = flying[--flying_count];
		} else if (what == 99) {
			mqtt_queue_restart(queue);
			flying_count = 0;
		}
		assert_true(queue->flying <= MQTT_IN_FLIGHT);
		assert_true(put_count >= done + queue->dropped);
		assert_int_equal(put_count - done - queue->dropped, mqtt_queue_waiting(queue));
	}
	assert_true(done > 1000 && queue->dropped > 1000);
	free(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds_are_the_contract),
		cmocka_unit_test(test_birth_comes_first_and_events_last),
		cmocka_unit_test(test_newest_state_wins),
		cmocka_unit_test(test_weight_waits_for_the_one_in_flight),
		cmocka_unit_test(test_full_ring_displaces_the_oldest),
		cmocka_unit_test(test_at_most_eight_in_flight),
		cmocka_unit_test(test_displaced_in_flight),
		cmocka_unit_test(test_new_connection_says_everything_again),
		cmocka_unit_test(test_too_long_is_refused),
		cmocka_unit_test(test_longest_event_fits),
		cmocka_unit_test(test_random_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
