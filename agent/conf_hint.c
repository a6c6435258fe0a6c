/* SPDX-License-Identifier: MIT */
/*
 * Nearness is the number of letters to insert, delete, change or swap with their neighbour
 * (restricted Damerau-Levenshtein distance), capitals counting as small letters. The lists are
 * short and this runs once per mistake, so nothing is indexed.
 */
#include "agent/conf_hint.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names that are longer than this are near to nothing; the longest key has less than half of it. */
#define WORD_MAX 32

static unsigned smallest(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static int fold(char letter)
{
	return tolower((unsigned char)letter);
}

static unsigned distance(const char *a, const char *b)
{
	size_t length_a = strlen(a), length_b = strlen(b);
	unsigned cost[WORD_MAX + 1][WORD_MAX + 1];

	if (length_a > WORD_MAX || length_b > WORD_MAX)
		return WORD_MAX;
	for (size_t i = 0; i <= length_a; i++)
		cost[i][0] = (unsigned)i;
	for (size_t j = 0; j <= length_b; j++)
		cost[0][j] = (unsigned)j;
	for (size_t i = 1; i <= length_a; i++) {
		for (size_t j = 1; j <= length_b; j++) {
			bool same = fold(a[i - 1]) == fold(b[j - 1]);
			unsigned best = cost[i - 1][j - 1] + !same;

			best = smallest(best, cost[i - 1][j] + 1);
			best = smallest(best, cost[i][j - 1] + 1);
			if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
			    fold(a[i - 2]) == fold(b[j - 1]))
				best = smallest(best, cost[i - 2][j - 2] + 1);
			cost[i][j] = best;
		}
	}
	return cost[length_a][length_b];
}

/* Keeps the nearer one. One mistake per three letters, rounded up, still counts as near. */
static void keep_nearer(const char *word, const char *name, const char **nearest, unsigned *best)
{
	unsigned far = distance(word, name);

	if (far < *best && far <= (strlen(name) + 2) / 3 && far < strlen(word)) {
		*best = far;
		*nearest = name;
	}
}

/* Sections with one name may stand several times, each with rows of its own. */
static bool is_repeated(const struct conf_section *sections, const struct conf_section *section)
{
	for (; sections < section; sections++)
		if (strcmp(sections->name, section->name) == 0)
			return true;
	return false;
}

static const char *nearest_section(const struct conf_section *sections, const char *name)
{
	const char *nearest = NULL;
	unsigned best = WORD_MAX;

	for (; sections->name; sections++)
		keep_nearer(name, sections->name, &nearest, &best);
	return nearest;
}

static const char *nearest_key(const struct conf_section *sections, const char *section,
			       const char *key)
{
	const char *nearest = NULL;
	unsigned best = WORD_MAX;

	for (; sections->name; sections++) {
		if (strcmp(sections->name, section) != 0)
			continue;
		for (const struct conf_item *item = sections->items; item && item->key; item++)
			keep_nearer(key, item->key, &nearest, &best);
	}
	return nearest;
}

static bool has_key(const struct conf_section *section, const char *key)
{
	for (const struct conf_item *item = section->items; item && item->key; item++)
		if (strcmp(item->key, key) == 0)
			return true;
	return false;
}

static size_t count_homes(const struct conf_section *sections, const char *key)
{
	size_t count = 0;

	for (; sections->name; sections++)
		count += has_key(sections, key);
	return count;
}

/* All of them: who sets up posts must not be sent to the broker's credential_file. */
static void list_homes(FILE *stream, const struct conf_section *sections, const char *key)
{
	size_t left = count_homes(sections, key);
	const char *before = "it belongs in";

	for (; sections->name; sections++) {
		if (!has_key(sections, key))
			continue;
		fprintf(stream, "%s [%s]", before, sections->name);
		before = --left == 1 ? " or" : ",";
	}
}

static void list_sections(FILE *stream, const struct conf_section *sections)
{
	const char *comma = "";

	fputs("there are", stream);
	for (const struct conf_section *s = sections; s->name; s++) {
		if (is_repeated(sections, s))
			continue;
		fprintf(stream, "%s [%s]", comma, s->name);
		comma = ",";
	}
}

static void list_keys(FILE *stream, const struct conf_section *sections, const char *section)
{
	const char *comma = "";

	fprintf(stream, "[%s] takes", section);
	for (; sections->name; sections++) {
		if (strcmp(sections->name, section) != 0)
			continue;
		for (const struct conf_item *item = sections->items; item && item->key; item++) {
			fprintf(stream, "%s %s", comma, item->key);
			comma = ",";
		}
	}
	if (!*comma)
		fputs(" no keys", stream);
}

/* key is NULL where the section itself is unknown. */
static void write_hint(FILE *stream, const struct conf_section *sections, const char *section,
		       const char *key)
{
	bool elsewhere = key && count_homes(sections, key) > 0;
	const char *nearest = NULL;

	if (!key)
		nearest = nearest_section(sections, section);
	else if (!elsewhere)
		nearest = nearest_key(sections, section, key);
	if (elsewhere)
		list_homes(stream, sections, key);
	else if (nearest)
		fprintf(stream, key ? "did you mean '%s'?" : "did you mean [%s]?", nearest);
	else if (key)
		list_keys(stream, sections, section);
	else
		list_sections(stream, sections);
}

static char *hint(const struct conf_section *sections, const char *section, const char *key)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return NULL;
	write_hint(stream, sections, section, key);
	fclose(stream);
	return text;
}

char *conf_hint_section(const struct conf_section *sections, const char *name)
{
	return hint(sections, name, NULL);
}

char *conf_hint_key(const struct conf_section *sections, const char *section, const char *key)
{
	return hint(sections, section, key);
}
