/* SPDX-License-Identifier: MIT */
/*
 * Pure parsers of what the firmware of a Raspberry Pi says: answers to its string commands and words
 * in the device tree. Outputs are untouched on failure.
 */
#ifndef HOSTINGPI_FIRMWARE_PARSE_H
#define HOSTINGPI_FIRMWARE_PARSE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Bits of get_throttled (Raspberry Pi documentation, "vcgencmd"): what is now; the same 16 bits
 * higher since boot.
 */
enum {
	FIRMWARE_UNDERVOLTAGE = 1 << 0,
	FIRMWARE_FREQ_CAPPED = 1 << 1,
	FIRMWARE_THROTTLED = 1 << 2,
	FIRMWARE_SOFT_LIMIT = 1 << 3,
	FIRMWARE_SINCE_BOOT = 16, /* shift */
};

/* "throttled=0x50000". Returns 0 and the bits, or -EINVAL. */
int firmware_throttled_parse(const char *text, uint32_t *ret_bits);

struct firmware_rails {
	int64_t supply_mv; /* at the 5 V input, behind its protection */
	int64_t power_mw;  /* of all rails that have voltage and current */
	unsigned count;	   /* of these rails */
};

/*
 * The table of pmic_read_adc. Lines of another form are skipped. Returns 0, or -EINVAL if there is no
 * plausible EXT5V_V, or if something stands there twice.
 */
int firmware_rails_parse(const char *text, struct firmware_rails *ret_rails);

/*
 * The answer to "version": date, copyright, "version HASH ...". Writes "DATE HASH", printable ASCII.
 * Returns 0, or -EINVAL if there is no hash or it does not fit.
 */
int firmware_version_parse(const char *text, char *ret_version, size_t size);

/* A device-tree property of one word: big-endian. Returns 0, or -EINVAL if it is not 4 bytes long. */
int firmware_word(const void *bytes, size_t length, uint32_t *ret_word);

/*
 * Bits of /chosen/power/power_reset: why the power chip of a Pi 5 reset the board (Raspberry Pi
 * documentation, "Device trees", properties of /chosen/power).
 */
enum {
	FIRMWARE_RESET_OVER_VOLTAGE = 1 << 0,
	FIRMWARE_RESET_UNDER_VOLTAGE = 1 << 1,
	FIRMWARE_RESET_OVER_TEMPERATURE = 1 << 2,
	FIRMWARE_RESET_ENABLE = 1 << 3, /* the ENABLE pin: switched off and on again */
	FIRMWARE_RESET_WATCHDOG = 1 << 4,
};

/* "undervoltage", "overheat,0x40", "none". All names and a number at once have 60 characters. */
#define FIRMWARE_RESET_SIZE 64
void firmware_reset_text(uint32_t word, char ret_text[FIRMWARE_RESET_SIZE]);

#endif
