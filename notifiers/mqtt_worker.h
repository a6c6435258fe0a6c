/* SPDX-License-Identifier: MIT */
/* The one thread that talks to the broker, seen from the loop. Nothing here waits for it. */
#ifndef HOSTINGPI_MQTT_WORKER_H
#define HOSTINGPI_MQTT_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "notifiers/mqtt_mail.h"
#include "notifiers/mqtt_session.h"

struct mqtt_worker;

/*
 * Starts the thread. The ring stays the caller's; the thread uses it until mqtt_worker_close(). Returns 0 or
 * negative errno.
 */
int mqtt_worker_start(const struct mqtt_worker_conf *conf, struct mqtt_ring *ring,
		      struct mqtt_worker **ret_worker);

/* In how many messages Home Assistant is told about us. */
size_t mqtt_worker_discovery_count(const struct mqtt_worker *worker, const struct about *about);

/* For documents and news. */
struct mqtt_mail *mqtt_worker_mail(struct mqtt_worker *worker);

/*
 * Asks the thread to send what waits, to say "offline" (unless discreet) and to end. True when it has, or
 * when there is nobody to say it to.
 */
bool mqtt_worker_finish(struct mqtt_worker *worker, bool discreet);

/*
 * Ends the thread and does not wait for it: it comes within milliseconds, or when the resolver returns,
 * and frees its memory itself. Only after mqtt_worker_finish() is it given up to 200 ms, because the
 * process is about to end. NULL is fine.
 */
void mqtt_worker_close(struct mqtt_worker *worker);

#endif
