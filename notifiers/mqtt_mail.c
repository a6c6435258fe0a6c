/* SPDX-License-Identifier: MIT */
/*
 * Documents are copied in and out under one lock and sent without it, so the lock is held for
 * microseconds, and still the loop only ever tries it. The thread is woken only while it has a
 * connection: otherwise there is nothing it could do with a document.
 */
#include "notifiers/mqtt_mail.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/sample.h"

/* About 3 us in all on x86-64 while somebody else holds the lock. */
#define TRIES 200

static void ring(int fd)
{
	uint64_t one = 1;
	/* It can only fail when the counter is full: then the other side is awake anyway. */
	ssize_t ignored = write(fd, &one, sizeof(one));
	(void)ignored;
}

void mqtt_mail_hush(int fd)
{
	uint64_t count;
	/* It fails when nobody rang, which is as quiet. */
	ssize_t ignored = read(fd, &count, sizeof(count));
	(void)ignored;
}

int mqtt_mail_open(struct mqtt_mail *mail)
{
	int error = pthread_mutex_init(&mail->lock, NULL);

	if (error)
		return -error;
	mail->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	mail->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (mail->wake_fd < 0 || mail->news_fd < 0) {
		int result = -errno;
		mqtt_mail_close(mail);
		return result;
	}
	return mqtt_queue_put(&mail->queue, MQTT_AVAILABILITY, MQTT_ONLINE, strlen(MQTT_ONLINE));
}

void mqtt_mail_close(struct mqtt_mail *mail)
{
	if (mail->wake_fd >= 0)
		close(mail->wake_fd);
	if (mail->news_fd >= 0)
		close(mail->news_fd);
	pthread_mutex_destroy(&mail->lock);
}

/*
 * The loop's way to the lock. The thread holds it for a microsecond or two, so a few tries nearly
 * always get it; if the thread was put to sleep just then, they are over as fast and nobody waits.
 */
static bool try_lock(struct mqtt_mail *mail)
{
	for (int i = 0; i < TRIES; i++) {
		if (pthread_mutex_trylock(&mail->lock) == 0)
			return true;
	}
	return false;
}

int mqtt_mail_put(struct mqtt_mail *mail, enum mqtt_topic topic, const char *data, size_t length)
{
	int result;

	if (!try_lock(mail))
		return -EAGAIN;
	result = mqtt_queue_put(&mail->queue, topic, data, length);
	pthread_mutex_unlock(&mail->lock);
	if (result == 0 && atomic_load(&mail->stage) == MQTT_STAGE_CONNECTED)
		ring(mail->wake_fd);
	return result;
}

int mqtt_mail_news(struct mqtt_mail *mail, struct mqtt_news *ret_news)
{
	if (!try_lock(mail))
		return -EAGAIN;
	if (mail->rung)
		mqtt_mail_hush(mail->news_fd);
	mail->rung = false;
	*ret_news = mail->news;
	ret_news->dropped = mail->queue.dropped;
	ret_news->overwritten = mail->queue.overwritten;
	ret_news->waiting = mqtt_queue_waiting(&mail->queue);
	pthread_mutex_unlock(&mail->lock);
	return 0;
}

void mqtt_mail_finish(struct mqtt_mail *mail)
{
	if (!atomic_exchange(&mail->finish, true))
		ring(mail->wake_fd);
}

void mqtt_mail_quit(struct mqtt_mail *mail)
{
	atomic_store(&mail->quit, true);
	ring(mail->wake_fd);
}

void mqtt_mail_tell(struct mqtt_mail *mail, enum mqtt_stage stage, const char *address,
		    const char *trouble)
{
	pthread_mutex_lock(&mail->lock);
	mail->news.stage = stage;
	text_copy(mail->news.address, sizeof(mail->news.address), address);
	if (trouble)
		text_copy(mail->news.trouble, sizeof(mail->news.trouble), trouble);
	if (stage == MQTT_STAGE_CONNECTED)
		mail->news.connections++;
	atomic_store(&mail->stage, (int)stage);
	mail->rung = true;
	ring(mail->news_fd);
	pthread_mutex_unlock(&mail->lock);
}

bool mqtt_mail_ends(const struct mqtt_mail *mail)
{
	return atomic_load(&mail->quit) || atomic_load(&mail->finish);
}

void mqtt_mail_restart(struct mqtt_mail *mail)
{
	pthread_mutex_lock(&mail->lock);
	mqtt_queue_restart(&mail->queue);
	pthread_mutex_unlock(&mail->lock);
}

bool mqtt_mail_take(struct mqtt_mail *mail, struct mqtt_message *ret_message, char *buffer,
		    unsigned *ret_flying)
{
	bool some;

	pthread_mutex_lock(&mail->lock);
	*ret_flying = mail->queue.flying;
	some = mqtt_queue_next(&mail->queue, ret_message, buffer);
	pthread_mutex_unlock(&mail->lock);
	return some;
}

void mqtt_mail_sent(struct mqtt_mail *mail, const struct mqtt_message *message, int number)
{
	pthread_mutex_lock(&mail->lock);
	mqtt_queue_sent(&mail->queue, message, number);
	mail->news.published++;
	pthread_mutex_unlock(&mail->lock);
}

bool mqtt_mail_acknowledged(struct mqtt_mail *mail, int number)
{
	bool waited;

	pthread_mutex_lock(&mail->lock);
	waited = mqtt_queue_acknowledged(&mail->queue, number);
	mail->news.acknowledged += waited;
	pthread_mutex_unlock(&mail->lock);
	return waited;
}

bool mqtt_mail_sign_off(struct mqtt_mail *mail, bool hurry)
{
	struct mqtt_document *document = &mail->queue.documents[MQTT_AVAILABILITY];
	const size_t length = strlen(MQTT_OFFLINE);
	bool signed_off, done = false;

	pthread_mutex_lock(&mail->lock);
	signed_off = document->length == (int)length &&
		     memcmp(document->data, MQTT_OFFLINE, length) == 0;
	if (signed_off)
		done = !document->fresh && !document->flying;
	else if (hurry || !mqtt_queue_waiting(&mail->queue))
		mqtt_queue_put(&mail->queue, MQTT_AVAILABILITY, MQTT_OFFLINE, length);
	pthread_mutex_unlock(&mail->lock);
	return done;
}
