/* SPDX-License-Identifier: MIT */
/*
 * Everything follows from the unit of a metric and from its name, which ends in the unit (a rule of
 * this program), so that a new collector needs no row here. The classes and the units that go with
 * them are those of Home Assistant's components/sensor/const.py; a unit without a class may be any
 * text. A number without a class has no conversion and that is all it lacks.
 *
 * Home Assistant shows what is enabled on one page and records it in its database each second. So
 * the few readings that matter on every board are enabled, and the operator switches on the rest.
 */
#include "notifiers/mqtt_discovery_reading.h"

#include <stdio.h>
#include <string.h>

#define MEASUREMENT "measurement"
#define TOTAL "total_increasing"

static const struct shown {
	const char *group, *field;
	const char *device_class; /* of a boolean; NULL: what its unit says */
} shown[] = {
	{"soc", "temp_c", NULL},	  {"soc", "undervoltage", NULL},
	{"soc", "throttled", NULL},	  {"soc", "soft_limit", "heat"},
	{"mem", "available_bytes", NULL}, {"mem", "headroom_bytes", NULL},
	{"mem", "psi_some_ratio", NULL},  {"swap", "used_bytes", NULL},
	{"swap", "out_bytes_s", NULL},	  {"swap", "oom_kills", NULL},
	{"sd", "stalled", NULL},	  {"sd", "health", NULL},
	{"sd", "write_errors", NULL},	  {"sd", "write_bytes_s", NULL},
	{"fs", "read_only", NULL},	  {"net", "rx_bytes_s", NULL},
	{"net", "tx_bytes_s", NULL},	  {"web", "requests_s", NULL},
	{"web", "errors_5xx_s", NULL},	  {"web", "busy_workers", NULL},
};

/* What stands for a number in thousandths, or for a count, by the end of its name. */
static const struct ending {
	const char *end, *unit, *device_class;
	int precision;
} endings[] = {
	{"_v", "V", "voltage", 2},    {"_a", "A", "current", 2},  {"_w", "W", "power", 2},
	{"_ms", "ms", "duration", 1}, {"_s", "s", "duration", 0}, {"_rpm", "rpm", NULL, 0},
};

struct word {
	const char *brief, *plain;
};

static const struct word groups[] = {
	{"soc", "SoC"},	    {"mem", "Memory"},	   {"swap", "Swap"},
	{"sd", "Disk"},	    {"fs", "File system"}, {"web", "Web"},
	{"net", "Network"}, {"lb", "Load"},	   {"self", "Agent"},
};

static const struct word words[] = {
	{"temp", "temperature"},
	{"freq", "frequency"},
	{"undervoltage", "under-voltage"},
	{"max", "maximum"},
	{"psi", "pressure"},
	{"oom", "out-of-memory"},
	{"rx", "received"},
	{"tx", "sent"},
	{"nfs", "NFS"},
	{"rtt", "round trip"},
	{"cpu", "processor time"},
	{"rss", "resident memory"},
	{"rp1", "RP1"},
	{"usb", "USB"},
	{"eol", "end of life"},
	{"cqe", "command queue"},
	{"day", "per day"},
	{"worker", "worker size"},
};

/* Names end in units, which the name for people says in other words. */
static const struct word units[] = {
	{"bytes", ""}, {"ratio", ""},	  {"hz", ""},	     {"c", ""},	      {"s", ""},
	{"ms", ""},    {"v", " voltage"}, {"a", " current"}, {"w", " power"}, {"rpm", " speed"},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *mqtt_reading_field(const struct mqtt_reading *reading)
{
	return reading->rate ? reading->metric->rate_name : reading->metric->name;
}

static const struct shown *find_shown(const struct mqtt_reading *reading)
{
	for (size_t i = 0; i < COUNT(shown); i++)
		if (strcmp(shown[i].group, reading->metric->group) == 0 &&
		    strcmp(shown[i].field, mqtt_reading_field(reading)) == 0)
			return &shown[i];
	return NULL;
}

static void look_by_ending(const char *field, struct mqtt_look *look)
{
	size_t length = strlen(field);

	for (size_t i = 0; i < COUNT(endings); i++) {
		size_t end = strlen(endings[i].end);
		if (length <= end || strcmp(field + length - end, endings[i].end) != 0)
			continue;
		look->unit = endings[i].unit;
		look->device_class = endings[i].device_class;
		look->precision = endings[i].precision;
		return;
	}
}

static void look_at_rate(enum metric_unit unit, struct mqtt_look *look)
{
	look->state_class = MEASUREMENT;
	look->precision = 1;
	if (unit == UNIT_BYTES) {
		look->device_class = "data_rate";
		look->unit = "B/s";
		look->precision = 0;
	} else if (unit == UNIT_PPM) {
		look->unit = "%";
		look->percent = true;
	} else {
		look->unit = unit == UNIT_US ? "ms/s" : "1/s";
	}
}

static void look_at_value(const struct metric *metric, struct mqtt_look *look)
{
	look->state_class = metric->kind == METRIC_COUNTER ? TOTAL : MEASUREMENT;
	switch (metric->unit) {
	case UNIT_MILLI:
		look->precision = 1;
		/* fall through */
	case UNIT_COUNT:
		look_by_ending(metric->name, look);
		return;
	case UNIT_BYTES:
		look->device_class = "data_size";
		look->unit = "B";
		return;
	case UNIT_MS:
		look->device_class = "duration";
		look->unit = "ms";
		return;
	case UNIT_US: /* no unit of the class duration before 2025 */
		look->unit = "\u03bcs";
		return;
	case UNIT_S:
		look->device_class = "duration";
		look->unit = "s";
		return;
	case UNIT_HZ:
		look->device_class = "frequency";
		look->unit = "Hz";
		return;
	case UNIT_MILLI_CELSIUS:
		look->device_class = "temperature";
		look->unit = "\u00b0C";
		look->precision = 1;
		return;
	case UNIT_PPM:
		look->unit = "%";
		look->precision = 1;
		look->percent = true;
		return;
	case UNIT_BOOL:
		look->binary = true;
		look->device_class = "problem";
		break;
	case UNIT_WORD:
		look->device_class = "enum";
		look->words = metric->words;
		break;
	case UNIT_TEXT:
		break;
	}
	look->state_class = NULL; /* with one, a word or a text would be refused */
}

void mqtt_reading_look(const struct mqtt_reading *reading, struct mqtt_look *ret_look)
{
	const struct shown *found = find_shown(reading);

	*ret_look = (struct mqtt_look){.precision = -1, .enabled = found != NULL};
	if (reading->rate)
		look_at_rate(reading->metric->unit, ret_look);
	else
		look_at_value(reading->metric, ret_look);
	if (found && found->device_class)
		ret_look->device_class = found->device_class;
}

/* NULL: not in the table. brief need not be terminated. */
static const char *find_word(const struct word *table, size_t count, const char *brief,
			     size_t length)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(table[i].brief) == length && memcmp(table[i].brief, brief, length) == 0)
			return table[i].plain;
	return NULL;
}

/* The length of field without the units at its end; says in other words what was the last of them. */
static size_t without_units(const char *field, const char **ret_quantity)
{
	size_t length = strlen(field);

	*ret_quantity = "";
	if (length > 6 && strcmp(field + length - 6, "_total") == 0)
		length -= 6;
	for (;;) {
		const char *last = memrchr(field, '_', length);
		const char *plain;
		if (!last)
			return length;
		plain = find_word(units, COUNT(units), last + 1,
				  length - (size_t)(last + 1 - field));
		if (!plain)
			return length;
		*ret_quantity = plain;
		length = (size_t)(last - field);
	}
}

static void append(char name[MQTT_READING_NAME_SIZE], const char *text, size_t length)
{
	size_t used = strlen(name);

	snprintf(name + used, MQTT_READING_NAME_SIZE - used, "%.*s", (int)length, text);
}

static void append_word(char name[MQTT_READING_NAME_SIZE], const char *word, size_t length)
{
	const char *plain = find_word(words, COUNT(words), word, length);

	append(name, " ", 1);
	append(name, plain ? plain : word, plain ? strlen(plain) : length);
}

void mqtt_reading_name(const struct mqtt_reading *reading, char ret_name[MQTT_READING_NAME_SIZE])
{
	const char *group = reading->metric->group, *field = mqtt_reading_field(reading);
	const char *plain = find_word(groups, COUNT(groups), group, strlen(group));
	const char *quantity, *end = field + without_units(field, &quantity);

	snprintf(ret_name, MQTT_READING_NAME_SIZE, "%s", plain ? plain : group);
	while (field < end) {
		const char *underscore = memchr(field, '_', (size_t)(end - field));
		const char *word_end = underscore ? underscore : end;
		append_word(ret_name, field, (size_t)(word_end - field));
		field = underscore ? underscore + 1 : end;
	}
	append(ret_name, quantity, strlen(quantity));
	/* A ratio is one already, whatever its counter counts. */
	if (reading->rate && reading->metric->unit != UNIT_PPM)
		append(ret_name, " per second", 11);
}
