/* SPDX-License-Identifier: MIT */
/* The documents of the MQTT contract (design 5) and of the control socket, one writer for all. */
#ifndef HOSTINGPI_RENDER_H
#define HOSTINGPI_RENDER_H

#include "agent/json.h"
#include "agent/report.h"

/*
 * 16 KiB: the state document of a Pi with everything on is about 4 KiB, all unknown about 6 KiB; a hundred
 * readings that each fail for a reason of its own with 100 bytes still fit.
 */
#define RENDER_SIZE 16384

/* Each writes one object; key as in json_object(). */
void render_snapshot(struct json *json, const char *key, const struct snapshot *snapshot);
void render_decision(struct json *json, const char *key, const struct decision *decision);
/* The same without the braces, for an object that has more members. */
void render_decision_members(struct json *json, const struct decision *decision);
void render_event(struct json *json, const char *key, const struct event *event);
void render_about(struct json *json, const char *key, const struct about *about);

/* Those that asked lately, as an array. */
void render_balancers(struct json *json, const char *key, const struct balancer *balancers,
		      size_t count, int64_t now_ns);

/* One number of a metric (rate: of its rate, in thousandths) as it stands in the documents. */
void render_reading(struct json *json, const char *key, const struct metric *metric, bool rate,
		    int64_t value);
/* The unit of that number, for people: "bytes/s"; empty: a plain number. */
const char *render_unit(const struct metric *metric, bool rate);

/* Writes the document of any report into buffer. Returns its length or -ENOSPC. */
int render_report(char *buffer, size_t size, const struct report *report);

#endif
