/* SPDX-License-Identifier: MIT */
/*
 * One fault, one incident: lines of all layers about one disk, or about one other topic, that come
 * within one window. Its first line makes an event at once, a worse one makes another, and the end tells
 * how many of what there were. Fixed memory; nothing is dropped for want of room.
 */
#ifndef HOSTINGPI_COLLECTORS_KERNEL_LOG_INCIDENT_H
#define HOSTINGPI_COLLECTORS_KERNEL_LOG_INCIDENT_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/sample.h"
#include "collectors/kernel_log_disks.h"

/* Disks with an incident of their own at one time; the first ones are kept for ours. */
#define KLOG_INCIDENT_DISKS 6
#define KLOG_INCIDENT_OWN 2
/* One more for all other disks, and one for each topic but the disks. */
#define KLOG_INCIDENTS (KLOG_INCIDENT_DISKS + KLOG_TOPICS)
/* An event has room for 191 bytes, a few of them for what it is about. */
#define KLOG_QUOTE_SIZE 160

/* A line that is told at once. */
struct klog_news {
	bool waits;
	enum klog_class class;
	int64_t count;	/* records that it stands for */
	uint64_t order; /* among all news */
	char quote[KLOG_QUOTE_SIZE];
};

struct klog_incident {
	bool open;
	bool ours;		      /* disks: one of ours */
	char subject[DISK_NAME_SIZE]; /* a disk, or a word for the topic */
	int64_t since_ns, last_ns;    /* of its first and its newest line */
	enum klog_class worst;
	struct klog_news first, worse; /* still to be told */
	int64_t told;		       /* records that were told so far */
	int64_t counts[KLOG_CLASSES];
};

/* Zeroed is a valid start. */
struct klog_incidents {
	struct klog_incident all[KLOG_INCIDENTS];
	uint64_t order;
};

/*
 * Takes count records of a class, with the line that said so; place is read for disks only. Returns
 * true if there is something to tell at once.
 */
bool klog_incidents_add(struct klog_incidents *incidents, enum klog_class class, int64_t count,
			const struct klog_place *place, const char *quote, int64_t now_ns);

/* Hands in events as far as the batch has room. Returns true if some had to stay behind. */
bool klog_incidents_tell(struct klog_incidents *incidents, int64_t now_ns, struct batch *batch);

#endif
