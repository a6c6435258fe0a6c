/* SPDX-License-Identifier: MIT */
/*
 * Fan-out. Decisions and the "about" document are overwritten by newer ones, so one place each is
 * enough for all sinks; events are kept per sink because each sink may be late on its own.
 */
#include "agent/dispatch.h"

#include <errno.h>

static bool sink_wants(const struct dispatch_sink *sink, enum report_kind kind)
{
	return sink->open && (sink->notifier->wants & (1u << kind));
}

static void keep_event(struct dispatch_sink *sink, const struct event *event)
{
	if (sink->count == DISPATCH_EVENTS) {
		sink->first = (sink->first + 1) % DISPATCH_EVENTS;
		sink->count--;
		sink->dropped++;
	}
	sink->events[(sink->first + sink->count++) % DISPATCH_EVENTS] = *event;
}

static bool offer(struct dispatch_sink *sink, const struct report *report)
{
	int r = sink->notifier->publish(sink->self, report);
	if (r < 0 && report->kind == REPORT_EVENT)
		sink->dropped++;
	return r != NOTIFIER_BUSY;
}

static void retry_sink(struct dispatch *dispatch, struct dispatch_sink *sink)
{
	struct report report = {.kind = REPORT_ABOUT, .about = &dispatch->about};
	if (sink->about_waits && (!sink_wants(sink, REPORT_ABOUT) || offer(sink, &report)))
		sink->about_waits = false;

	report = (struct report){.kind = REPORT_DECISION, .decision = &dispatch->decision};
	if (sink->decision_waits && offer(sink, &report))
		sink->decision_waits = false;

	while (sink->count > 0) {
		report = (struct report){.kind = REPORT_EVENT, .event = &sink->events[sink->first]};
		if (!offer(sink, &report))
			return;
		sink->first = (sink->first + 1) % DISPATCH_EVENTS;
		sink->count--;
	}
}

void dispatch_report(struct dispatch *dispatch, const struct report *report)
{
	if (report->kind == REPORT_ABOUT)
		dispatch->about = *report->about;
	if (report->kind == REPORT_DECISION)
		dispatch->decision = *report->decision;

	for (size_t i = 0; i < dispatch->sink_count; i++) {
		struct dispatch_sink *sink = &dispatch->sinks[i];
		if (!sink_wants(sink, report->kind))
			continue;
		switch (report->kind) {
		case REPORT_ABOUT:
			sink->about_waits = true;
			break;
		case REPORT_DECISION:
			sink->decision_waits = true;
			break;
		case REPORT_EVENT:
			keep_event(sink, report->event); /* behind those that wait: order stays */
			break;
		case REPORT_SAMPLE:
		case REPORT_MESSAGE:
			offer(sink, report);
			continue;
		case REPORT_KINDS:
			break;
		}
		retry_sink(dispatch, sink);
	}
}

void dispatch_retry(struct dispatch *dispatch)
{
	for (size_t i = 0; i < dispatch->sink_count; i++)
		if (dispatch->sinks[i].open)
			retry_sink(dispatch, &dispatch->sinks[i]);
}

int dispatch_message(struct dispatch *dispatch, const struct operator_message *message)
{
	const struct report report = {.kind = REPORT_MESSAGE, .message = message};
	int result = -ENOENT;

	for (size_t i = 0; i < dispatch->sink_count && result != 0; i++) {
		const struct dispatch_sink *sink = &dispatch->sinks[i];
		if (sink_wants(sink, REPORT_MESSAGE))
			result = sink->notifier->publish(sink->self, &report);
	}
	return result == NOTIFIER_BUSY ? -EAGAIN : result;
}
