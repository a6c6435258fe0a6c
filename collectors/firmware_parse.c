/* SPDX-License-Identifier: MIT */
/*
 * The firmware speaks in lines for people. They are read strictly where a wrong reading would be
 * worse than none: a number must end where its unit stands, so that an answer that was cut off is
 * never taken for a smaller number.
 */
#include "collectors/firmware_parse.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agent/procfs.h"

/* A Pi 5 has 12 rails and two voltages without a current. */
#define RAILS 24
#define RAIL_NAME_SIZE 16
/* In millionths: no rail of a Pi has more than 5.5 V or 10 A; three times that is no measurement. */
#define MOST_MICRO INT64_C(30000000)

struct rail {
	char name[RAIL_NAME_SIZE];
	bool has_volts, has_amps;
	int64_t microvolts, microamps;
};

/* What is left of the text may be a line end, and nothing else. */
static bool is_end(const char *text)
{
	return text[strspn(text, "\r\n")] == '\0';
}

int firmware_throttled_parse(const char *text, uint32_t *ret_bits)
{
	static const char key[] = "throttled=0x";
	uint32_t bits = 0;
	size_t digits = 0;

	if (strncmp(text, key, sizeof(key) - 1) != 0)
		return -EINVAL;
	for (text += sizeof(key) - 1;; text++, digits++) {
		char c = *text;
		uint32_t digit;

		if (c >= '0' && c <= '9')
			digit = (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (uint32_t)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			digit = (uint32_t)(c - 'A' + 10);
		else
			break;
		bits = bits << 4 | digit;
	}
	if (digits == 0 || digits > 8 || !is_end(text))
		return -EINVAL;
	*ret_bits = bits;
	return 0;
}

/* "5.14576000" as millionths; further digits are cut. Moves the text behind it. */
static int parse_micro(const char **text, int64_t *ret_micro)
{
	int64_t whole, micro = 0;
	int r = procfs_number(*text, text, &whole);

	if (r < 0 || whole > MOST_MICRO)
		return -EINVAL;
	if (**text == '.') {
		int64_t scale = 100000;

		for ((*text)++; **text >= '0' && **text <= '9'; (*text)++, scale /= 10)
			micro += (**text - '0') * scale;
	}
	micro += whole * 1000000;
	if (micro > MOST_MICRO)
		return -EINVAL;
	*ret_micro = micro;
	return 0;
}

/* " NAME_V volt(24)=5.14576000V", " NAME_A current(0)=0.07709848A"; the name is cut off its _V. */
struct line {
	char name[RAIL_NAME_SIZE];
	char unit;
	int64_t micro;
};

static int parse_line(const char *text, size_t length, struct line *ret_line)
{
	char copy[96];
	struct line line;
	int64_t channel;

	if (length >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, length);
	copy[length] = '\0';

	const char *at = copy + strspn(copy, " \t");
	size_t name = strcspn(at, " \t");
	if (name < 3 || name - 2 >= sizeof(line.name) || at[name - 2] != '_')
		return -EINVAL;
	line.unit = at[name - 1];
	memcpy(line.name, at, name - 2);
	line.name[name - 2] = '\0';
	at += name;
	at += strspn(at, " \t");

	const char *key = line.unit == 'V' ? "volt(" : "current(";
	if ((line.unit != 'V' && line.unit != 'A') || strncmp(at, key, strlen(key)) != 0 ||
	    procfs_number(at + strlen(key), &at, &channel) < 0 || strncmp(at, ")=", 2) != 0)
		return -EINVAL;
	at += 2;
	if (parse_micro(&at, &line.micro) < 0 || *at != line.unit || !is_end(at + 1))
		return -EINVAL;
	*ret_line = line;
	return 0;
}

/* Puts the line into its rail. Returns -EINVAL if that is not possible. */
static int take_line(struct rail *rails, size_t *count, const struct line *line)
{
	size_t i = 0;

	while (i < *count && strcmp(rails[i].name, line->name) != 0)
		i++;
	if (i == RAILS)
		return -EINVAL;
	if (i == *count) {
		rails[i] = (struct rail){0};
		memcpy(rails[i].name, line->name, sizeof(line->name));
		(*count)++;
	}
	bool *has = line->unit == 'V' ? &rails[i].has_volts : &rails[i].has_amps;
	if (*has)
		return -EINVAL;
	*has = true;
	*(line->unit == 'V' ? &rails[i].microvolts : &rails[i].microamps) = line->micro;
	return 0;
}

int firmware_rails_parse(const char *text, struct firmware_rails *ret_rails)
{
	struct firmware_rails result = {0};
	struct rail rails[RAILS];
	size_t count = 0;
	int64_t nanowatts_sum = 0;
	bool supply = false;

	while (*text) {
		size_t length = strcspn(text, "\n");
		struct line line;

		if (parse_line(text, length, &line) == 0 && take_line(rails, &count, &line) < 0)
			return -EINVAL;
		text += length + (text[length] == '\n');
	}
	for (size_t i = 0; i < count; i++) {
		if (rails[i].has_volts && strcmp(rails[i].name, "EXT5V") == 0) {
			result.supply_mv = rails[i].microvolts / 1000;
			supply = true;
		}
		if (!rails[i].has_volts || !rails[i].has_amps)
			continue;
		nanowatts_sum += rails[i].microvolts * rails[i].microamps / 1000;
		result.count++;
	}
	/* A Pi that reads this has 5 V; nothing is what a converter says that does not work. */
	if (!supply || result.supply_mv == 0)
		return -EINVAL;
	result.power_mw = nanowatts_sum / 1000000;
	*ret_rails = result;
	return 0;
}

/* What is not printable becomes '?'. */
static void copy_printable(char *target, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		target[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	target[length] = '\0';
}

int firmware_version_parse(const char *text, char *ret_version, size_t size)
{
	static const char key[] = "\nversion ";
	const char *hash = strstr(text, key);
	size_t date_length = strcspn(text, "\n");
	size_t hash_length;

	if (!hash)
		return -EINVAL;
	hash += sizeof(key) - 1;
	hash_length = strcspn(hash, " \t\r\n");
	while (date_length > 0 && strchr(" \t\r", text[date_length - 1]))
		date_length--;
	if (date_length == 0 || hash_length == 0 || date_length + 1 + hash_length >= size)
		return -EINVAL;
	copy_printable(ret_version, text, date_length);
	ret_version[date_length] = ' ';
	copy_printable(ret_version + date_length + 1, hash, hash_length);
	return 0;
}

int firmware_word(const void *bytes, size_t length, uint32_t *ret_word)
{
	const unsigned char *byte = bytes;

	if (length != 4)
		return -EINVAL;
	*ret_word = (uint32_t)byte[0] << 24 | (uint32_t)byte[1] << 16 | (uint32_t)byte[2] << 8 |
		    byte[3];
	return 0;
}

void firmware_reset_text(uint32_t word, char ret_text[FIRMWARE_RESET_SIZE])
{
	static const char *const names[] = {"overvoltage", "undervoltage", "overheat", "enable",
					    "watchdog"};
	const size_t known = sizeof(names) / sizeof(names[0]);
	size_t used = 0;

	snprintf(ret_text, FIRMWARE_RESET_SIZE, "none");
	for (size_t i = 0; i < known; i++)
		if (word >> i & 1)
			used += (size_t)snprintf(ret_text + used, FIRMWARE_RESET_SIZE - used,
						 "%s%s", used ? "," : "", names[i]);
	/* What the documentation does not name is told as it is. */
	if (word >> known)
		snprintf(ret_text + used, FIRMWARE_RESET_SIZE - used, "%s0x%x", used ? "," : "",
			 (unsigned)(word >> known << known));
}
