/* SPDX-License-Identifier: MIT */
/*
 * No SD card tells how worn it is, an eMMC does in two ways: cycles used of those that its maker expects
 * (life_time), and spare blocks used (pre_eol_info). Both come from the registers that the kernel
 * reads when it starts the card; neither file asks it again.
 */
#include "collectors/card.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/procfs.h"

const char *const card_pre_eol_words[] = {
	[CARD_PRE_EOL_NORMAL] = "normal",
	[CARD_PRE_EOL_WARNING] = "warning",
	[CARD_PRE_EOL_URGENT] = "urgent",
	NULL,
};

static int hex_digit(char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	if (byte >= 'a' && byte <= 'f')
		return byte - 'a' + 10;
	return -1;
}

/* "0x1f" with up to 8 digits. Returns the place after it, or NULL. */
static const char *parse_hex(const char *text, uint32_t *ret_value)
{
	if (text[0] != '0' || text[1] != 'x' || hex_digit(text[2]) < 0)
		return NULL;
	uint32_t value = 0;
	text += 2;
	for (int digits = 0; hex_digit(*text) >= 0; text++) {
		if (++digits > 8)
			return NULL;
		value = value << 4 | (uint32_t)hex_digit(*text);
	}
	*ret_value = value;
	return text;
}

static bool is_end(const char *text)
{
	return *text == '\0' || (*text == '\n' && text[1] == '\0');
}

int card_life_parse(const char *text, int64_t *ret_used_ppm)
{
	/* 1 is "up to 10 %" and so on, 11 "more than expected": JEDEC JESD84-B51. */
	enum { STEP_EXCEEDED = 11, STEP_PPM = 100000 };
	uint32_t a, b;

	text = parse_hex(text, &a);
	if (!text || *text++ != ' ')
		return -EINVAL;
	text = parse_hex(text, &b);
	if (!text || !is_end(text) || a > STEP_EXCEEDED || b > STEP_EXCEEDED)
		return -EINVAL;
	uint32_t step = a > b ? a : b;
	if (step == 0)
		return -ENODATA;
	*ret_used_ppm = (int64_t)(step - 1) * STEP_PPM;
	return 0;
}

int card_pre_eol_parse(const char *text, enum card_pre_eol *ret_pre_eol)
{
	uint32_t value;

	text = parse_hex(text, &value);
	if (!text || !is_end(text) || value > CARD_PRE_EOL_URGENT + 1)
		return -EINVAL;
	if (value == 0)
		return -ENODATA;
	*ret_pre_eol = (enum card_pre_eol)(value - 1);
	return 0;
}

/* One file of the card's folder; empty when it is not there. What is no plain letter is made one. */
static void read_fact(int root_fd, const char *device, const char *file, char *ret_text,
		      size_t size)
{
	char path[96];

	ret_text[0] = '\0';
	snprintf(path, sizeof(path), "sys/block/%s/device/%s", device, file);
	if (procfs_read_line(root_fd, path, ret_text, size) < 0)
		ret_text[0] = '\0';
	/* The name comes from the card: any six bytes. */
	for (char *at = ret_text; *at; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
}

/* "0x000003" as "0x03", the way the numbers are written in lists of makers. */
static void shorten_maker(char *text, size_t size)
{
	uint32_t maker;
	const char *end = parse_hex(text, &maker);

	if (end && !*end)
		snprintf(text, size, "0x%02x", maker);
	else
		text[0] = '\0';
}

void card_read(int root_fd, const char *device, struct card *ret_card)
{
	char type[16], name[16], maker[16], date[16], text[32];
	struct card card = {0};

	read_fact(root_fd, device, "type", type, sizeof(type));
	/* Other disks have a "type" as well, a number. */
	if (strcmp(type, "SD") == 0 || strcmp(type, "MMC") == 0) {
		read_fact(root_fd, device, "name", name, sizeof(name));
		read_fact(root_fd, device, "manfid", maker, sizeof(maker));
		read_fact(root_fd, device, "date", date, sizeof(date));
		shorten_maker(maker, sizeof(maker));
		snprintf(card.name, sizeof(card.name), "%s%s%s%s%s%s%s",
			 type[0] == 'M' ? "eMMC" : type, name[0] ? " " : "", name,
			 maker[0] ? " " : "", maker, date[0] ? " " : "", date);
		read_fact(root_fd, device, "life_time", text, sizeof(text));
		card.life_known = card_life_parse(text, &card.life_used_ppm) == 0;
		read_fact(root_fd, device, "pre_eol_info", text, sizeof(text));
		card.pre_eol_known = card_pre_eol_parse(text, &card.pre_eol) == 0;
	}
	*ret_card = card;
}
