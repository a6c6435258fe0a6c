/* SPDX-License-Identifier: MIT */
/*
 * /proc/net/dev has two lines of heading and then "name: 8 numbers received 8 numbers sent". The
 * text is taken as a whole or not at all.
 */
#include "collectors/network_parse.h"

#include <errno.h>
#include <string.h>

#include "agent/procfs.h"

enum {
	RX_BYTES = 0,
	TX_BYTES = 8,
	NETWORK_NUMBERS = 16,
};

/* Parses the numbers of one line. Returns the start of the next one, or NULL. */
static const char *parse_numbers(const char *at, struct network_line *line)
{
	for (unsigned i = 0; i < NETWORK_NUMBERS; i++) {
		int64_t value;

		at += strspn(at, " ");
		if (procfs_number(at, &at, &value) < 0)
			return NULL;
		if (i == RX_BYTES)
			line->rx_bytes = value;
		else if (i == TX_BYTES)
			line->tx_bytes = value;
	}
	return *at == '\n' ? at + 1 : NULL;
}

int network_parse(const char *text, struct network_line *ret_lines)
{
	int count = 0;

	for (unsigned i = 0; i < 2; i++) {
		size_t length = strcspn(text, "\n");

		if (text[length] == '\0' || !memchr(text, '|', length))
			return -EBADMSG;
		text += length + 1;
	}
	while (*text != '\0') {
		struct network_line line = {.rx_bytes = 0};
		size_t length;

		/* A name has no colon and no blank in it: the kernel refuses both. */
		text += strspn(text, " ");
		length = strcspn(text, ": \n");
		if (length == 0 || length >= sizeof(line.name) || text[length] != ':')
			return -EBADMSG;
		memcpy(line.name, text, length);
		text = parse_numbers(text + length + 1, &line);
		if (!text)
			return -EBADMSG;
		if (strcmp(line.name, "lo") == 0)
			continue;
		if (count == NETWORK_INTERFACES)
			return -EFBIG;
		ret_lines[count++] = line;
	}
	return count;
}

/*
 * A counter that falls has wrapped or was reset. Drivers that count in 32 bits (and 32-bit kernels
 * with old drivers) wrap at 4 GiB; none of them is faster than 1 Gbit/s, which bounds what can have
 * passed since the last reading: 125 bytes in a microsecond. What was counted between the last
 * reading and a reset is lost.
 */
int64_t network_growth(int64_t before, int64_t after, int64_t elapsed_ns, bool *ret_reset)
{
	const int64_t range = (int64_t)UINT32_MAX + 1;

	*ret_reset = false;
	if (after >= before)
		return after - before;
	if (before < range && (after + range - before) / 125 <= elapsed_ns / 1000)
		return after + range - before;
	*ret_reset = true;
	return 0;
}
