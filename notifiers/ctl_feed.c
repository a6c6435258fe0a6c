/* SPDX-License-Identifier: MIT */
/*
 * The same rounds and pauses as the daemon's (mqtt_dial.h): a hundred walls must not come back in step
 * either. A subscription that is refused counts as a failed connection, because nothing would be seen.
 */
#include "notifiers/ctl_feed.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/env.h"
#include "agent/sample.h"

#define STEP_MS 1000
/* A connection that stood for that long was a good one: the pauses begin anew. */
#define GOOD_NS (30 * NS_PER_S)
#define JOIN_NS (300 * NS_PER_MS)

static void on_received(void *context, const char *topic, const char *data, size_t length,
			bool kept)
{
	struct feed *feed = context;

	pthread_mutex_lock(&feed->lock);
	fleet_take(&feed->fleet, topic, data, length, kept, ctl_broker_now_ns());
	feed->news = true;
	pthread_cond_signal(&feed->changed);
	pthread_mutex_unlock(&feed->lock);
}

static void on_acknowledged(void *context, int number)
{
	(void)context;
	(void)number;
}

static void on_refused(void *context, int number, const char *reason)
{
	struct feed *feed = context;

	(void)number;
	text_copy(feed->refusal, sizeof(feed->refusal), reason);
}

static void tell(struct feed *feed, bool up, const char *trouble)
{
	pthread_mutex_lock(&feed->lock);
	if (feed->up != up || feed->since_ns == 0)
		feed->since_ns = ctl_broker_now_ns();
	feed->up = up;
	feed->was_up |= up;
	feed->failed |= !up;
	text_copy(feed->trouble, sizeof(feed->trouble), trouble);
	feed->news = true;
	pthread_cond_signal(&feed->changed);
	pthread_mutex_unlock(&feed->lock);
}

static int subscribe(struct feed *feed)
{
	char filter[MQTT_TOPIC_SIZE];

	for (size_t i = 0; i < FLEET_FILTERS; i++) {
		/* A prefix has 95 characters at most. */
		if (fleet_filter(&feed->fleet, i, filter, sizeof(filter)) < 0 ||
		    mqtt_link_subscribe(&feed->broker.link, filter, 0) < 0) {
			text_copy(feed->broker.error, sizeof(feed->broker.error),
				  feed->broker.link.error);
			return -ECONNABORTED;
		}
	}
	return 0;
}

/* One connection to its end. Returns how long it stood, or -EINTR. */
static int64_t listen_once(struct feed *feed)
{
	int64_t up_ns = 0;
	int result = ctl_broker_connect(&feed->broker, feed->stop_fd);

	feed->refusal[0] = '\0';
	if (result == 0)
		result = subscribe(feed);
	if (result == 0) {
		up_ns = ctl_broker_now_ns();
		tell(feed, true, "");
	}
	while (result == 0 && feed->refusal[0] == '\0')
		result = ctl_broker_step(&feed->broker, STEP_MS, feed->stop_fd);
	if (result == -EINTR)
		return result;
	if (feed->refusal[0] != '\0')
		snprintf(feed->broker.error, sizeof(feed->broker.error),
			 "the subscription is refused: %s", feed->refusal);
	mqtt_link_close(&feed->broker.link);
	tell(feed, false, feed->broker.error);
	return up_ns != 0 ? ctl_broker_now_ns() - up_ns : 0;
}

static void *feed_main(void *context)
{
	struct feed *feed = context;
	const struct mqtt_conf *settings = &feed->broker.settings;
	struct pollfd stop = {.fd = feed->stop_fd, .events = POLLIN};
	uint64_t random = ctl_broker_seed();
	unsigned failed = 0;

	for (;;) {
		int64_t stood_ns = listen_once(feed), pause_ms;

		if (stood_ns < 0)
			return NULL;
		failed = stood_ns >= GOOD_NS ? 1 : failed + 1;
		pause_ms = mqtt_pause_ms(failed, settings->reconnect_min / NS_PER_MS,
					 settings->reconnect_max / NS_PER_MS, mqtt_random(&random));
		if (poll(&stop, 1, (int)pause_ms) > 0)
			return NULL;
	}
}

/* Signals belong to the other thread. */
static int start_thread(struct feed *feed)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&feed->thread, NULL, feed_main, feed);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	feed->running = error == 0;
	return -error;
}

enum ctl_exit feed_start(struct feed *feed, const struct ctl_options *options)
{
	enum ctl_exit result = ctl_broker_open(&feed->broker, options);

	if (result != CTL_FINE)
		return result;
	feed->fleet.prefix = feed->broker.settings.prefix;
	feed->broker.link.received = on_received;
	feed->broker.link.acknowledged = on_acknowledged;
	feed->broker.link.refused = on_refused;
	feed->broker.link.context = feed;
	pthread_mutex_init(&feed->lock, NULL);
	pthread_cond_init(&feed->changed, NULL);
	feed->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (feed->stop_fd < 0 || start_thread(feed) < 0)
		return ctl_fail(CTL_FAILED, "cannot start a thread");
	return CTL_FINE;
}

void feed_wait(struct feed *feed, int64_t until_ns)
{
	const struct timespec until = {
		.tv_sec = (time_t)(until_ns / NS_PER_S),
		.tv_nsec = (long)(until_ns % NS_PER_S),
	};

	while (!feed->news &&
	       pthread_cond_clockwait(&feed->changed, &feed->lock, CLOCK_MONOTONIC, &until) == 0)
		;
	feed->news = false;
}

bool feed_stop(struct feed *feed)
{
	int64_t until_ns = ctl_broker_now_ns() + JOIN_NS;
	const struct timespec until = {
		.tv_sec = (time_t)(until_ns / NS_PER_S),
		.tv_nsec = (long)(until_ns % NS_PER_S),
	};

	if (feed->running) {
		eventfd_write(feed->stop_fd, 1);
		if (pthread_clockjoin_np(feed->thread, NULL, CLOCK_MONOTONIC, &until) != 0)
			return false;
		close(feed->stop_fd);
	}
	ctl_broker_close(&feed->broker);
	return true;
}
