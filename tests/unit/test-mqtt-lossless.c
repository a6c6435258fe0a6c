/* SPDX-License-Identifier: MIT */
/*
 * The promise of the queue as a property: whatever is lost on the way to the broker, and whenever, every
 * sample and every event arrives. Any order of calls, seeded.
 */
#include "tests/unit/test-mqtt-queue.h"

#include <time.h>

#define MANY 3000

/* A broker that takes what was sent in order, answers in order, and is lost at any moment. */
struct broker {
	bool has_sample[MANY + 1], has_event[MANY + 1];
	struct {
		int number;
		enum mqtt_topic topic;
		uint64_t value;
	} sent[256]; /* on this connection, not received yet */
	size_t sent_count;
	int answers[256]; /* owed */
	size_t answer_count;
	uint64_t history_before; /* the last one on this connection: oldest first */
};

static void send_to(struct broker *broker, struct mqtt_queue *queue, int number)
{
	struct mqtt_message message;
	const char *digits;
	size_t at = broker->sent_count;

	if (at == 256 || !mqtt_queue_next(queue, now_ns, &message, buffer))
		return;
	buffer[message.length] = '\0';
	digits = strpbrk(buffer, "0123456789");
	mqtt_queue_sent(queue, &message, number);
	broker->sent[at].number = message.qos ? number : 0;
	broker->sent[at].topic = message.topic;
	broker->sent[at].value = digits ? strtoull(digits, NULL, 10) : 0;
	broker->sent_count++;
	if (message.topic == MQTT_HISTORY) {
		assert_true(broker->sent[at].value > broker->history_before);
		broker->history_before = broker->sent[at].value;
	}
	assert_true(queue->flying <= MQTT_IN_FLIGHT);
}

static void receive_one(struct broker *broker)
{
	if (!broker->sent_count || broker->answer_count == 256)
		return;
	if (broker->sent[0].topic == MQTT_STATE || broker->sent[0].topic == MQTT_HISTORY)
		broker->has_sample[broker->sent[0].value] = true;
	if (broker->sent[0].topic == MQTT_EVENT)
		broker->has_event[broker->sent[0].value] = true;
	if (broker->sent[0].number)
		broker->answers[broker->answer_count++] = broker->sent[0].number;
	memmove(broker->sent, broker->sent + 1, sizeof(broker->sent[0]) * --broker->sent_count);
}

static void answer_one(struct broker *broker, struct mqtt_queue *queue)
{
	if (!broker->answer_count)
		return;
	assert_true(mqtt_queue_acknowledged(queue, broker->answers[0]));
	memmove(broker->answers, broker->answers + 1,
		sizeof(broker->answers[0]) * --broker->answer_count);
}

static void lose(struct broker *broker, struct mqtt_queue *queue)
{
	broker->sent_count = broker->answer_count = 0;
	broker->history_before = 0;
	mqtt_queue_restart(queue);
}

/* Whatever is lost on the way, and whenever: in the end the broker had every sample and every event. */
static void test_nothing_is_ever_lost(void **state)
{
	(void)state;
	static struct broker broker;
	struct mqtt_queue *queue = queue_new();
	const char *wanted = getenv("SEED");
	unsigned seed = wanted ? (unsigned)atoi(wanted) : (unsigned)time(NULL);
	uint64_t samples = 0, events = 0;
	char text[40];

	print_message("seed %u\n", seed);
	srandom(seed);
	for (int number = 1; samples < MANY || mqtt_ring_counts(queue->ring).samples ||
			     mqtt_ring_counts(queue->ring).events;
	     number++) {
		long what = random() % 1000;
		now_ns += NS_PER_S / 50;
		if (what < 100 && samples < MANY) {
			put_sample(queue, ++samples);
			assert_true(mqtt_ring_counts(queue->ring).thinned == 0);
		} else if (what < 120 && events < MANY) {
			snprintf(text, sizeof(text), "event %llu", (unsigned long long)++events);
			put(queue, MQTT_EVENT, text);
		} else if (what < 125) {
			put(queue, MQTT_WEIGHT, "w");
		} else if (what < 500) {
			send_to(&broker, queue, number);
		} else if (what < 750) {
			receive_one(&broker);
		} else if (what < 995) {
			answer_one(&broker, queue);
		} else {
			lose(&broker, queue);
		}
		assert_true(number < 10000000);
	}
	for (uint64_t i = 1; i <= samples; i++)
		assert_true(broker.has_sample[i]);
	for (uint64_t i = 1; i <= events; i++)
		assert_true(broker.has_event[i]);
	assert_true(queue->history_sent > 100 && events > 100);
	queue_free(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_ever_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
