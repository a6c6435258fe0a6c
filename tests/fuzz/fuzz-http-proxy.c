/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a PROXY header, whole and in two pieces: bounded, and the same either way. What is none is
 * handed on untouched.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "notifiers/http_proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
	if (!condition)
		abort();
}

/* A copy of the exact length, so that reading beyond it is seen. */
static enum http_proxy_progress take(struct http_proxy *proxy, const uint8_t *data, size_t length,
				     size_t *ret_used)
{
	char *copy = malloc(length + (length == 0));

	check(copy != NULL);
	memcpy(copy, data, length);
	enum http_proxy_progress progress = http_proxy_take(proxy, copy, length, ret_used);
	check(*ret_used <= length && proxy->used <= sizeof(proxy->bytes));
	check(progress != HTTP_PROXY_OPEN || *ret_used == length);
	free(copy);
	return progress;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_proxy whole, pieces;
	size_t used, used_first, used_second = 0;

	if (size < 2)
		return 0;
	size_t cut = (size_t)(data[0] << 8 | data[1]) % (size - 1);
	data += 2;
	size -= 2;
	memset(&whole, 0, sizeof(whole));
	memset(&pieces, 0, sizeof(pieces));
	http_proxy_start(&whole);
	enum http_proxy_progress progress = take(&whole, data, size, &used);
	http_proxy_start(&pieces);
	enum http_proxy_progress again = take(&pieces, data, cut, &used_first);
	if (again == HTTP_PROXY_OPEN)
		again = take(&pieces, data + cut, size - cut, &used_second);
	check(again == progress && used == used_first + used_second);
	check(memcmp(&whole.host, &pieces.host, sizeof(whole.host)) == 0);
	if (progress == HTTP_PROXY_NONE)
		check(whole.used == used && memcmp(whole.bytes, data, used) == 0);
	if (progress == HTTP_PROXY_SOURCE || progress == HTTP_PROXY_PLAIN)
		check(used <= 16 + HTTP_PROXY_MORE);
	return 0;
}
