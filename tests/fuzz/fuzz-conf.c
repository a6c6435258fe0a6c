/* SPDX-License-Identifier: MIT */
/*
 * Configuration: the bytes are a whole file, then one value of every type, then an address and lists
 * of them. Whatever comes in: errors told are errors counted, messages are single lines of text, a
 * refusal leaves the setting alone, an accepted setting keeps its limits, and an address that was
 * taken reads back as itself when it is shown.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/addr.h"
#include "agent/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct box {
	char text[16], name[16], path[32], file[48];
	int64_t number, duration, bytes, percent;
	bool truth;
	int word;
	struct conf_share share;
	struct addr_list listen;
	struct addr_allow allow;
};

static const char *const words[] = {"auto", "apache", "none", NULL};

static const struct conf_item items[] = {
	CONF_ROW(struct box, text, CONF_TEXT, "x", .min = 1),
	CONF_ROW(struct box, name, CONF_NAME, ""),
	CONF_ROW(struct box, path, CONF_PATH, ""),
	CONF_ROW(struct box, file, CONF_FILE, ""),
	CONF_ROW(struct box, number, CONF_INT, "-5", .min = -10, .max = 65535),
	CONF_ROW(struct box, duration, CONF_DURATION, "10s", .min = 1000000,
		 .max = INT64_C(3600000000000)),
	CONF_ROW(struct box, bytes, CONF_SIZE, "64M"),
	CONF_ROW(struct box, percent, CONF_PERCENT, "20%", .min = 1, .max = 100),
	CONF_ROW(struct box, truth, CONF_BOOL, "yes"),
	CONF_ROW(struct box, word, CONF_WORD, "none", .words = words),
	CONF_ROW(struct box, share, CONF_SHARE, "20%", .min = 1, .max = 90),
	CONF_ROW(struct box, listen, CONF_LISTEN, "[::1]:9777, 127.0.0.1:9777"),
	CONF_ROW(struct box, allow, CONF_ALLOW, ""),
	{.key = NULL},
};

static void check(int condition)
{
	if (!condition)
		abort();
}

static void check_text(const char *text)
{
	check(*text != '\0');
	for (; *text; text++)
		check((unsigned char)*text >= ' ' || *text == '\t');
}

static void count_message(void *context, const char *message)
{
	int *count = context;

	check_text(message);
	check(strncmp(message, "fuzz:", 5) == 0);
	++*count;
}

static void check_box(const struct box *box)
{
	check(memchr(box->text, '\0', sizeof(box->text)) && box->text[0] != '\0');
	check(memchr(box->name, '\0', sizeof(box->name)) != NULL);
	check(memchr(box->path, '\0', sizeof(box->path)) != NULL);
	check(box->path[0] == '\0' || box->path[0] == '/');
	check(memchr(box->file, '\0', sizeof(box->file)) != NULL);
	check(box->file[0] == '\0' || box->file[0] == '/');
	check(box->number >= -10 && box->number <= 65535);
	check(box->duration >= 1000000 && box->duration <= INT64_C(3600000000000));
	check(box->bytes >= 0);
	check(box->percent >= 1 && box->percent <= 100);
	check(box->word >= 0 && box->word <= 2);
	check(box->share.value >= (box->share.relative ? 1 : 101));
	check(!box->share.relative || box->share.value <= 90);
	check(box->listen.count <= ADDR_LIST_MAX && box->allow.count <= ADDR_ALLOW_MAX);
}

static void fuzz_file(const uint8_t *data, size_t size)
{
	struct box box;
	const struct conf_section sections[] = {
		{"a", items, &box}, {"empty", NULL, NULL}, {NULL, NULL, NULL}};
	int told = 0, errors;
	/* A copy of its exact length, so that reading beyond it is seen. */
	char *text = malloc(size + (size == 0));

	check(text != NULL);
	memcpy(text, data, size);
	conf_defaults(sections);
	errors = conf_parse("fuzz", text, size, sections, count_message, &told);
	check(conf_line_of(text, size, "a", "number") <= size + 1);
	free(text);
	check(errors == told);
	check_box(&box);
}

static void fuzz_values(const char *text)
{
	struct box box, before;
	const struct conf_section sections[] = {{"a", items, &box}, {NULL, NULL, NULL}};
	char error[CONF_ERROR_SIZE];

	memset(&box, 0, sizeof(box));
	conf_defaults(sections);
	for (const struct conf_item *item = items; item->key; item++) {
		int r;

		memcpy(&before, &box, sizeof(box));
		error[0] = '\0';
		r = conf_value(item, text, &box, error, sizeof(error));
		check(r == 0 || r == -EINVAL);
		check((r == 0) == (error[0] == '\0'));
		check(r == 0 || memcmp(&before, &box, sizeof(box)) == 0);
	}
	check_box(&box);
}

static void fuzz_addresses(const char *text)
{
	char error[CONF_ERROR_SIZE], shown[ADDR_TEXT_SIZE];
	struct addr addr, again;
	struct addr_list list;
	struct addr_allow allow;

	if (addr_parse(text, &addr, error, sizeof(error)) == 0) {
		addr_format(&addr.any.sa, shown, sizeof(shown));
		check(addr_parse(shown, &again, error, sizeof(error)) == 0);
		check(memcmp(&addr, &again, sizeof(addr)) == 0);
	}
	if (addr_list_parse(text, &list, error, sizeof(error)) == 0)
		check(list.count <= ADDR_LIST_MAX);
	if (addr_allow_parse(text, &allow, error, sizeof(error)) < 0)
		return;
	check(allow.count <= ADDR_ALLOW_MAX);
	for (size_t i = 0; i < allow.count; i++) {
		union addr_any peer = {.in6 = {.sin6_family = AF_INET6}};

		check(allow.nets[i].prefix_bits <= 128);
		peer.in6.sin6_addr = allow.nets[i].network;
		check(addr_allowed(&allow, &peer.sa));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	fuzz_file(data, size);
	text = strndup((const char *)data, size);
	check(text != NULL);
	fuzz_values(text);
	fuzz_addresses(text);
	free(text);
	return 0;
}
