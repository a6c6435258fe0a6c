/* SPDX-License-Identifier: MIT */
/*
 * A card that dies writes hundreds of lines a second, in four layers at once, and the kernel leaves out
 * thousands. People want to hear of it once, at once, and then how bad it was. An incident ends when
 * its disk was quiet for a while, or after a minute, so that a fault without end is told of each minute.
 */
#include "collectors/kernel_log_incident.h"

#include <stdio.h>
#include <string.h>

#include "agent/units.h"

/*
 * The block layer leaves lines out for 5 s at a time and says how many only with the next one; ext4
 * noticed an aborted journal 6 s later. A shorter window would split one fault.
 */
#define QUIET_NS (10 * NS_PER_S)
#define LONGEST_NS (60 * NS_PER_S)

static enum klog_rank rank_of(enum klog_class class)
{
	return klog_classes[class].rank;
}

static enum severity severity_of(enum klog_class class)
{
	static const enum severity severities[] = {
		[KLOG_NOTED] = SEVERITY_INFO,
		[KLOG_WARNING] = SEVERITY_WARNING,
		[KLOG_CRITICAL] = SEVERITY_CRITICAL,
		[KLOG_LOSES] = SEVERITY_CRITICAL,
	};
	return severities[rank_of(class)];
}

/* The incident of a disk: the open one, else a free place, else that of all other disks. */
static struct klog_incident *find_disk(struct klog_incidents *incidents,
				       const struct klog_place *place)
{
	struct klog_incident *vacant = NULL;
	for (size_t i = 0; i < KLOG_INCIDENT_DISKS; i++) {
		struct klog_incident *incident = &incidents->all[i];
		if (incident->open && strcmp(incident->subject, place->disk) == 0)
			return incident;
		if (!incident->open && !vacant && (place->ours || i >= KLOG_INCIDENT_OWN))
			vacant = incident;
	}
	return vacant ? vacant : &incidents->all[KLOG_INCIDENT_DISKS];
}

static struct klog_incident *find(struct klog_incidents *incidents, enum klog_class class,
				  const struct klog_place *place)
{
	enum klog_topic topic = klog_classes[class].topic;
	if (topic == KLOG_TOPIC_DISK)
		return find_disk(incidents, place);
	/* Topic 1 follows the place of all other disks. */
	return &incidents->all[KLOG_INCIDENT_DISKS + topic];
}

static void begin(struct klog_incidents *incidents, struct klog_incident *incident,
		  enum klog_class class, const struct klog_place *place, int64_t now_ns)
{
	static const char *const words[KLOG_TOPICS] = {
		[KLOG_TOPIC_DISK] = "(several)", [KLOG_TOPIC_MEMORY] = "memory",
		[KLOG_TOPIC_SUPPLY] = "supply",	 [KLOG_TOPIC_KERNEL] = "kernel",
		[KLOG_TOPIC_NFS] = "NFS",	 [KLOG_TOPIC_LOG] = "kernel log",
	};
	bool one_disk = incident < &incidents->all[KLOG_INCIDENT_DISKS];
	*incident = (struct klog_incident){
		.open = true,
		.ours = klog_classes[class].topic != KLOG_TOPIC_DISK || place->ours,
		.since_ns = now_ns,
		.worst = class,
	};
	snprintf(incident->subject, sizeof(incident->subject), "%s",
		 one_disk ? place->disk : words[klog_classes[class].topic]);
}

bool klog_incidents_add(struct klog_incidents *incidents, enum klog_class class, int64_t count,
			const struct klog_place *place, const char *quote, int64_t now_ns)
{
	struct klog_incident *incident = find(incidents, class, place);
	bool first = !incident->open;
	if (first)
		begin(incidents, incident, class, place, now_ns);
	bool worse = !first && rank_of(class) > rank_of(incident->worst);
	incident->last_ns = now_ns;
	incident->counts[class] += count;
	if (!first && !worse)
		return false;

	incident->worst = class;
	struct klog_news *news = first ? &incident->first : &incident->worse;
	*news = (struct klog_news){
		.waits = true,
		.class = class,
		.count = count,
		.order = incidents->order++,
	};
	text_copy(news->quote, sizeof(news->quote), quote);
	return true;
}

/* The kind of an event: "sd-" is this Pi's own storage, "disk-" anybody else's. */
static void kind_of(const struct klog_incident *incident, enum klog_class class,
		    char kind[EVENT_KIND_SIZE])
{
	const char *own = klog_classes[class].kind;
	if (incident->ours)
		snprintf(kind, EVENT_KIND_SIZE, "%s", own);
	else
		snprintf(kind, EVENT_KIND_SIZE, "disk-%s",
			 strncmp(own, "sd-", 3) == 0 ? own + 3 : own);
}

static void tell_news(struct klog_incident *incident, struct klog_news *news, struct batch *batch)
{
	char kind[EVENT_KIND_SIZE];
	kind_of(incident, news->class, kind);
	struct event *event =
		batch_event(batch, kind, severity_of(news->class), "%s%s%s%s: %s",
			    incident->ours ? "" : "Other disk ",
			    incident->ours ? "" : incident->subject, incident->ours ? "" : ": ",
			    klog_classes[news->class].what, news->quote);
	event_put(event, "records", news->count);
	incident->told += news->count;
	news->waits = false;
}

/* The oldest news of all; NULL if there are none. */
static struct klog_news *oldest_news(struct klog_incidents *incidents,
				     struct klog_incident **ret_incident)
{
	struct klog_news *oldest = NULL;
	for (size_t i = 0; i < KLOG_INCIDENTS; i++) {
		struct klog_incident *incident = &incidents->all[i];
		struct klog_news *news =
			incident->first.waits ? &incident->first : &incident->worse;
		if (news->waits && (!oldest || news->order < oldest->order)) {
			oldest = news;
			*ret_incident = incident;
		}
	}
	return oldest;
}

/* The classes of an incident that were seen, worst first; returns how many. */
static size_t list_classes(const struct klog_incident *incident, enum klog_class *ret_classes)
{
	size_t count = 0;
	for (int rank = KLOG_LOSES; rank >= KLOG_NOTED; rank--)
		for (unsigned i = 0; i < KLOG_CLASSES; i++)
			if (incident->counts[i] > 0 && (int)rank_of(i) == rank)
				ret_classes[count++] = i;
	return count;
}

/* "journal_aborts" is printed as "journal aborts". */
static void append_count(char *text, size_t size, const char *before, int64_t count,
			 const char *name)
{
	size_t used = strlen(text), start = used + strlen(before);
	snprintf(text + used, size - used, "%s%lld %s", before, (long long)count, name);
	for (size_t i = start; i < size && text[i]; i++)
		if (text[i] == '_')
			text[i] = ' ';
}

/* What there was in all, with a number for each class as far as an event has room. */
static void tell_end(const struct klog_incident *incident, struct batch *batch)
{
	enum klog_class classes[KLOG_CLASSES];
	size_t count = list_classes(incident, classes);
	char text[2 * EVENT_TEXT_SIZE] = "", kind[EVENT_KIND_SIZE];
	/* From its first line to its last, and not the quiet time after it. */
	int64_t seconds = (incident->last_ns - incident->since_ns) / NS_PER_S + 1;

	for (size_t i = 0; i < count; i++)
		append_count(text, sizeof(text), i ? ", " : "", incident->counts[classes[i]],
			     klog_classes[classes[i]].count);
	kind_of(incident, incident->worst, kind);
	struct event *event =
		batch_event(batch, kind, severity_of(incident->worst), "%s%s, in %lld s: %s",
			    incident->ours ? "" : "Other disk ", incident->subject,
			    (long long)seconds, text);

	size_t named = count <= EVENT_VALUES ? count : EVENT_VALUES - 1;
	int64_t others = 0;
	for (size_t i = 0; i < count; i++) {
		if (i < named)
			event_put(event, klog_classes[classes[i]].count,
				  incident->counts[classes[i]]);
		else
			others += incident->counts[classes[i]];
	}
	if (others > 0)
		event_put(event, "other_records", others);
}

/* Ends an incident that is over, with an event if there was more than was told. False: no room. */
static bool end(struct klog_incident *incident, int64_t now_ns, struct batch *batch)
{
	bool over =
		now_ns - incident->last_ns >= QUIET_NS || now_ns - incident->since_ns >= LONGEST_NS;
	if (!incident->open || !over)
		return true;
	int64_t all = 0;
	for (size_t i = 0; i < KLOG_CLASSES; i++)
		all += incident->counts[i];
	if (all > incident->told) {
		if (batch->event_count == BATCH_EVENTS)
			return false;
		tell_end(incident, batch);
	}
	incident->open = false;
	return true;
}

bool klog_incidents_tell(struct klog_incidents *incidents, int64_t now_ns, struct batch *batch)
{
	struct klog_incident *incident = NULL;
	for (struct klog_news *news; (news = oldest_news(incidents, &incident));) {
		if (batch->event_count == BATCH_EVENTS)
			return true;
		tell_news(incident, news, batch);
	}

	bool all = true;
	for (size_t i = 0; i < KLOG_INCIDENTS; i++)
		all &= end(&incidents->all[i], now_ns, batch);
	return !all;
}
