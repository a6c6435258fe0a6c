/* SPDX-License-Identifier: MIT */
/* How a connection failed, as the sentence in link->error. All return -ECONNABORTED. */
#ifndef HOSTINGPI_MQTT_FAIL_H
#define HOSTINGPI_MQTT_FAIL_H

#include "notifiers/mqtt_link.h"

int mqtt_fail(struct mqtt_link *link, const char *reason);
/* The other side hung up without a word. */
int mqtt_fail_hung_up(struct mqtt_link *link);
/* What came in is not MQTT. */
int mqtt_fail_not_mqtt(struct mqtt_link *link);
/* More came in than a broker has reason to send. */
int mqtt_fail_guard(struct mqtt_link *link);
/* A call to the kernel failed. */
int mqtt_fail_errno(struct mqtt_link *link, int error);
/* TLS failed. */
int mqtt_fail_tls(struct mqtt_link *link);
/* The broker itself said so, in CONNACK or DISCONNECT. */
int mqtt_fail_said(struct mqtt_link *link);

#endif
