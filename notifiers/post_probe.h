/* SPDX-License-Identifier: MIT */
/* Looks for a way to the service, for the doctor; blocks for some seconds. */
#ifndef HOSTINGPI_POST_PROBE_H
#define HOSTINGPI_POST_PROBE_H

#include "agent/module.h"

/* For struct module. */
void post_probe(const void *conf, bool running, module_note_fn *note, void *context);

#endif
