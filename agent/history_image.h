/* SPDX-License-Identifier: MIT */
/*
 * The history as bytes, to outlive a restart of the agent in the same boot. They are for this program on this
 * machine only; whatever else comes is refused as a whole.
 */
#ifndef HOSTINGPI_HISTORY_IMAGE_H
#define HOSTINGPI_HISTORY_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "agent/history.h"

size_t history_image_size(const struct history *history);
/* Writes history_image_size() bytes. boot says on which clock the times are; at most 39 bytes count. */
void history_save(const struct history *history, const char *boot, void *bytes);
/*
 * Takes such bytes over into a history that is new. 0, or -EINVAL: they are of another boot, of other series,
 * from the future, or make no sense; the history is as it was.
 */
int history_load(struct history *history, const char *boot, int64_t now_ns, const void *bytes,
		 size_t length);

#endif
