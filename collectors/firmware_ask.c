/* SPDX-License-Identifier: MIT */
/*
 * The firmware runs on another processor and is reached through a mailbox. Linux has two nodes for it
 * in the Raspberry Pi's kernel: /dev/vcio_gencmd (2026), where nothing but string commands is allowed,
 * and /dev/vcio, where all is, from clocks to the memory that can be written once, so that a program
 * with it is as good as root. The narrow one comes first; on it nothing but the string command is
 * tried, because the kernel logs whatever else is asked there.
 *
 * A string command is the property tag 0x00030080 (drivers/char/broadcom/vcio.c calls it
 * GET_GENCMD_RESULT). The words around the text are those of the vendor's tool vcgencmd. No parameter
 * is ever sent: one to get_throttled would erase the history of everybody.
 *
 * Below another root directory the node is a plain file: each line is a command, a blank and a line of
 * its answer.
 */
#include "collectors/firmware_ask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/procfs.h"

/* The size of a pointer is part of the number: 32-bit programs have another one than 64-bit ones. */
#define MAILBOX_PROPERTY _IOWR(100, 0, char *)
#define TAG_STRING_COMMAND 0x00030080

enum {
	WORD_SIZE,
	WORD_STATUS,
	WORD_TAG,
	WORD_TAG_SIZE,
	WORD_ANSWER_SIZE,
	WORD_RESULT,
	WORD_TEXT,
};

static const char *const nodes[] = {"dev/vcio_gencmd", "dev/vcio"};

#define NODES (sizeof(nodes) / sizeof(nodes[0]))

static int request_ioctl(int fd, uint32_t *message)
{
	return ioctl(fd, MAILBOX_PROPERTY, message) < 0 ? -errno : 0;
}

void firmware_ask_init(struct firmware_ask *ask, int root_fd)
{
	ask->request = request_ioctl;
	ask->root_fd = root_fd;
	ask->fd = -ENOENT;
	snprintf(ask->reason, sizeof(ask->reason), "not asked yet");
}

static void note_reason(struct firmware_ask *ask, const char *node, int error)
{
	bool narrow = node == nodes[0];

	ask->denied = error == -EACCES || error == -EPERM;
	if (error == -ENOENT)
		snprintf(ask->reason, sizeof(ask->reason),
			 "no /dev/vcio_gencmd: needs a Raspberry Pi and its kernel");
	else if (ask->denied)
		snprintf(ask->reason, sizeof(ask->reason),
			 "/%s: permission denied; %s: "
			 "see FIRMWARE in hostingpid(8)",
			 node, narrow ? "udev rule, group video" : "a newer kernel or a drop-in");
	else
		snprintf(ask->reason, sizeof(ask->reason), "/%s: %s", node, procfs_strerror(error));
}

int firmware_ask_open(struct firmware_ask *ask)
{
	struct stat stat;
	int error = -ENOENT;

	note_reason(ask, nodes[0], error);
	if (ask->first > 0)
		snprintf(ask->reason, sizeof(ask->reason),
			 "/%s: the kernel refuses string commands", nodes[ask->first - 1]);
	for (ask->node = ask->first; ask->node < NODES; ask->node++) {
		ask->fd = procfs_open(ask->root_fd, nodes[ask->node]);
		if (ask->fd >= 0) {
			ask->is_file = fstat(ask->fd, &stat) == 0 && S_ISREG(stat.st_mode);
			log_info("firmware: asks /%s", nodes[ask->node]);
			return 0;
		}
		/* The first trouble but absence is the one to be helped. */
		if (error == -ENOENT && ask->fd != -ENOENT) {
			error = ask->fd;
			note_reason(ask, nodes[ask->node], error);
		}
	}
	ask->fd = error;
	return error;
}

void firmware_ask_close(struct firmware_ask *ask)
{
	if (ask->fd >= 0)
		close(ask->fd);
	ask->fd = -ENOENT;
}

/* The lines of the file that answer the command, without it, put into text. */
static int ask_file(struct firmware_ask *ask, const char *command, char *text)
{
	char lines[4096]; /* answers to all commands */
	size_t length = strlen(command), used = 0;
	int r = procfs_read(ask->fd, lines, sizeof(lines));

	if (r < 0)
		return r;
	for (const char *line = lines; *line;) {
		const char *end = strchrnul(line, '\n');

		if (strncmp(line, command, length) == 0 && line[length] == ' ') {
			line += length + 1;
			if (used + (size_t)(end - line) + 2 > FIRMWARE_TEXT_SIZE)
				return -EFBIG;
			memcpy(text + used, line, (size_t)(end - line));
			used += (size_t)(end - line);
			text[used++] = '\n';
		}
		line = *end ? end + 1 : end;
	}
	text[used] = '\0';
	return used ? 0 : -EOPNOTSUPP;
}

static int ask_node(struct firmware_ask *ask, const char *command)
{
	uint32_t *message = ask->message;

	memset(message, 0, sizeof(ask->message));
	message[WORD_SIZE] = sizeof(ask->message);
	message[WORD_TAG] = TAG_STRING_COMMAND;
	message[WORD_TAG_SIZE] = FIRMWARE_TEXT_SIZE;
	memcpy(&message[WORD_TEXT], command, strlen(command) + 1);

	int r = ask->request(ask->fd, message);
	if (r < 0)
		return r;
	return message[WORD_RESULT] ? -EOPNOTSUPP : 0;
}

int firmware_ask(struct firmware_ask *ask, const char *command, const char **ret_answer)
{
	char *text = (char *)&ask->message[WORD_TEXT];
	int r = -ENODEV;

	while (ask->fd >= 0) {
		r = ask->is_file ? ask_file(ask, command, text) : ask_node(ask, command);
		if (r != -EPERM && r != -ENOTTY)
			break;
		/* No string command gets through here, and the kernel would log each attempt. */
		firmware_ask_close(ask);
		ask->first = ask->node + 1;
		firmware_ask_open(ask);
		r = -ENODEV;
	}
	if (r < 0)
		return r;
	if (!memchr(text, '\0', FIRMWARE_TEXT_SIZE))
		return -EBADMSG;
	if (strncmp(text, "error=", 6) == 0)
		return -EOPNOTSUPP;
	*ret_answer = text;
	return 0;
}
