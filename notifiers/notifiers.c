/* SPDX-License-Identifier: MIT */
/*
 * The one visible table of notifiers. The balancers come first: a report reaches them before anybody
 * else.
 */
#include "notifiers/notifiers.h"

#include <stddef.h>

const struct notifier *const notifiers[] = {
	&haproxy_notifier, &http_notifier, &files_notifier, &mqtt_notifier, &post_notifier,
	&hook_notifier,	   NULL,
};
