/* SPDX-License-Identifier: MIT */
/*
 * keepalived.conf(5), misc_dynamic: exit 1 takes the real server out of the table, which cuts its
 * connections; 2 to 255 mean "alive, with this number less 2 as weight", and with weight 0 LVS sends no
 * new connections while the old ones go on. The latter is what an operator's drain wants, and what
 * the agent wants at the hard level where other servers remain (fleet = mixed). Without that (pis-only) the
 * weight stays at 1 or above: if all Pis were at 0, LVS would refuse everybody. 0 is never used: it
 * would leave the weight as it was. Our own usage errors end with 1 here, because 2 would mean weight 0.
 *
 * Monitoring plugins: what is wrong outside of the plugin, a name that cannot be resolved included, is
 * no UNKNOWN (guidelines of the Monitoring Plugins, "Plugin Return Codes"). An operator's hold and a
 * blind agent need somebody's eye but nobody's sleep.
 */
#include "agent/ctl/check_exit.h"

static int keepalived_code(const struct check_result *result)
{
	if (!result->answered)
		return KEEPALIVED_FAILED;
	if (result->answer.drain || result->answer.fail)
		return KEEPALIVED_WEIGHT_0;
	return KEEPALIVED_WEIGHT_0 + result->answer.told_weight;
}

static int nagios_code(const struct check_result *result)
{
	if (!result->answered)
		return NAGIOS_CRITICAL;
	switch (result->answer.state) {
	case CONTROL_NORMAL:
	case CONTROL_RECOVER:
		return NAGIOS_OK;
	case CONTROL_SHED:
	case CONTROL_HOLD:
	case CONTROL_BLIND:
		return NAGIOS_WARNING;
	case CONTROL_HARD:
	case CONTROL_STATES:
		break;
	}
	return NAGIOS_CRITICAL;
}

int check_exit_code(enum check_mode mode, const struct check_result *result)
{
	switch (mode) {
	case CHECK_KEEPALIVED:
		return keepalived_code(result);
	case CHECK_NAGIOS:
		return nagios_code(result);
	case CHECK_PLAIN:
		break;
	}
	if (!result->answered)
		return CHECK_EXIT_NOTHING;
	return result->answer.status == HTTP_STATUS_OK ? CHECK_EXIT_UP : CHECK_EXIT_NOT_UP;
}

int check_exit_usage(enum check_mode mode)
{
	switch (mode) {
	case CHECK_KEEPALIVED:
		return KEEPALIVED_FAILED;
	case CHECK_NAGIOS:
		return NAGIOS_UNKNOWN;
	case CHECK_PLAIN:
		break;
	}
	return CTL_USAGE;
}

int check_exit_worse(int one, int other)
{
	return one > other ? one : other;
}
