/* SPDX-License-Identifier: MIT */
/*
 * Writes JSON into a buffer of the caller: no allocation, because it runs once per sample and on the
 * path of the last words. Everything else that handles JSON uses cJSON. Text is escaped; bytes that
 * are not UTF-8 become U+FFFD. What does not fit is told by json_finish(), never cut silently.
 */
#ifndef HOSTINGPI_JSON_H
#define HOSTINGPI_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
	char *buffer;
	size_t size;
	size_t used;
	bool full;  /* something did not fit */
	bool comma; /* the next member needs one */
};

/* Starts a document in buffer; size is at least 3. */
void json_start(struct json *json, char *buffer, size_t size);
/*
 * Ends the document with a NUL byte. Returns its length, or -ENOSPC if it did not fit (the buffer
 * then holds an empty string).
 */
int json_finish(struct json *json);

/* key is NULL for the outermost value and for members of an array. */
void json_object(struct json *json, const char *key);
void json_object_end(struct json *json);
void json_array(struct json *json, const char *key);
void json_array_end(struct json *json);
void json_int(struct json *json, const char *key, int64_t value);
/* A decimal number value / 10^digits, without trailing zeroes, independent of the locale. */
void json_decimal(struct json *json, const char *key, int64_t value, unsigned digits);
void json_bool(struct json *json, const char *key, bool value);
/* NULL is written as null. */
void json_text(struct json *json, const char *key, const char *text);

#endif
