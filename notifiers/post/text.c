/* SPDX-License-Identifier: MIT */
/*
 * A text is a row of units: an address, or one cluster of characters that shows as one. Each has a
 * weight; the sum is the length. X counts as twitter-text does with its configuration 3: code points
 * of most alphabets 1, all others 2, an emoji sequence 2 however many code points it has, an address
 * 23. Mastodon counts clusters, and an address 23 as well.
 *
 * What makes an address differs in details (X knows the list of top-level domains). A word with dots
 * between letters counts here as the larger of both readings, so that a text that fits here fits
 * there.
 */
#include "notifiers/post/text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unictype.h>
#include <unigbrk.h>
#include <uninorm.h>
#include <unistr.h>

const struct text_rules text_rules_x = {
	.limit = 280,
	.url_length = 23,
	.light = 1,
	.heavy = 2,
	.emoji = 2,
	.bare_domains = true,
};

const struct text_rules text_rules_mastodon = {
	.limit = 500,
	.url_length = 23,
	.light = 1,
	.heavy = 1,
	.emoji = 1,
};

static const char ellipsis[] = "\xe2\x80\xa6"; /* U+2026 */

/* A text, normalised, and where its clusters begin. */
struct run {
	uint8_t *text;
	char *breaks; /* 1 before the byte that begins a cluster */
	size_t length;
};

#define VARIATION_EMOJI 0xFE0F
#define KEYCAP 0x20E3
#define REGIONAL_FIRST 0x1F1E6
#define REGIONAL_LAST 0x1F1FF

/* The ranges of twitter-text's configuration 3 that count single. */
static bool is_light(ucs4_t c)
{
	return c <= 0x10FF || (c >= 0x2000 && c <= 0x200D) || (c >= 0x2010 && c <= 0x201F) ||
	       (c >= 0x2032 && c <= 0x2037);
}

static bool is_word(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Marks that end a sentence or close a bracket do not belong to the address before them. */
static size_t without_marks(const uint8_t *text, size_t length)
{
	while (length > 0 && strchr(".,;:!?'\")]}>", text[length - 1]))
		length--;
	return length;
}

static bool has_scheme(const uint8_t *text, size_t left, size_t *ret_length)
{
	static const char *const schemes[] = {"https://", "http://"};

	for (size_t i = 0; i < 2; i++) {
		*ret_length = strlen(schemes[i]);
		if (left > *ret_length &&
		    strncasecmp((const char *)text, schemes[i], *ret_length) == 0)
			return true;
	}
	return false;
}

/* Labels with dots between them, the last of two letters or more. Returns its bytes or 0. */
static size_t domain_length(const uint8_t *text, size_t left)
{
	size_t length = 0, label = 0, dots = 0, letters = 0;

	while (length < left &&
	       (is_word(text[length]) || text[length] == '-' || text[length] == '.')) {
		if (text[length] == '.') {
			if (length == label)
				return 0;
			if (length + 1 == left || !is_word(text[length + 1]))
				break; /* the end of a sentence */
			dots++;
			label = length + 1;
			letters = 0;
		} else if (text[length] > '9') {
			letters++;
		}
		length++;
	}
	return dots > 0 && letters >= 2 && letters == length - label ? length : 0;
}

/* The bytes of the address that begins here, or 0. */
static size_t address_length(const struct text_rules *rules, const uint8_t *text, size_t left,
			     bool *ret_bare)
{
	size_t length = 0, scheme;

	*ret_bare = false;
	if (has_scheme(text, left, &scheme)) {
		while (length < left && !is_blank(text[length]))
			length++;
		length = without_marks(text, length);
		return length > scheme ? length : 0;
	}
	if (!rules->bare_domains)
		return 0;
	length = domain_length(text, left);
	*ret_bare = length > 0;
	return length;
}

/* One that shows as a picture: by itself, or because the sequence asks for it. */
static bool is_emoji(const uint8_t *text, size_t length)
{
	size_t position = 0;
	bool pictures = false;

	while (position < length) {
		ucs4_t c;
		position += (size_t)u8_mbtouc(&c, text + position, length - position);
		if (c == VARIATION_EMOJI || c == KEYCAP ||
		    (c >= REGIONAL_FIRST && c <= REGIONAL_LAST) ||
		    uc_is_property_emoji_presentation(c))
			return true;
		pictures |= c > 0xFF && uc_is_property_extended_pictographic(c);
	}
	return pictures;
}

static size_t cluster_weight(const struct text_rules *rules, const uint8_t *text, size_t length)
{
	size_t weight = 0, position = 0;

	if (is_emoji(text, length))
		return rules->emoji;
	while (position < length) {
		ucs4_t c;
		position += (size_t)u8_mbtouc(&c, text + position, length - position);
		weight += is_light(c) ? rules->light : rules->heavy;
	}
	/* Where both count alike the service counts what people see, not code points. */
	return rules->light == rules->heavy ? rules->light : weight;
}

/* Bytes and weight of the unit at position. */
static size_t unit_at(const struct text_rules *rules, const struct run *run, size_t position,
		      size_t *ret_weight)
{
	const uint8_t *here = run->text + position;
	bool bare, fresh = position == 0 || !is_word(here[-1]);
	size_t bytes = fresh ? address_length(rules, here, run->length - position, &bare) : 0;

	if (bytes) {
		*ret_weight = bare && bytes > rules->url_length ? bytes : rules->url_length;
		return bytes;
	}
	do
		bytes++;
	while (position + bytes < run->length && !run->breaks[position + bytes]);
	*ret_weight = cluster_weight(rules, here, bytes);
	return bytes;
}

static size_t weigh(const struct text_rules *rules, const struct run *run)
{
	size_t sum = 0, weight, position = 0;

	while (position < run->length) {
		position += unit_at(rules, run, position, &weight);
		sum += weight;
	}
	return sum;
}

static void run_free(struct run *run)
{
	free(run->text);
	free(run->breaks);
}

static int run_make(struct run *run, const char *text)
{
	const uint8_t *bytes = (const uint8_t *)text;
	size_t length = strlen(text);

	*run = (struct run){0};
	if (u8_check(bytes, length))
		return -EILSEQ;
	if (!length)
		return 0;
	run->text = u8_normalize(UNINORM_NFC, bytes, length, NULL, &run->length);
	if (!run->text)
		return -errno;
	run->breaks = malloc(run->length);
	if (!run->breaks) {
		run_free(run);
		return -ENOMEM;
	}
	u8_grapheme_breaks(run->text, run->length, run->breaks);
	return 0;
}

int text_length(const struct text_rules *rules, const char *text, size_t *ret_length)
{
	struct run run;
	int result = run_make(&run, text);

	if (result < 0)
		return result;
	*ret_length = weigh(rules, &run);
	run_free(&run);
	return 0;
}

/* How many bytes stay so that they weigh at most room; see text_fit(). */
static size_t cut_at(const struct text_rules *rules, const struct run *run, size_t room)
{
	size_t sum = 0, position = 0, word_end = 0, weight;
	const uint8_t *text = run->text;

	while (position < run->length) {
		size_t bytes = unit_at(rules, run, position, &weight);
		if (sum + weight > room)
			break;
		if (is_blank(text[position]) && position > 0 && !is_blank(text[position - 1]))
			word_end = position;
		sum += weight;
		position += bytes;
	}
	if (position < run->length && is_blank(text[position]))
		word_end = position;
	if (word_end >= position / 2 && word_end > 0)
		position = word_end;
	while (position > 0 && is_blank(text[position - 1]))
		position--;
	return position;
}

static int put(const struct run *run, size_t length, const char *mark, char *ret_text, size_t size)
{
	if (length + strlen(mark) >= size)
		return -ENOSPC;
	if (length)
		memcpy(ret_text, run->text, length);
	strcpy(ret_text + length, mark);
	return 0;
}

/* Cuts until the whole, ellipsis included, fits: with that at its end "https://" is an address. */
static int cut(const struct text_rules *rules, const struct run *run, char *ret_text, size_t size)
{
	size_t room = rules->limit - rules->heavy, length = 0;
	int result;

	do {
		size_t bytes = cut_at(rules, run, room);
		result = put(run, bytes, ellipsis, ret_text, size);
		if (result == 0)
			result = text_length(rules, ret_text, &length);
		room = bytes ? room - 1 : 0;
	} while (result == 0 && length > rules->limit && room);
	return result;
}

int text_fit(const struct text_rules *rules, const char *text, char *ret_text, size_t size)
{
	struct run run;
	bool fits;
	int result = run_make(&run, text);

	if (result < 0)
		return result;
	fits = weigh(rules, &run) <= rules->limit;
	result =
		fits ? put(&run, run.length, "", ret_text, size) : cut(rules, &run, ret_text, size);
	run_free(&run);
	return result == 0 && !fits ? TEXT_CUT : result;
}
