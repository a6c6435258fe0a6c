/* SPDX-License-Identifier: MIT */
/* What somebody may have meant who wrote a section or a key that does not exist. */
#ifndef HOSTINGPI_CONF_HINT_H
#define HOSTINGPI_CONF_HINT_H

#include "agent/conf.h"

/*
 * Each returns part of a sentence, to be freed: the nearest name if one is close, otherwise where the
 * key belongs or what there is. NULL without memory.
 */
char *conf_hint_section(const struct conf_section *sections, const char *name);
char *conf_hint_key(const struct conf_section *sections, const char *section, const char *key);

#endif
