/* SPDX-License-Identifier: MIT */
/* Calls the broker once, for the doctor; blocks for some seconds. */
#ifndef HOSTINGPI_MQTT_PROBE_H
#define HOSTINGPI_MQTT_PROBE_H

#include "agent/module.h"

/* For struct module. */
void mqtt_probe(const void *conf, bool running, module_note_fn *note, void *context);

#endif
