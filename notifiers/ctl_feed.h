/* SPDX-License-Identifier: MIT */
/*
 * The fleet as it comes in: a thread that calls the broker, listens, and calls again. It has a thread
 * because looking a name up cannot be interrupted, and a screen must answer to its keys meanwhile.
 */
#ifndef HOSTINGPI_CTL_FEED_H
#define HOSTINGPI_CTL_FEED_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "notifiers/ctl_broker.h"
#include "notifiers/ctl_fleet.h"

struct feed {
	struct ctl_broker broker; /* of the thread once it runs, but for its name and settings */
	pthread_t thread;
	bool running;
	int stop_fd;
	char refusal[MQTT_REASON_SIZE]; /* of a subscription */

	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t changed;
	struct ctl_fleet fleet;
	bool news;	   /* since feed_wait() */
	bool up;	   /* a connection stands */
	bool was_up;	   /* one ever did */
	bool failed;	   /* a round of calls, or a connection, has failed */
	int64_t since_ns;  /* since when it is up, or is not */
	char trouble[256]; /* why it is not; may be empty */
};

/* feed is zeroed. CTL_FINE, or it has said what is wrong. To be ended with feed_stop() in any case. */
enum ctl_exit feed_start(struct feed *feed, const struct ctl_options *options);
/* Waits with the lock held until something has changed, or until_ns. */
void feed_wait(struct feed *feed, int64_t until_ns);
/*
 * Ends the thread. False if it does not come back in time, because it waits for the resolver: feed is
 * its own then and must not be freed.
 */
bool feed_stop(struct feed *feed);

#endif
