/* SPDX-License-Identifier: MIT */
/*
 * The file that the history is kept in. The input is laid over a good image at the place that its first two
 * bytes name (or is the whole file, if they are ff ff), because no random file has the right length. What is
 * taken over has ordered points, goes on, and can be saved and loaded again; what is refused changes nothing.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/history_image.h"
#include "agent/units.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_NS (INT64_C(1000000) * NS_PER_S)

static const struct metric metrics[] = {
	{.group = "mem", .name = "a", .unit = UNIT_BYTES, .course = true},
	{.group = "web", .name = "b", .unit = UNIT_COUNT, .course = true},
};

static void check(int condition)
{
	if (!condition)
		abort();
}

static size_t count_points(const struct history *history)
{
	size_t count = 0;

	for (size_t series = 0; series < 2; series++) {
		for (enum history_span span = 0; span < HISTORY_SPANS; span++) {
			for (size_t ago = 0; ago < history_steps(span); ago++) {
				struct history_point point;

				if (!history_get(history, series, span, ago, NOW_NS, &point))
					continue;
				check(point.least <= point.mean && point.mean <= point.most);
				count++;
			}
		}
	}
	return count;
}

static void take(struct history *history, struct state *state, struct state_source source,
		 int64_t now_ns)
{
	static struct batch batch;

	batch_reset(&batch);
	batch_value(&batch, 0, now_ns % 5000);
	batch_value(&batch, 1, -3);
	state_update(state, source, &batch, now_ns);
	history_take(history, state, now_ns);
}

/* A day of two readings, as it is saved. */
static uint8_t *good_image(struct state *state, struct state_source source, size_t *ret_length)
{
	struct history *history = history_new(state);
	uint8_t *image;

	check(history != NULL);
	*ret_length = history_image_size(history);
	image = malloc(*ret_length);
	check(image != NULL);
	for (int64_t ago = 400; ago > 0; ago--)
		take(history, state, source, NOW_NS - ago * 100 * NS_PER_S);
	history_save(history, "boot", image);
	history_free(history);
	return image;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct state *state = state_new(2);
	struct state_source source;
	struct history *history;
	size_t length, place;
	uint8_t *image;

	check(state != NULL);
	check(state_add(state, metrics, 2, NS_PER_S, &source) == 0);
	image = good_image(state, source, &length);
	place = size >= 2 ? (size_t)(data[0] << 8 | data[1]) : 0;
	history = history_new(state);
	check(history != NULL);
	if (place == 0xffff) {
		check(size - 2 == length ||
		      history_load(history, "boot", NOW_NS, data + 2, size - 2) == -EINVAL);
	} else {
		for (size_t i = 2; i < size; i++)
			image[(place + i - 2) % length] = data[i];
		if (history_load(history, "boot", NOW_NS, image, length) == 0) {
			struct history *again = history_new(state);

			take(history, state, source, NOW_NS);
			history_save(history, "boot", image);
			check(again != NULL);
			check(history_load(again, "boot", NOW_NS, image, length) == 0);
			check(count_points(again) == count_points(history));
			history_free(again);
		} else {
			check(count_points(history) == 0);
		}
	}
	free(image);
	history_free(history);
	state_free(state);
	return 0;
}
