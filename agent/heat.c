/* SPDX-License-Identifier: MIT */
/*
 * A Pi that gets too hot or too little voltage lowers its clock: the same requests take longer, more
 * of them are at work at once, and each holds memory. So less is asked for before that happens. The
 * shares are what the lower clocks leave (Pi 3: 1200 to 600 MHz under-voltage, 1200 to
 * 1080 and less when hot), rounded to the careful side; the way down is a ramp, because the clock
 * goes down in steps, too.
 */
#include "agent/heat.h"

#include "agent/units.h"

enum {
	SCALE_UNDERVOLTAGE_PCT = HEAT_LEAST_PCT,
	SCALE_THROTTLED_PCT = HEAT_LEAST_PCT,
	/* From 4 degrees below the limit to 4 above: the firmware acts at the limit. */
	RAMP_MILLI_CELSIUS = 4000,
	/* No SoC works above; a sensor that says more is broken and takes nothing. */
	PLAUSIBLE_MILLI_CELSIUS = 150000,
};

static int64_t temperature_scale_pct(const struct readings *readings)
{
	if (!readings_has(readings, ROLE_SOC_TEMP) || !readings_has(readings, ROLE_SOC_TEMP_LIMIT))
		return 100;
	int64_t temp = readings->value[ROLE_SOC_TEMP], limit = readings->value[ROLE_SOC_TEMP_LIMIT];
	if (temp > PLAUSIBLE_MILLI_CELSIUS || limit > PLAUSIBLE_MILLI_CELSIUS || limit <= 0)
		return 100;
	int64_t above = clamp_i64(temp - (limit - RAMP_MILLI_CELSIUS), 0, 2 * RAMP_MILLI_CELSIUS);
	return 100 - above * (100 - SCALE_THROTTLED_PCT) / (2 * RAMP_MILLI_CELSIUS);
}

static bool is_true(const struct readings *readings, enum metric_role role)
{
	return readings_has(readings, role) && readings->value[role];
}

int64_t heat_scale_pct(const struct readings *readings, const char **ret_why)
{
	int64_t pct = temperature_scale_pct(readings);
	const char *why = "SoC is hot";

	/* First, because it is a cause: the firmware of a Pi throttles then, too. */
	if (is_true(readings, ROLE_UNDERVOLTAGE) && pct > SCALE_UNDERVOLTAGE_PCT) {
		pct = SCALE_UNDERVOLTAGE_PCT;
		why = "supply voltage is low";
	}
	if (is_true(readings, ROLE_THROTTLED) && pct > SCALE_THROTTLED_PCT) {
		pct = SCALE_THROTTLED_PCT;
		why = "SoC is throttled";
	}
	if (pct < 100)
		*ret_why = why;
	return pct;
}
