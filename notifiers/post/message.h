/* SPDX-License-Identifier: MIT */
/* The message on standard input: {"id": "...", "text": "..."}. */
#ifndef HOSTINGPI_POST_MESSAGE_H
#define HOSTINGPI_POST_MESSAGE_H

#include <stddef.h>

/* Far more than any service takes, with every character escaped. */
#define MESSAGE_INPUT_SIZE 16384
#define MESSAGE_ID_SIZE 65
#define MESSAGE_TEXT_SIZE 8192

struct message {
	char id[MESSAGE_ID_SIZE];     /* letters, digits, '-', '_', '.' and ':' */
	char text[MESSAGE_TEXT_SIZE]; /* UTF-8, not empty */
};

/*
 * Parses a message. Returns 0, or -EINVAL with one sentence in ret_error; ret_message->id is then
 * what could be found of it, or empty.
 */
int message_parse(const char *bytes, size_t length, struct message *ret_message, char *ret_error,
		  size_t size);

#endif
