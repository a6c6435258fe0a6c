/* SPDX-License-Identifier: MIT */
/* What the codes of MQTT mean, in words that say what to do. Pure. */
#ifndef HOSTINGPI_MQTT_REASON_H
#define HOSTINGPI_MQTT_REASON_H

#include <stdbool.h>
#include <stddef.h>

/* From this one on a reason code of MQTT 5 is a refusal (section 2.4). */
#define MQTT_REASON_REFUSED 128
/* Another client came with our name (session taken over). */
#define MQTT_REASON_TAKEN_OVER 142

/* A clause for a refusal of MQTT 5, such as "it is busy". Never NULL. */
const char *mqtt_reason_words(int code);

/* The sentence for a CONNACK that is no welcome; v5: which version its code belongs to. */
void mqtt_reason_connack(bool v5, int code, char *ret_text, size_t size);

#endif
