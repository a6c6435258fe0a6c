/* SPDX-License-Identifier: MIT */
/* The records that stand in the table of notifiers.c. */
#ifndef HOSTINGPI_NOTIFIERS_H
#define HOSTINGPI_NOTIFIERS_H

#include "agent/notifier.h"

extern const struct notifier files_notifier;
extern const struct notifier haproxy_notifier;
extern const struct notifier http_notifier;
extern const struct notifier hook_notifier;
extern const struct notifier mqtt_notifier;
extern const struct notifier post_notifier;

#endif
