/* SPDX-License-Identifier: MIT */
/*
 * A bounded writer with one bit of memory: whether the next member needs a comma. The number of open
 * brackets is the caller's business and is checked by the tests that parse every document.
 */
#include "agent/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/utf8.h"

static void put(struct json *json, const char *bytes, size_t length)
{
	/* One byte stays free for the NUL. */
	if (json->full || length >= json->size - json->used) {
		json->full = true;
		return;
	}
	memcpy(json->buffer + json->used, bytes, length);
	json->used += length;
}

static void put_byte(struct json *json, char byte)
{
	put(json, &byte, 1);
}

static void put_string(struct json *json, const char *text)
{
	const char *at = text;

	put_byte(json, '"');
	while (*at) {
		size_t length = utf8_length(at);
		if (length == 0) {
			put(json, "\\ufffd", 6);
			at++;
		} else if (*at == '"' || *at == '\\') {
			char escaped[2] = {'\\', *at++};
			put(json, escaped, 2);
		} else if ((unsigned char)*at < 0x20 || *at == 0x7f) {
			char escaped[8];
			snprintf(escaped, sizeof(escaped), "\\u%04x", (unsigned char)*at++);
			put(json, escaped, 6);
		} else {
			put(json, at, length);
			at += length;
		}
	}
	put_byte(json, '"');
}

static void member(struct json *json, const char *key)
{
	if (json->comma)
		put_byte(json, ',');
	json->comma = true;
	if (key) {
		put_string(json, key);
		put_byte(json, ':');
	}
}

static void bracket(struct json *json, const char *key, char byte)
{
	member(json, key);
	put_byte(json, byte);
	json->comma = false;
}

static void bracket_end(struct json *json, char byte)
{
	put_byte(json, byte);
	json->comma = true;
}

void json_start(struct json *json, char *buffer, size_t size)
{
	*json = (struct json){.buffer = buffer, .size = size};
}

int json_finish(struct json *json)
{
	if (json->full) {
		json->buffer[0] = '\0';
		return -ENOSPC;
	}
	json->buffer[json->used] = '\0';
	return (int)json->used;
}

void json_object(struct json *json, const char *key)
{
	bracket(json, key, '{');
}

void json_object_end(struct json *json)
{
	bracket_end(json, '}');
}

void json_array(struct json *json, const char *key)
{
	bracket(json, key, '[');
}

void json_array_end(struct json *json)
{
	bracket_end(json, ']');
}

/* Writes value as decimal digits into the end of text[24]; returns the first one. */
static char *digits_of(uint64_t value, char text[24])
{
	char *at = text + 23;
	*at = '\0';
	do {
		*--at = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	return at;
}

void json_int(struct json *json, const char *key, int64_t value)
{
	json_decimal(json, key, value, 0);
}

void json_decimal(struct json *json, const char *key, int64_t value, unsigned digits)
{
	uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	uint64_t unit = 1;
	for (unsigned i = 0; i < digits; i++)
		unit *= 10;

	char text[24];
	member(json, key);
	if (value < 0)
		put_byte(json, '-');
	const char *whole = digits_of(magnitude / unit, text);
	put(json, whole, strlen(whole));

	uint64_t rest = magnitude % unit;
	if (rest == 0)
		return;
	put_byte(json, '.');
	while (rest) {
		unit /= 10;
		put_byte(json, (char)('0' + rest / unit));
		rest %= unit;
	}
}

void json_bool(struct json *json, const char *key, bool value)
{
	member(json, key);
	put(json, value ? "true" : "false", value ? 4 : 5);
}

void json_text(struct json *json, const char *key, const char *text)
{
	member(json, key);
	if (text)
		put_string(json, text);
	else
		put(json, "null", 4);
}
