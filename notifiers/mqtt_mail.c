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
#include "agent/units.h"

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

int mqtt_mail_open(struct mqtt_mail *mail, struct mqtt_ring *ring, int64_t history_rate)
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
	mail->queue.ring = ring;
	mail->queue.history_gap_ns = NS_PER_S / history_rate;
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

/* Under the lock: what was kept goes first. */
static void put_kept(struct mqtt_mail *mail)
{
	for (size_t i = 0; i < mail->kept_count; i++) {
		const struct mqtt_kept *kept = &mail->kept[i];
		mqtt_queue_put_sample(&mail->queue, kept->stamp_ns, kept->data, kept->length);
	}
	mail->kept_count = 0;
}

static void unlock_and_wake(struct mqtt_mail *mail)
{
	pthread_mutex_unlock(&mail->lock);
	if (atomic_load(&mail->stage) == MQTT_STAGE_CONNECTED)
		ring(mail->wake_fd);
}

int mqtt_mail_put(struct mqtt_mail *mail, enum mqtt_topic topic, const char *data, size_t length)
{
	int result;

	if (!try_lock(mail))
		return -EAGAIN;
	put_kept(mail);
	result = mqtt_queue_put(&mail->queue, topic, data, length);
	unlock_and_wake(mail);
	return result;
}

static void keep(struct mqtt_mail *mail, int64_t stamp_ns, const char *data, size_t length)
{
	struct mqtt_kept *kept;

	/* The thread was not allowed to run for seconds, with the lock: then the oldest goes. */
	if (mail->kept_count == MQTT_MAIL_KEPT) {
		memmove(mail->kept, mail->kept + 1, sizeof(mail->kept) - sizeof(mail->kept[0]));
		mail->kept_count--;
		mail->kept_lost++;
	}
	kept = &mail->kept[mail->kept_count++];
	kept->stamp_ns = stamp_ns;
	kept->length = length;
	memcpy(kept->data, data, length);
}

int mqtt_mail_put_sample(struct mqtt_mail *mail, int64_t stamp_ns, const char *data, size_t length)
{
	if (length > MQTT_DOCUMENT_SIZE)
		return -EMSGSIZE;
	if (!try_lock(mail)) {
		keep(mail, stamp_ns, data, length);
		return 0;
	}
	put_kept(mail);
	mqtt_queue_put_sample(&mail->queue, stamp_ns, data, length);
	unlock_and_wake(mail);
	return 0;
}

int mqtt_mail_put_about(struct mqtt_mail *mail, const struct about *about, size_t discovery_count,
			const char *data, size_t length)
{
	bool loaded;
	int result;

	if (!try_lock(mail))
		return -EAGAIN;
	result = mqtt_queue_put(&mail->queue, MQTT_ABOUT, data, length);
	loaded = mail->about_put && about->loads != mail->about.loads;
	mail->about_put = true;
	mail->about = *about;
	mail->queue.discovery_count = discovery_count;
	mail->queue.discovery_next = 0;
	unlock_and_wake(mail);
	if (loaded)
		mqtt_mail_hasten(mail);
	return result;
}

int mqtt_mail_news(struct mqtt_mail *mail, struct mqtt_news *ret_news)
{
	bool kept = mail->kept_count > 0;

	if (!try_lock(mail))
		return -EAGAIN;
	put_kept(mail);
	if (mail->rung)
		mqtt_mail_hush(mail->news_fd);
	mail->rung = false;
	*ret_news = mail->news;
	ret_news->history_sent = mail->queue.history_sent;
	ret_news->untaken = mail->queue.untaken + mail->kept_lost;
	ret_news->waiting = mqtt_queue_waiting(&mail->queue);
	ret_news->ring = mqtt_ring_counts(mail->queue.ring);
	if (kept)
		unlock_and_wake(mail);
	else
		pthread_mutex_unlock(&mail->lock);
	return 0;
}

void mqtt_mail_hasten(struct mqtt_mail *mail)
{
	atomic_store(&mail->hasten, true);
	ring(mail->wake_fd);
}

void mqtt_mail_detach(struct mqtt_mail *mail)
{
	pthread_mutex_lock(&mail->lock);
	if (mail->queue.ring)
		put_kept(mail);
	mail->queue.ring = NULL;
	pthread_mutex_unlock(&mail->lock);
}

void mqtt_mail_finish(struct mqtt_mail *mail, bool discreet)
{
	atomic_store(&mail->discreet, discreet);
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

void mqtt_mail_repeat(struct mqtt_mail *mail)
{
	pthread_mutex_lock(&mail->lock);
	mqtt_queue_repeat(&mail->queue);
	pthread_mutex_unlock(&mail->lock);
}

void mqtt_mail_delay_discovery(struct mqtt_mail *mail, int64_t now_ns)
{
	pthread_mutex_lock(&mail->lock);
	mqtt_queue_delay_discovery(&mail->queue, now_ns);
	pthread_mutex_unlock(&mail->lock);
}

bool mqtt_mail_take(struct mqtt_mail *mail, int64_t now_ns, struct mqtt_message *ret_message,
		    char *buffer, int64_t *ret_due_ns)
{
	bool some;

	pthread_mutex_lock(&mail->lock);
	some = mqtt_queue_next(&mail->queue, now_ns, ret_message, buffer);
	*ret_due_ns = mqtt_queue_due_ns(&mail->queue);
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

enum mqtt_topic mqtt_mail_refused(struct mqtt_mail *mail, int number)
{
	enum mqtt_topic topic = MQTT_TOPICS;

	pthread_mutex_lock(&mail->lock);
	mail->news.refused++;
	for (unsigned i = 0; i < mail->queue.flying; i++) {
		if (mail->queue.flights[i].number == number)
			topic = mail->queue.flights[i].message.topic;
	}
	pthread_mutex_unlock(&mail->lock);
	return topic;
}

void mqtt_mail_withheld(struct mqtt_mail *mail, const struct mqtt_message *message)
{
	pthread_mutex_lock(&mail->lock);
	mail->news.withheld++;
	mail->queue.skipped += message->topic == MQTT_HISTORY;
	pthread_mutex_unlock(&mail->lock);
}

struct about mqtt_mail_about(struct mqtt_mail *mail)
{
	struct about about;

	pthread_mutex_lock(&mail->lock);
	about = mail->about;
	pthread_mutex_unlock(&mail->lock);
	return about;
}

void mqtt_mail_discovery_failed(struct mqtt_mail *mail, int error)
{
	pthread_mutex_lock(&mail->lock);
	mail->news.discovery_error = error;
	pthread_mutex_unlock(&mail->lock);
}

static bool anything_waits(const struct mqtt_queue *queue)
{
	struct mqtt_waiting waiting = mqtt_queue_waiting(queue);

	return waiting.documents || waiting.events || queue->documents[MQTT_STATE].fresh;
}

bool mqtt_mail_empty(struct mqtt_mail *mail)
{
	bool empty;

	pthread_mutex_lock(&mail->lock);
	empty = !anything_waits(&mail->queue) && !mail->queue.flying;
	pthread_mutex_unlock(&mail->lock);
	return empty;
}

bool mqtt_mail_sign_off(struct mqtt_mail *mail, bool hurry)
{
	struct mqtt_queue *queue = &mail->queue;
	bool done = false;

	pthread_mutex_lock(&mail->lock);
	if (queue->leaving) {
		/* Its PUBACK comes after all others that the broker owed. */
		done = !queue->documents[MQTT_AVAILABILITY].fresh && !queue->flying;
	} else if (queue->ring && (hurry || !anything_waits(queue))) {
		queue->leaving = true;
		mqtt_queue_put(queue, MQTT_AVAILABILITY, MQTT_OFFLINE, strlen(MQTT_OFFLINE));
	}
	pthread_mutex_unlock(&mail->lock);
	return done;
}
