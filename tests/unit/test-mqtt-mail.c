/* SPDX-License-Identifier: MIT */
/* What the loop and the thread of the MQTT notifier share. No broker, no thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>

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
	assert_int_equal(mqtt_mail_open(mail), 0);
	return mail;
}

static void mail_free(struct mqtt_mail *mail)
{
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
	assert_int_equal(mqtt_mail_put(mail, MQTT_STATE, "s", 1), -EAGAIN);
	assert_int_equal(mqtt_mail_news(mail, &news), -EAGAIN);
	pthread_mutex_unlock(&mail->lock);
	assert_true(readable(mail->news_fd)); /* nothing was forgotten */
	assert_int_equal(mqtt_mail_news(mail, &news), 0);
	assert_int_equal(news.stage, MQTT_STAGE_PAUSE);
	assert_string_equal(news.trouble, "refused");
	assert_int_equal(news.waiting, 1); /* "online" */
	assert_false(readable(mail->news_fd));
	mail_free(mail);
}

static void test_mail_wakes_a_connected_thread_only(void **state)
{
	(void)state;
	struct mqtt_mail *mail = mail_new();
	struct mqtt_news news;

	assert_int_equal(mqtt_mail_put(mail, MQTT_STATE, "s", 1), 0);
	assert_false(readable(mail->wake_fd));
	mqtt_mail_tell(mail, MQTT_STAGE_CONNECTED, "[::1]:1883", "");
	assert_int_equal(mqtt_mail_put(mail, MQTT_STATE, "t", 1), 0);
	assert_true(readable(mail->wake_fd));
	mqtt_mail_hush(mail->wake_fd);
	assert_false(readable(mail->wake_fd));
	assert_int_equal(mqtt_mail_news(mail, &news), 0);
	assert_int_equal(news.connections, 1);
	assert_int_equal(news.overwritten, 1);
	assert_string_equal(news.address, "[::1]:1883");
	assert_false(mqtt_mail_ends(mail));
	mqtt_mail_finish(mail);
	assert_true(readable(mail->wake_fd));
	assert_true(mqtt_mail_ends(mail));
	mail_free(mail);
}

static void expect_mail(struct mqtt_mail *mail, const char *text, int number)
{
	struct mqtt_message message;
	unsigned flying;

	assert_true(mqtt_mail_take(mail, &message, buffer, &flying));
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
	assert_int_equal(news.waiting, 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mail_never_waits),
		cmocka_unit_test(test_mail_wakes_a_connected_thread_only),
		cmocka_unit_test(test_sign_off_is_the_last_word),
		cmocka_unit_test(test_sign_off_in_a_hurry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
