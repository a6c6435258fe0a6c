/* SPDX-License-Identifier: MIT */
/*
 * The boot loader of a Pi 5 clears the fatal events of the power chip and leaves their word in the
 * device tree (raspberrypi/utils#207), so that it tells for a whole boot why the last one ended. The
 * properties are described in the Raspberry Pi documentation, "Device trees": /chosen/power,
 * /chosen/bootloader (where build_timestamp is what the tree calls build-timestamp, as rpi-eeprom-update
 * knows).
 */
#include "collectors/firmware_board.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/procfs.h"
#include "collectors/firmware_parse.h"

#define POWER "proc/device-tree/chosen/power/"
#define LOADER "proc/device-tree/chosen/bootloader/"
/* An agent that is started anew later must not tell the reset of last month again. */
#define JUST_NOW_S 600

static bool read_word(int root_fd, const char *path, uint32_t *ret_word)
{
	char bytes[8];
	int length = procfs_read_path(root_fd, path, bytes, sizeof(bytes));

	return length >= 0 && firmware_word(bytes, (size_t)length, ret_word) == 0;
}

static bool booted_just_now(int root_fd)
{
	char text[64];
	const char *end;
	int64_t seconds;

	return procfs_read_path(root_fd, "proc/uptime", text, sizeof(text)) < 0 ||
	       procfs_number(text, &end, &seconds) < 0 || seconds < JUST_NOW_S;
}

void firmware_board_read(int root_fd, struct firmware_board *ret_board)
{
	uint32_t usb = 0;
	struct firmware_board board = {0};

	board.reset_known = read_word(root_fd, POWER "power_reset", &board.reset);
	board.current_known = read_word(root_fd, POWER "max_current", &board.current_ma);
	board.usb_known = read_word(root_fd, POWER "usb_over_current_detected", &usb);
	board.usb_over_current = usb != 0;
	board.booted_just_now = booted_just_now(root_fd);
	*ret_board = board;
}

int firmware_board_version(int root_fd, char *ret_version, size_t size)
{
	char hash[64], date[32], text[128];
	uint32_t built;
	struct tm tm;
	int r = procfs_read_line(root_fd, LOADER "version", hash, sizeof(hash));

	if (r <= 0)
		return r < 0 ? r : -ENODATA;
	if (!read_word(root_fd, LOADER "build-timestamp", &built))
		return -ENODATA;
	time_t seconds = built;
	if (!gmtime_r(&seconds, &tm) || strftime(date, sizeof(date), "%Y/%m/%d %H:%M:%S", &tm) == 0)
		return -EINVAL;
	/* As in the firmware's own answer, so that it is checked in the same way. */
	snprintf(text, sizeof(text), "boot loader %s\nversion %s\n", date, hash);
	return firmware_version_parse(text, ret_version, size);
}
