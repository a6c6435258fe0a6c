/* SPDX-License-Identifier: MIT */
/* The files that section [mqtt] names, looked at before anybody is called. */
#ifndef HOSTINGPI_MQTT_INSPECT_H
#define HOSTINGPI_MQTT_INSPECT_H

#include "agent/module.h"

/* For struct module. */
const char *mqtt_inspect(const void *conf, module_tell_fn *tell, void *context);

#endif
