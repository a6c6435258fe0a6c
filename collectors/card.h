/* SPDX-License-Identifier: MIT */
/*
 * What an SD card or an eMMC says about itself in sysfs. The parsers are pure functions of their text, for tests and fuzzing.
 */
#ifndef HOSTINGPI_COLLECTORS_CARD_H
#define HOSTINGPI_COLLECTORS_CARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* STATE_TEXT_SIZE; "eMMC BJTD4R 0x15 01/2023" has 24. */
#define CARD_NAME_SIZE 64

/* How many of the blocks that stand in for worn ones are used: JEDEC JESD84-B51, PRE_EOL_INFO. */
enum card_pre_eol {
	CARD_PRE_EOL_NORMAL,
	CARD_PRE_EOL_WARNING, /* 80 % */
	CARD_PRE_EOL_URGENT,  /* 90 % */
};

/* The names of enum card_pre_eol, null-terminated. */
extern const char *const card_pre_eol_words[];

struct card {
	char name[CARD_NAME_SIZE]; /* "SD SL32G 0x03 03/2021"; empty: no card */
	bool life_known;	   /* eMMC only, as is the next */
	int64_t life_used_ppm;
	bool pre_eol_known;
	enum card_pre_eol pre_eol;
};

/*
 * Reads what the card of a disk (mmcblk0) said when the kernel started it: these files change with no
 * reading. Serial number and CID are left out on purpose, they tell one person's card from all others.
 */
void card_read(int root_fd, const char *device, struct card *ret_card);

/*
 * life_time, "0x01 0x02": two kinds of cells in steps of a tenth; the more worn one counts, with the
 * lower edge of its step. Returns 0, -ENODATA (not told: zeroes) or -EINVAL.
 */
int card_life_parse(const char *text, int64_t *ret_used_ppm);

/* pre_eol_info, "0x01". The same. */
int card_pre_eol_parse(const char *text, enum card_pre_eol *ret_pre_eol);

#endif
