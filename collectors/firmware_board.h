/* SPDX-License-Identifier: MIT */
/* What the boot loader left in the device tree about supply and reset. Does not change until a boot. */
#ifndef HOSTINGPI_FIRMWARE_BOARD_H
#define HOSTINGPI_FIRMWARE_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct firmware_board {
	bool reset_known, current_known, usb_known;
	uint32_t reset;	       /* FIRMWARE_RESET_... */
	uint32_t current_ma;   /* that the supply says it can give */
	bool usb_over_current; /* a USB port took too much while booting */
	bool booted_just_now;  /* the machine is up for less than ten minutes, or nobody knows */
};

void firmware_board_read(int root_fd, struct firmware_board *ret_board);

/*
 * "boot loader DATE HASH" from the device tree (Pi 4 and later), in UTC. Returns 0, or negative errno
 * and leaves ret_version alone.
 */
int firmware_board_version(int root_fd, char *ret_version, size_t size);

#endif
