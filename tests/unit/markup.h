/* SPDX-License-Identifier: MIT */
/*
 * Looks at HTML as strictly as if it were XML: every tag is closed in its turn, every value is in
 * quotes, no loose '<' or '&' stands in a text, no id is there twice. Fails the test where that is not so.
 */
#ifndef HOSTINGPI_TEST_MARKUP_H
#define HOSTINGPI_TEST_MARKUP_H

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "agent/utf8.h"

#define MARKUP_DEPTH 32
#define MARKUP_IDS 128

struct markup {
	const char *at;
	char open[MARKUP_DEPTH][16];
	size_t depth;
	char ids[MARKUP_IDS][32];
	size_t id_count;
	size_t tags;
};

static inline void markup_fail(const char *what, const char *at)
{
	print_error("%s: %.120s\n", what, at);
	fail();
}

/* Elements that end where they begin: HTML's void ones. */
static inline bool markup_is_void(const char *name)
{
	return strcmp(name, "meta") == 0 || strcmp(name, "link") == 0 || strcmp(name, "br") == 0 ||
	       strcmp(name, "input") == 0 || strcmp(name, "img") == 0;
}

static inline void markup_word(struct markup *m, char *word, size_t size)
{
	size_t length =
		strspn(m->at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");

	if (length == 0 || length >= size)
		markup_fail("no name", m->at);
	memcpy(word, m->at, length);
	word[length] = '\0';
	m->at += length;
}

static inline void markup_reference(struct markup *m)
{
	size_t length = strcspn(m->at, ";<\" ");

	if (m->at[length] != ';' || length < 2 || length > 6)
		markup_fail("loose '&'", m->at);
	m->at += length;
}

static inline void markup_id(struct markup *m, const char *value, size_t length)
{
	if (length == 0 || length >= sizeof(m->ids[0]) || m->id_count == MARKUP_IDS)
		markup_fail("an id too many or too long", value);
	for (size_t i = 0; i < m->id_count; i++)
		if (strlen(m->ids[i]) == length && strncmp(m->ids[i], value, length) == 0)
			markup_fail("id twice", value);
	memcpy(m->ids[m->id_count], value, length);
	m->ids[m->id_count++][length] = '\0';
}

static inline void markup_attribute(struct markup *m)
{
	char name[32];

	markup_word(m, name, sizeof(name));
	if (*m->at != '=')
		return;
	char quote = *++m->at;
	if (quote != '"' && quote != '\'')
		markup_fail("value without quotes", m->at);
	const char *value = ++m->at;
	/* In an attribute '<' is no tag, but ours have none. */
	for (; *m->at != quote; m->at++) {
		if (*m->at == '\0' || *m->at == '<')
			markup_fail("value without end", value);
		if (*m->at == '&')
			markup_reference(m);
	}
	if (strcmp(name, "id") == 0)
		markup_id(m, value, (size_t)(m->at - value));
	if (strncmp(name, "on", 2) == 0 || strcmp(name, "style") == 0 || strcmp(name, "src") == 0)
		markup_fail("attribute that the policy forbids", value);
	m->at++;
}

static inline void markup_end_tag(struct markup *m)
{
	char name[16];

	m->at++;
	markup_word(m, name, sizeof(name));
	if (m->depth == 0 || strcmp(m->open[m->depth - 1], name) != 0)
		markup_fail("closes what is not open", m->at);
	m->depth--;
	if (*m->at++ != '>')
		markup_fail("end tag without end", m->at);
}

static inline void markup_tag(struct markup *m)
{
	char name[16], end[20];

	if (*m->at == '/') {
		markup_end_tag(m);
		return;
	}
	markup_word(m, name, sizeof(name));
	m->tags++;
	while (*m->at == ' ') {
		m->at++;
		markup_attribute(m);
	}
	bool ended = *m->at == '/';
	m->at += ended;
	if (*m->at++ != '>')
		markup_fail("tag without end", m->at);
	if (ended || markup_is_void(name))
		return;
	if (strcmp(name, "style") == 0 || strcmp(name, "script") == 0) {
		snprintf(end, sizeof(end), "</%s>", name);
		m->at = strstr(m->at, end);
		assert_non_null(m->at);
		m->at += strlen(end);
		return;
	}
	assert_true(m->depth < MARKUP_DEPTH);
	memcpy(m->open[m->depth++], name, sizeof(name));
}

/* html ends with NUL. Returns how many elements there are. */
static inline size_t markup_check(const char *html)
{
	static struct markup m;

	m = (struct markup){.at = html};
	if (strncmp(html, "<!doctype html>", 15) == 0)
		m.at += 15;
	assert_true(utf8_valid(html));
	while (*m.at) {
		if (*m.at == '<') {
			m.at++;
			markup_tag(&m);
		} else if (*m.at == '&') {
			markup_reference(&m);
		} else {
			if (iscntrl((unsigned char)*m.at) && *m.at != '\n')
				markup_fail("control character", m.at);
			m.at++;
		}
	}
	assert_int_equal(m.depth, 0);
	return m.tags;
}

#endif
