/* SPDX-License-Identifier: MIT */
/* Asks the firmware of a Raspberry Pi one thing by a string command and waits for the answer. */
#ifndef HOSTINGPI_FIRMWARE_ASK_H
#define HOSTINGPI_FIRMWARE_ASK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The longest answer that is asked for has about 900 bytes; the vendor's tool had room for 1024 until
 * 2026 and has 4096 since. With what is around it this is a block of 2 KiB, which the kernel allocates
 * for each question: a small one, because it may be asked while memory is short.
 */
#define FIRMWARE_TEXT_SIZE 2016

/*
 * Hands a message to the firmware and gets it back with the answer: ioctl() on the node, or what a
 * test puts in its place. Returns 0 or negative errno.
 */
typedef int firmware_request_fn(int fd, uint32_t *message);

struct firmware_ask {
	firmware_request_fn *request;
	int root_fd;
	unsigned node;	  /* the one in use */
	unsigned first;	  /* the first that may be tried: those before refuse string commands */
	int fd;		  /* negative errno: none of the nodes can be used, see reason */
	bool is_file;	  /* a plain file with answers */
	char reason[128]; /* why there is none, and what to do */
	bool denied;	  /* ... because rights are missing */
	/* Total bytes, status, tag, its bytes, its answer's bytes, result, text, end tag. */
	uint32_t message[6 + FIRMWARE_TEXT_SIZE / 4 + 1];
};

/* Prepares an ask that is zeroed; nothing is opened yet. */
void firmware_ask_init(struct firmware_ask *ask, int root_fd);
/* Opens the first node that can be used. Returns 0 or negative errno with reason and denied set. */
int firmware_ask_open(struct firmware_ask *ask);
void firmware_ask_close(struct firmware_ask *ask);

/*
 * Asks. May block: the kernel waits up to a second for the firmware. Returns 0 and the answer, which
 * is valid until the next call; negative errno:
 * -EOPNOTSUPP: the firmware does not know the command;
 * -EBADMSG: an answer without an end;
 * -ENODEV: no node can be used, reason says why;
 * others: of the kernel.
 */
int firmware_ask(struct firmware_ask *ask, const char *command, const char **ret_answer);

#endif
