/* SPDX-License-Identifier: MIT */
/*
 * What a link wants of libmosquitto; mqtt_client.c is the only file that sees it. Functions that
 * return int return 0, or -ECONNABORTED with the reason in link->error.
 */
#ifndef HOSTINGPI_MQTT_CLIENT_H
#define HOSTINGPI_MQTT_CLIENT_H

#include "notifiers/mqtt_link.h"

/* Makes the client of link->conf and calls the address. */
int mqtt_client_open(struct mqtt_link *link, const struct mqtt_address *address);
/* Lets the library read and write. */
int mqtt_client_work(struct mqtt_link *link, bool readable, bool writable);
/* The connection is gone: finds out why. */
int mqtt_client_lost(struct mqtt_link *link);
/* Gives it the time that it needs about once a second. */
int mqtt_client_misc(struct mqtt_link *link);
bool mqtt_client_wants_write(const struct mqtt_link *link);
/* As mqtt_link_publish() and mqtt_link_subscribe(). */
int mqtt_client_publish(struct mqtt_link *link, const struct mqtt_post *post, int *ret_number);
int mqtt_client_subscribe(struct mqtt_link *link, const char *filter, int qos);
void mqtt_client_goodbye(struct mqtt_link *link);
/* Frees the client, if there is one. */
void mqtt_client_close(struct mqtt_link *link);

#endif
