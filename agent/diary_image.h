/* SPDX-License-Identifier: MIT */
/*
 * The last events as a text, to outlive a restart of the agent in the same boot. What did not come from
 * diary_format() is refused as a whole. Pure.
 */
#ifndef HOSTINGPI_DIARY_IMAGE_H
#define HOSTINGPI_DIARY_IMAGE_H

#include <stddef.h>

#include "agent/diary.h"

/* The longest line has 45 bytes for each of the numbers with its name, and 270 for the rest. */
#define DIARY_LINE_SIZE 640
#define DIARY_IMAGE_SIZE (64 + DIARY_EVENTS * DIARY_LINE_SIZE)

/* Returns the length. boot says on which boot this was; at most 39 bytes count, without blanks. */
size_t diary_format(const struct diary *diary, const char *boot, char ret_text[DIARY_IMAGE_SIZE]);
/*
 * Takes such a text over into a diary that is new. 0, -ESTALE: of another boot, or -EINVAL; then the diary is
 * as it was.
 */
int diary_parse(struct diary *diary, const char *boot, const char *text);

#endif
