/* SPDX-License-Identifier: MIT */
/*
 * The time of the day is compared, not a moment: where summer time begins there may be no 02:30, and the
 * summary comes at 03:00; where it ends 02:30 comes twice, and the second time the day was told already.
 * Days only count up: a clock that is set back does not tell a day twice. If it goes back by more than a
 * day it had been wrong, and counting begins anew without a summary.
 */
#include "notifiers/post_daily.h"

#include <time.h>

bool post_daily_due(const char *daily_at, int64_t wall_ms, int64_t *day)
{
	int at = (daily_at[0] - '0') * 600 + (daily_at[1] - '0') * 60 + (daily_at[3] - '0') * 10 +
		 (daily_at[4] - '0');
	time_t seconds = (time_t)(wall_ms / 1000);
	int64_t today;
	struct tm local, date;
	bool past;

	if (!localtime_r(&seconds, &local))
		return false;
	past = local.tm_hour * 60 + local.tm_min >= at;
	/* The date alone, as if it were one of UTC. */
	date = (struct tm){
		.tm_year = local.tm_year, .tm_mon = local.tm_mon, .tm_mday = local.tm_mday};
	today = timegm(&date) / 86400;
	if (*day == 0 || *day > today + 1) {
		*day = past ? today : today - 1;
		return false;
	}
	if (!past || *day >= today)
		return false;
	*day = today;
	return true;
}
