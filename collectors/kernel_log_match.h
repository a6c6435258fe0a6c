/* SPDX-License-Identifier: MIT */
/* What a line of the kernel says: a pure function of its text, with the catalogue as its constants. */
#ifndef HOSTINGPI_COLLECTORS_KERNEL_LOG_MATCH_H
#define HOSTINGPI_COLLECTORS_KERNEL_LOG_MATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "collectors/disk.h"
#include "collectors/kernel_log_table.h"

struct klog_match {
	enum klog_class class;
	enum klog_naming naming;
	enum klog_site site;
	bool timeout;		     /* counts among the timeouts as well */
	bool suppressed;	     /* says how many lines of its site were left out */
	int64_t count;		     /* 1, or how many that were */
	char device[DISK_NAME_SIZE]; /* KLOG_NAMED_DISK, _JOURNAL: as the line has it */
	int64_t numbers[2];	     /* KLOG_NAMED_CARD: the first; _NUMBER: major and minor */
};

/*
 * Finds the row of the catalogue that fits a line; level is that of its record. False if there is none.
 * A row may fit and mean KLOG_NOTHING.
 */
bool klog_classify(const char *text, unsigned level, struct klog_match *ret_match);

#endif
