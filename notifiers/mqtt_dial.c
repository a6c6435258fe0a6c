/* SPDX-License-Identifier: MIT */
/*
 * libmosquitto would look the name up itself, but then it calls only the first address that does not
 * refuse at once and waits for it as long as TCP does. So the addresses are found here and tried one
 * after the other.
 */
#include "notifiers/mqtt_dial.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "agent/sample.h"

#define PAUSE_LEAST_MS 100

static bool has_family(const struct mqtt_address_list *list, int family)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->addresses[i].family == family)
			return true;
	}
	return false;
}

static void add_address(struct mqtt_address_list *list, const struct addrinfo *info)
{
	struct mqtt_address *address = &list->addresses[list->count];

	if (getnameinfo(info->ai_addr, info->ai_addrlen, address->literal, sizeof(address->literal),
			NULL, 0, NI_NUMERICHOST) != 0)
		return;
	address->family = info->ai_family;
	addr_format(info->ai_addr, address->text, sizeof(address->text));
	list->count++;
}

int mqtt_dial_find(const char *host, int port, bool one_per_family,
		   struct mqtt_address_list *ret_list, char *ret_error, size_t size)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct mqtt_address_list list = {0};
	struct addrinfo *found = NULL;
	char service[16];
	int error;

	snprintf(service, sizeof(service), "%d", port);
	error = getaddrinfo(host, service, &hints, &found);
	if (error) {
		snprintf(ret_error, size, "cannot look the name up: %s",
			 error == EAI_SYSTEM ? strerrordesc_np(errno) : gai_strerror(error));
		return -EHOSTUNREACH;
	}
	for (const struct addrinfo *info = found; info; info = info->ai_next) {
		if (list.count == MQTT_ADDRESSES)
			break;
		if (info->ai_family != AF_INET && info->ai_family != AF_INET6)
			continue;
		if (one_per_family && has_family(&list, info->ai_family))
			continue;
		add_address(&list, info);
	}
	freeaddrinfo(found);
	if (!list.count) {
		snprintf(ret_error, size, "the name has no address");
		return -EHOSTUNREACH;
	}
	*ret_list = list;
	return 0;
}

void mqtt_failures_add(struct mqtt_failures *failures, const char *address, const char *reason)
{
	if (failures->count == MQTT_ADDRESSES)
		return;
	text_copy(failures->addresses[failures->count], ADDR_TEXT_SIZE, address);
	text_copy(failures->reasons[failures->count], MQTT_REASON_SIZE, reason);
	failures->count++;
}

static bool all_the_same(const struct mqtt_failures *failures)
{
	for (size_t i = 1; i < failures->count; i++) {
		if (strcmp(failures->reasons[i], failures->reasons[0]) != 0)
			return false;
	}
	return true;
}

void mqtt_failures_text(const struct mqtt_failures *failures, char *ret_text, size_t size)
{
	/* Everything fits here; what the caller has no room for is cut visibly. */
	char text[MQTT_ADDRESSES * (ADDR_TEXT_SIZE + MQTT_REASON_SIZE + 4)] = "";
	size_t used = 0;

	if (failures->count && all_the_same(failures)) {
		text_copy(ret_text, size, failures->reasons[0]);
		return;
	}
	for (size_t i = 0; i < failures->count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s: %s",
					 i ? "; " : "", failures->addresses[i],
					 failures->reasons[i]);
	text_copy(ret_text, size, text);
}

int64_t mqtt_pause_ms(unsigned failed_rounds, int64_t first_ms, int64_t longest_ms, uint64_t random)
{
	int64_t ceiling = first_ms;
	int64_t pause;

	for (unsigned i = 1; i < failed_rounds && ceiling < longest_ms; i++)
		ceiling *= 2;
	if (ceiling > longest_ms)
		ceiling = longest_ms;
	pause = (int64_t)(random % (uint64_t)(ceiling + 1));
	return pause < PAUSE_LEAST_MS ? PAUSE_LEAST_MS : pause;
}

uint64_t mqtt_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * UINT64_C(2685821657736338717);
}
