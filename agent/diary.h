/* SPDX-License-Identifier: MIT */
/* The last events, newest first, for people and for `hostingpictl events`. Pure, of a fixed size. */
#ifndef HOSTINGPI_DIARY_H
#define HOSTINGPI_DIARY_H

#include <stddef.h>

#include "agent/sample.h"

/* 64: two days of a Pi in trouble; 24 KiB. */
#define DIARY_EVENTS 64

/* Names of numbers in events of an earlier life: twice as many as there are. */
#define DIARY_NAMES 96
#define DIARY_NAME_SIZE 24

/* Zeroed is a valid start. */
struct diary {
	size_t next, count;
	struct event events[DIARY_EVENTS];
	char names[DIARY_NAMES][DIARY_NAME_SIZE]; /* diary_image.h */
};

void diary_put(struct diary *diary, const struct event *event);
/* ago 0 is the newest; NULL: there is none. */
const struct event *diary_get(const struct diary *diary, size_t ago);

/*
 * The newest ones, at most count, as a document of the control socket: "events", newest first, each whole;
 * "kept", how many there are in all; "left_out", how many of those asked for did not fit. Returns its
 * length, or -ENOSPC where there is no room even for that.
 */
int diary_render(const struct diary *diary, size_t count, char *buffer, size_t size);

#endif
