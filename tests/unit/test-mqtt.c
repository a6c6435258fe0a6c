/* SPDX-License-Identifier: MIT */
/* What waits for the MQTT broker, in which order it goes, and when it is forgotten. */
#include "tests/unit/test-mqtt-queue.h"

#include <errno.h>

/* Takes the next message, which must be this one, and gives it a number. Returns its QoS. */
static int expect_next(struct mqtt_queue *queue, enum mqtt_topic topic, const char *text,
		       int number)
{
	struct mqtt_message message;

	assert_true(mqtt_queue_next(queue, now_ns, &message, buffer));
	assert_int_equal(message.topic, topic);
	assert_int_equal(message.length, strlen(text));
	assert_memory_equal(buffer, text, strlen(text));
	mqtt_queue_sent(queue, &message, number);
	return message.qos;
}

static int expect_sample(struct mqtt_queue *queue, enum mqtt_topic topic, uint64_t seq, int number)
{
	return expect_next(queue, topic, sample_text(seq), number);
}

static void expect_nothing(struct mqtt_queue *queue)
{
	struct mqtt_message message;

	assert_false(mqtt_queue_next(queue, now_ns, &message, buffer));
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
		{MQTT_HISTORY, "history", 1, false},
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
	assert_int_equal(mqtt_topic_kinds[MQTT_DISCOVERY].qos, 1);
	assert_true(mqtt_topic_kinds[MQTT_DISCOVERY].retain);
}

static void test_birth_comes_first_and_history_last(void **state)
{
	(void)state;
	struct mqtt_queue *queue = queue_new();
	struct mqtt_message message;

	put_sample(queue, 1);
	put_sample(queue, 2);
	put(queue, MQTT_ABOUT, "a1");
	put(queue, MQTT_EVENT, "e1");
	put(queue, MQTT_WEIGHT, "w1");
	put(queue, MQTT_EVENT, "e2");
	put(queue, MQTT_AVAILABILITY, "online");
	queue->discovery_count = 1;
	struct mqtt_waiting waiting = mqtt_queue_waiting(queue);
	assert_int_equal(waiting.documents, 3);
	assert_int_equal(waiting.events, 2);
	assert_int_equal(waiting.samples, 2);
	assert_int_equal(expect_next(queue, MQTT_AVAILABILITY, "online", 1), 1);
	assert_int_equal(expect_next(queue, MQTT_WEIGHT, "w1", 2), 1);
	assert_int_equal(expect_next(queue, MQTT_EVENT, "e1", 3), 1);
	assert_int_equal(expect_next(queue, MQTT_EVENT, "e2", 4), 1);
	assert_int_equal(expect_next(queue, MQTT_ABOUT, "a1", 5), 1);
	expect_sample(queue, MQTT_STATE, 2, 6);
	assert_true(mqtt_queue_next(queue, now_ns, &message, buffer));
	assert_int_equal(message.topic, MQTT_DISCOVERY);
	mqtt_queue_sent(queue, &message, 7);
	assert_int_equal(expect_sample(queue, MQTT_HISTORY, 1, 8), 1);
	expect_nothing(queue);
	assert_int_equal(queue->history_sent, 1);
	queue_free(queue);
}

/* One state in ten seconds asks for an answer, and that stands for all before it. */
static void test_an_answer_confirms_what_was_sent_before(void **state)
{
	(void)state;
	struct mqtt_queue *queue = queue_new();

	put_sample(queue, 1);
	assert_int_equal(expect_sample(queue, MQTT_STATE, 1, 1), 1);
	assert_true(mqtt_queue_acknowledged(queue, 1));
	assert_int_equal(mqtt_ring_counts(queue->ring).samples, 0);
	for (uint64_t seq = 2; seq <= 10; seq++) {
		now_ns += NS_PER_S;
		put_sample(queue, seq);
		assert_int_equal(expect_sample(queue, MQTT_STATE, seq, 99), 0);
	}
	assert_false(mqtt_queue_acknowledged(queue, 99));
	assert_int_equal(mqtt_ring_counts(queue->ring).samples, 9);
	assert_int_equal(mqtt_queue_waiting(queue).samples, 0);
	/* Anything else does as well, but only for what went before it. */
	put(queue, MQTT_WEIGHT, "w");
	expect_next(queue, MQTT_WEIGHT, "w", 2);
	now_ns += NS_PER_S;
	put_sample(queue, 11);
	assert_int_equal(expect_sample(queue, MQTT_STATE, 11, 3), 1);
	/* It is not waited for: live is live. */
	now_ns += NS_PER_S;
	put_sample(queue, 12);
	assert_int_equal(expect_sample(queue, MQTT_STATE, 12, 99), 0);
	assert_true(mqtt_queue_acknowledged(queue, 2));
	assert_int_equal(mqtt_ring_counts(queue->ring).samples, 2);
	assert_true(mqtt_queue_acknowledged(queue, 3));
	assert_int_equal(mqtt_ring_counts(queue->ring).samples, 1);
	queue_free(queue);
}

static void test_what_nobody_confirmed_becomes_history(void **state)
{
	(void)state;
	struct mqtt_queue *queue = queue_new();

	for (uint64_t seq = 1; seq <= 3; seq++) {
		put_sample(queue, seq);
		expect_sample(queue, MQTT_STATE, seq, 1);
	}
	mqtt_queue_restart(queue); /* no answer came */
	assert_int_equal(mqtt_queue_waiting(queue).samples, 3);
	put_sample(queue, 4);
	put_sample(queue, 5);
	assert_int_equal(expect_sample(queue, MQTT_STATE, 5, 1), 1);
	/* The answer to 5 says nothing of what went out in another connection. */
	assert_true(mqtt_queue_acknowledged(queue, 1));
	for (uint64_t seq = 1; seq <= 4; seq++) {
		expect_sample(queue, MQTT_HISTORY, seq, 1 + (int)seq);
		assert_true(mqtt_queue_acknowledged(queue, 1 + (int)seq));
		now_ns += NS_PER_S / 10;
	}
	expect_nothing(queue);
	assert_int_equal(mqtt_ring_counts(queue->ring).samples, 0);
	assert_true(mqtt_queue_due_ns(queue) == INT64_MAX);
	queue_free(queue);
}

/* The library was busy: what a newer state has replaced was never told. */
static void test_state_that_was_overtaken_becomes_history(void **state)
{
	(void)state;
	struct mqtt_queue *queue = queue_new();

	put_sample(queue, 1);
	put_sample(queue, 2);
	expect_sample(queue, MQTT_STATE, 2, 1);
	expect_sample(queue, MQTT_HISTORY, 1, 2);
	expect_nothing(queue);
	queue_free(queue);
}

static void test_history_keeps_its_pace(void **state)
{
	(void)state;
	struct mqtt_queue *queue = queue_new();

	for (uint64_t seq = 1; seq <= 20; seq++)
		put_sample(queue, seq);
	expect_sample(queue, MQTT_STATE, 20, 1);
	for (int i = 1; i <= MQTT_IN_BACKGROUND; i++) {
		expect_sample(queue, MQTT_HISTORY, (uint64_t)i, 1 + i);
		expect_nothing(queue);
		if (i < MQTT_IN_BACKGROUND)
			assert_true(mqtt_queue_due_ns(queue) == now_ns + NS_PER_S / 10);
		now_ns += NS_PER_S / 10;
	}
	/* No more of it, however long; but what is new has places of its own. */
	now_ns += NS_PER_S;
	expect_nothing(queue);
	assert_true(mqtt_queue_due_ns(queue) == INT64_MAX);
	put(queue, MQTT_EVENT, "e");
	expect_next(queue, MQTT_EVENT, "e", 50);
	assert_true(mqtt_queue_acknowledged(queue, 3));
	assert_true(mqtt_queue_due_ns(queue) <= now_ns);
	put(queue, MQTT_WEIGHT, "w");
	expect_next(queue, MQTT_WEIGHT, "w", 51);
	expect_sample(queue, MQTT_HISTORY, 5, 52);
	queue_free(queue);
}

/* A state that is too large for the broker is taken out and never sent: nothing is due because of it. */
static void test_a_state_that_is_withheld_wakes_nobody(void **state)
{
	(void)state;
	struct mqtt_queue *queue = queue_new();
	struct mqtt_message message;

	put_sample(queue, 1);
	assert_true(mqtt_queue_next(queue, now_ns, &message, buffer));
	assert_int_equal(message.topic, MQTT_STATE);
	expect_nothing(queue);
	assert_true(mqtt_queue_due_ns(queue) == INT64_MAX);
	/* The next one makes it history. */
	put_sample(queue, 2);
	assert_true(mqtt_queue_due_ns(queue) <= now_ns);
	queue_free(queue);
}

static void test_ring_of_an_earlier_life_is_history(void **state)
{
	(void)state;
	struct mqtt_queue *queue = queue_new();

	put_sample(queue, 1);
	put_sample(queue, 2);
	put(queue, MQTT_EVENT, "e");
	expect_next(queue, MQTT_EVENT, "e", 1);
	expect_sample(queue, MQTT_STATE, 2, 2);
	mqtt_ring_free(queue->ring);
	memset(queue, 0, sizeof(*queue));
	queue->ring = make_ring(false);
	expect_next(queue, MQTT_EVENT, "e", 1);
	expect_sample(queue, MQTT_HISTORY, 1, 2); /* before there is anything live */
	put_sample(queue, 1);
	expect_sample(queue, MQTT_STATE, 1, 3);
	expect_sample(queue, MQTT_HISTORY, 2, 4);
	expect_nothing(queue);
	queue_free(queue);
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
	assert_int_equal(mqtt_queue_waiting(queue).documents, 0);
	queue_free(queue);
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
	put_sample(queue, 1); /* needs no acknowledgement */
	assert_int_equal(expect_sample(queue, MQTT_STATE, 1, 100), 0);
	assert_true(mqtt_queue_acknowledged(queue, 5)); /* out of order */
	expect_next(queue, MQTT_WEIGHT, "w", 101);
	expect_nothing(queue);
	assert_true(mqtt_queue_acknowledged(queue, 1));
	expect_next(queue, MQTT_EVENT, "e", 102);
	assert_int_equal(queue->flying, MQTT_IN_FLIGHT);
	queue_free(queue);
}

static void test_new_connection_says_everything_again(void **state)
{
	(void)state;
	struct mqtt_queue *queue = queue_new();

	put(queue, MQTT_AVAILABILITY, "online");
	put(queue, MQTT_WEIGHT, "w");
	put(queue, MQTT_EVENT, "done");
	put(queue, MQTT_EVENT, "lost");
	put_sample(queue, 1);
	expect_next(queue, MQTT_AVAILABILITY, "online", 1);
	expect_next(queue, MQTT_WEIGHT, "w", 2);
	expect_next(queue, MQTT_EVENT, "done", 3);
	expect_next(queue, MQTT_EVENT, "lost", 4);
	expect_sample(queue, MQTT_STATE, 1, 5);
	assert_true(mqtt_queue_acknowledged(queue, 3));
	mqtt_queue_restart(queue);
	assert_int_equal(queue->flying, 0);
	expect_next(queue, MQTT_AVAILABILITY, "online", 1);
	expect_next(queue, MQTT_WEIGHT, "w", 2);
	expect_next(queue, MQTT_EVENT, "lost", 3);
	expect_sample(queue, MQTT_STATE, 1, 4);
	expect_nothing(queue); /* no "about": there never was one */
	queue_free(queue);
}

static void expect_discovery(struct mqtt_queue *queue, uint64_t item, int number)
{
	struct mqtt_message message;

	assert_true(mqtt_queue_next(queue, now_ns, &message, buffer));
	assert_int_equal(message.topic, MQTT_DISCOVERY);
	assert_int_equal(message.item, item);
	mqtt_queue_sent(queue, &message, number);
}

static void test_discovery_gives_home_assistant_time(void **state)
{
	(void)state;
	struct mqtt_queue *queue = queue_new();

	put(queue, MQTT_AVAILABILITY, "online");
	queue->discovery_count = 6;
	mqtt_queue_delay_discovery(queue, now_ns);
	expect_next(queue, MQTT_AVAILABILITY, "online", 1);
	expect_nothing(queue);
	assert_true(mqtt_queue_due_ns(queue) == now_ns + 5 * NS_PER_S);
	now_ns += 5 * NS_PER_S;
	for (int i = 0; i < MQTT_IN_BACKGROUND; i++)
		expect_discovery(queue, (uint64_t)i, 10 + i);
	expect_nothing(queue);
	assert_true(mqtt_queue_acknowledged(queue, 10));
	expect_discovery(queue, 4, 14);
	assert_true(mqtt_queue_acknowledged(queue, 11));
	expect_discovery(queue, 5, 15);
	for (int number = 12; number <= 15; number++)
		assert_true(mqtt_queue_acknowledged(queue, number));
	/* It starts anew: all is said again, but discovery not at once. */
	assert_true(mqtt_queue_acknowledged(queue, 1));
	mqtt_queue_repeat(queue);
	expect_next(queue, MQTT_AVAILABILITY, "online", 2);
	expect_nothing(queue);
	now_ns += 5 * NS_PER_S;
	expect_discovery(queue, 0, 20);
	queue_free(queue);
}

static void test_too_long_is_refused(void **state)
{
	(void)state;
	struct mqtt_queue *queue = queue_new();

	memset(buffer, 'x', sizeof(buffer));
	assert_int_equal(mqtt_queue_put(queue, MQTT_EVENT, buffer, MQTT_EVENT_SIZE + 1), -EMSGSIZE);
	assert_int_equal(mqtt_queue_put(queue, MQTT_ABOUT, buffer, MQTT_DOCUMENT_SIZE + 1),
			 -EMSGSIZE);
	assert_int_equal(mqtt_queue_put_sample(queue, now_ns, buffer, MQTT_DOCUMENT_SIZE + 1),
			 -EMSGSIZE);
	assert_int_equal(mqtt_queue_waiting(queue).documents, 0);
	assert_int_equal(mqtt_queue_waiting(queue).events, 0);
	assert_int_equal(mqtt_queue_put(queue, MQTT_EVENT, buffer, MQTT_EVENT_SIZE), 0);
	assert_int_equal(mqtt_queue_put(queue, MQTT_ABOUT, buffer, MQTT_DOCUMENT_SIZE), 0);
	queue_free(queue);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds_are_the_contract),
		cmocka_unit_test(test_birth_comes_first_and_history_last),
		cmocka_unit_test(test_an_answer_confirms_what_was_sent_before),
		cmocka_unit_test(test_what_nobody_confirmed_becomes_history),
		cmocka_unit_test(test_state_that_was_overtaken_becomes_history),
		cmocka_unit_test(test_history_keeps_its_pace),
		cmocka_unit_test(test_a_state_that_is_withheld_wakes_nobody),
		cmocka_unit_test(test_ring_of_an_earlier_life_is_history),
		cmocka_unit_test(test_weight_waits_for_the_one_in_flight),
		cmocka_unit_test(test_at_most_eight_in_flight),
		cmocka_unit_test(test_new_connection_says_everything_again),
		cmocka_unit_test(test_discovery_gives_home_assistant_time),
		cmocka_unit_test(test_too_long_is_refused),
		cmocka_unit_test(test_longest_event_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
