/* SPDX-License-Identifier: MIT */
/* What the loop and the thread of the MQTT notifier share. No broker, no thread. */
#include "tests/unit/test-mqtt-memory.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/units.h"
#include "notifiers/mqtt_mail.h"

static char buffer[MQTT_DOCUMENT_SIZE];

static bool readable(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return poll(&poll_fd, 1, 0) == 1;
}

static struct mqtt_mail *mail_new(void)
{
	struct mqtt_mail *mail = calloc(1, sizeof(*mail));

	assert_non_null(mail);
	assert_int_equal(mqtt_mail_open(mail, make_ring(true), 10), 0);
	return mail;
}

static void mail_free(struct mqtt_mail *mail)
{
	struct mqtt_ring *ring = mail->queue.ring;

	mqtt_mail_detach(mail);
	mqtt_ring_free(ring);
	mqtt_mail_close(mail);
	free(mail);
}

static void test_mail_never_waits(void **state)
{
	(void)state;
	struct mqtt_mail *mail = mail_new();
	struct mqtt_news news;

	mqtt_mail_tell(mail, MQTT_STAGE_PAUSE, "", "refused");
	pthread_mutex_lock(&mail->lock);
	assert_int_equal(mqtt_mail_put(mail, MQTT_WEIGHT, "s", 1), -EAGAIN);
	assert_int_equal(mqtt_mail_news(mail, &news), -EAGAIN);
	pthread_mutex_unlock(&mail->lock);
	assert_true(readable(mail->news_fd)); /* nothing was forgotten */
	assert_int_equal(mqtt_mail_news(mail, &news), 0);
	assert_int_equal(news.stage, MQTT_STAGE_PAUSE);
	assert_string_equal(news.trouble, "refused");
	assert_int_equal(news.waiting.documents, 1); /* "online" */
	assert_false(readable(mail->news_fd));
	mail_free(mail);
}

static void test_mail_wakes_a_connected_thread_only(void **state)
{
	(void)state;
	struct mqtt_mail *mail = mail_new();
	struct mqtt_news news;

	assert_int_equal(mqtt_mail_put(mail, MQTT_WEIGHT, "s", 1), 0);
	assert_false(readable(mail->wake_fd));
	mqtt_mail_tell(mail, MQTT_STAGE_CONNECTED, "[::1]:1883", "");
	assert_int_equal(mqtt_mail_put(mail, MQTT_WEIGHT, "t", 1), 0);
	assert_true(readable(mail->wake_fd));
	mqtt_mail_hush(mail->wake_fd);
	assert_false(readable(mail->wake_fd));
	assert_int_equal(mqtt_mail_news(mail, &news), 0);
	assert_int_equal(news.connections, 1);
	assert_string_equal(news.address, "[::1]:1883");
	assert_false(mqtt_mail_ends(mail));
	mqtt_mail_finish(mail, false);
	assert_true(readable(mail->wake_fd));
	assert_true(mqtt_mail_ends(mail));
	mail_free(mail);
}

static void expect_mail(struct mqtt_mail *mail, const char *text, int number)
{
	struct mqtt_message message;
	int64_t due_ns;

	assert_true(mqtt_mail_take(mail, NS_PER_S, &message, buffer, &due_ns));
	assert_int_equal(message.length, strlen(text));
	assert_memory_equal(buffer, text, strlen(text));
	mqtt_mail_sent(mail, &message, number);
}

static void test_sign_off_is_the_last_word(void **state)
{
	(void)state;
	struct mqtt_mail *mail = mail_new();
	struct mqtt_news news;

	assert_int_equal(mqtt_mail_put(mail, MQTT_EVENT, "stopping", 8), 0);
	assert_false(mqtt_mail_sign_off(mail, false));
	expect_mail(mail, "online", 1);
	expect_mail(mail, "stopping", 2);
	assert_false(mqtt_mail_sign_off(mail, false)); /* both are still in flight */
	assert_true(mqtt_mail_acknowledged(mail, 1));
	assert_true(mqtt_mail_acknowledged(mail, 2));
	assert_false(mqtt_mail_sign_off(mail, false));
	expect_mail(mail, "offline", 3);
	assert_false(mqtt_mail_sign_off(mail, false));
	assert_true(mqtt_mail_acknowledged(mail, 3));
	assert_true(mqtt_mail_sign_off(mail, false));
	assert_int_equal(mqtt_mail_news(mail, &news), 0);
	assert_int_equal(news.published, 3);
	assert_int_equal(news.acknowledged, 3);
	assert_int_equal(news.waiting.documents + news.waiting.events, 0);
	mail_free(mail);
}

static void test_sign_off_in_a_hurry(void **state)
{
	(void)state;
	struct mqtt_mail *mail = mail_new();

	assert_int_equal(mqtt_mail_put(mail, MQTT_EVENT, "waits", 5), 0);
	assert_false(mqtt_mail_sign_off(mail, true));
	expect_mail(mail, "offline", 1);
	assert_true(mqtt_mail_acknowledged(mail, 1));
	assert_true(mqtt_mail_sign_off(mail, false));
	mail_free(mail);
}

/* The thread has the lock for seconds: samples wait at the door, the newest four. */
static void test_samples_are_never_turned_away(void **state)
{
	(void)state;
	struct mqtt_mail *mail = mail_new();
	struct mqtt_message message;
	struct mqtt_news news;
	char text[32];
	int64_t due_ns;

	pthread_mutex_lock(&mail->lock);
	for (int i = 1; i <= MQTT_MAIL_KEPT + 1; i++) {
		int length = snprintf(text, sizeof(text), "{\"seq\":%d}", i);
		assert_int_equal(mqtt_mail_put_sample(mail, i * NS_PER_S, text, (size_t)length), 0);
	}
	assert_int_equal(mqtt_ring_counts(mail->queue.ring).samples, 0);
	pthread_mutex_unlock(&mail->lock);
	mqtt_mail_tell(mail, MQTT_STAGE_CONNECTED, "", "");
	assert_int_equal(mqtt_mail_news(mail, &news), 0);
	assert_int_equal(news.waiting.samples, MQTT_MAIL_KEPT);
	assert_int_equal(news.untaken, 1);
	assert_true(readable(mail->wake_fd));
	expect_mail(mail, "online", 1);
	expect_mail(mail, "{\"seq\":5}", 2); /* the newest is live, the others are in their order */
	for (int i = 2; i <= MQTT_MAIL_KEPT; i++) {
		int length = snprintf(text, sizeof(text), "{\"seq\":%d}", i);
		assert_true(mqtt_mail_take(mail, (10 + i) * NS_PER_S, &message, buffer, &due_ns));
		assert_int_equal(message.topic, MQTT_HISTORY);
		assert_memory_equal(buffer, text, (size_t)length);
		mqtt_mail_sent(mail, &message, 10 + i);
	}
	memset(buffer, 'x', sizeof(buffer));
	assert_int_equal(mqtt_mail_put_sample(mail, 0, buffer, sizeof(buffer) + 1), -EMSGSIZE);
	mail_free(mail);
}

/* After a reload the next thread has the ring, and this one may still be somewhere. */
static void test_thread_without_a_ring_does_nothing(void **state)
{
	(void)state;
	struct mqtt_mail *mail = mail_new();
	struct mqtt_ring *ring = mail->queue.ring;
	struct mqtt_message message;
	int64_t due_ns;

	assert_int_equal(mqtt_mail_put(mail, MQTT_EVENT, "e", 1), 0);
	assert_true(mqtt_mail_take(mail, NS_PER_S, &message, buffer, &due_ns)); /* "online" */
	mqtt_mail_sent(mail, &message, 1);
	assert_true(mqtt_mail_take(mail, NS_PER_S, &message, buffer, &due_ns));
	mqtt_mail_detach(mail);
	mqtt_mail_sent(mail, &message, 2);
	assert_false(mqtt_mail_acknowledged(mail, 1));
	assert_false(mqtt_mail_acknowledged(mail, 2));
	mqtt_mail_restart(mail);
	assert_false(mqtt_mail_take(mail, NS_PER_S, &message, buffer, &due_ns));
	assert_true(due_ns == INT64_MAX);
	assert_false(mqtt_mail_sign_off(mail, true));
	assert_int_equal(mqtt_ring_counts(ring).events, 1);
	mqtt_ring_free(ring);
	mail_free(mail);
}

/* A reload is somebody who waits; that the facts are told again for another reason is none. */
static void test_hastens_after_a_reload(void **state)
{
	(void)state;
	static const struct {
		unsigned loads;
		bool hastens;
	} rows[] = {{2, false}, {2, false}, {3, true}, {3, false}, {5, true}};
	struct mqtt_mail *mail = mail_new();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct about about = {.loads = rows[i].loads};

		assert_int_equal(mqtt_mail_put_about(mail, &about, 0, "a", 1), 0);
		assert_int_equal(atomic_exchange(&mail->hasten, false), rows[i].hastens);
		assert_int_equal(readable(mail->wake_fd), rows[i].hastens);
		mqtt_mail_hush(mail->wake_fd);
	}
	mail_free(mail);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mail_never_waits),
		cmocka_unit_test(test_mail_wakes_a_connected_thread_only),
		cmocka_unit_test(test_sign_off_is_the_last_word),
		cmocka_unit_test(test_sign_off_in_a_hurry),
		cmocka_unit_test(test_samples_are_never_turned_away),
		cmocka_unit_test(test_thread_without_a_ring_does_nothing),
		cmocka_unit_test(test_hastens_after_a_reload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
